//! Errors of the set-up.

use std::fmt;

/// Why TLS cannot be set up. The driver shows its text alone, so causes are part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorStack(String);

impl ErrorStack {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }
}

impl fmt::Display for ErrorStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ErrorStack {}
