//! Builders: each call makes another thing, whose facts a test states as far as they matter to it.

mod article;
mod envelope;
mod payment;
mod user;

use std::sync::atomic::{AtomicU64, Ordering};

use comptoir_domain::stock::Sku;
use comptoir_domain::time::Timestamp;

pub use self::article::{ArticleBuilder, an_article};
pub use self::envelope::{EnvelopeBuilder, an_envelope};
pub use self::payment::{PaymentBuilder, a_payment};
pub use self::user::{UserBuilder, a_user};

/// When things happen unless a test says otherwise: the start of 2026.
pub const THEN: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// Tells what one process builds apart.
fn another() -> u64 {
    static BUILT: AtomicU64 = AtomicU64::new(1);
    BUILT.fetch_add(1, Ordering::Relaxed)
}

/// An article's code.
///
/// # Panics
/// If the text is none.
pub fn a_sku(code: &str) -> Sku {
    Sku::try_from(code.to_owned()).unwrap()
}
