//! Unwraps the required values of a request together.

/// A tuple of `Option`s that is worth something only as a whole.
pub trait Complete {
    /// The tuple of their values.
    type Values;
    /// Their values, if none of them is missing.
    fn all(self) -> Option<Self::Values>;
}

macro_rules! complete {
    ($($value:ident: $Kind:ident),+) => {
        impl<$($Kind),+> Complete for ($(Option<$Kind>,)+) {
            type Values = ($($Kind,)+);
            fn all(self) -> Option<Self::Values> {
                let ($($value,)+) = self;
                Some(($($value?,)+))
            }
        }
    };
}

complete!(a: A);
complete!(a: A, b: B);
complete!(a: A, b: B, c: C);
complete!(a: A, b: B, c: C, d: D);
complete!(a: A, b: B, c: C, d: D, e: E);
complete!(a: A, b: B, c: C, d: D, e: E, f: F);
