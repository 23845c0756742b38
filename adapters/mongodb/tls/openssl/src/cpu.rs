//! What graviola, which does the cryptography, needs of the processor. Without it, it would panic.

use crate::error::ErrorStack;

#[cfg(target_arch = "x86_64")]
fn needed() -> Vec<(&'static str, bool)> {
    use std::arch::is_x86_feature_detected as has;
    vec![
        ("adx", has!("adx")),
        ("aes", has!("aes")),
        ("avx", has!("avx")),
        ("avx2", has!("avx2")),
        ("bmi1", has!("bmi1")),
        ("bmi2", has!("bmi2")),
        ("pclmulqdq", has!("pclmulqdq")),
        ("ssse3", has!("ssse3")),
    ]
}

#[cfg(target_arch = "aarch64")]
fn needed() -> Vec<(&'static str, bool)> {
    use std::arch::is_aarch64_feature_detected as has;
    vec![
        ("aes", has!("aes")),
        ("neon", has!("neon")),
        ("pmull", has!("pmull")),
        ("sha2", has!("sha2")),
    ]
}

/// An error that names what is missing.
pub(crate) fn check() -> Result<(), ErrorStack> {
    refuse_without(&needed())
}

fn refuse_without(needed: &[(&str, bool)]) -> Result<(), ErrorStack> {
    let missing: Vec<_> = needed.iter().filter(|(_, has)| !has).map(|(name, _)| *name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let problem = format!("TLS needs a processor with {}", missing.join(", "));
    Err(ErrorStack::new(problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(refuse_without(&[("aes", true)]), Ok(()));
        let refused = refuse_without(&[("adx", false), ("aes", true), ("avx2", false)]);
        let problem = refused.unwrap_err().to_string();
        assert_eq!(problem, "TLS needs a processor with adx, avx2");
    }
}
