//! The payments service as a library.
