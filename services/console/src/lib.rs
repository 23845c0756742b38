//! The console service as a library.
