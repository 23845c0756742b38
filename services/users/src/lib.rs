//! The users service as a library.
