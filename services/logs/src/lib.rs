//! The logs service as a library.
