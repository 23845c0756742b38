//! The inventories service as a library.
