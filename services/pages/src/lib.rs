//! The files of the two pages.
