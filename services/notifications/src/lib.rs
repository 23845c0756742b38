//! The notifications service as a library.
