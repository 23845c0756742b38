//! Executable contracts of the ports, builders and a clock that tests own.
