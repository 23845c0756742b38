//! One test for every check: the lists, and the macros that make the tests.

mod bus;
mod store;

/// Makes a module with one test for each check of one contract module.
#[doc(hidden)]
#[macro_export]
macro_rules! checks {
    ($harness:ty, $name:ident = $module:path { $($check:ident),* $(,)? }) => {
        mod $name {
            use super::*;
            use $module as contract;
            $(
                #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $check() {
                    contract::$check(&<$harness as ::core::default::Default>::default()).await;
                }
            )*
        }
    };
    ($harness:ty, $name:ident = $module:path { $($check:ident),* $(,)? } for $of:expr) => {
        mod $name {
            use super::*;
            use $module as contract;
            $(
                #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $check() {
                    contract::$check(&<$harness as ::core::default::Default>::default(), $of).await;
                }
            )*
        }
    };
}

/// The same for checks that need not wait and no harness but a type.
#[doc(hidden)]
#[macro_export]
macro_rules! plain_checks {
    ($under_test:ty, $name:ident = $module:path { $($check:ident),* $(,)? }) => {
        mod $name {
            use super::*;
            use $module as contract;
            $(
                #[test]
                fn $check() {
                    contract::$check::<$under_test>();
                }
            )*
        }
    };
}

/// Runs the contract of codecs on an [`EventCodec`](comptoir_domain::port::codec::EventCodec), one
/// test per check.
#[macro_export]
macro_rules! codec_contract {
    ($codec:ty) => {
        $crate::plain_checks!(
            $codec,
            codec = $crate::contract::codec {
                every_event_comes_back,
                every_attribute_comes_back,
                a_foreign_event_keeps_its_envelope,
                a_record_has_key_and_time,
                encoding_is_deterministic,
                headers_are_not_needed,
                what_is_no_event_is_unreadable,
            }
        );
        $crate::plain_checks!(
            $codec,
            dead_letters = $crate::contract::codec::dead_letters {
                a_dead_letter_keeps_the_original,
                a_dead_letter_can_be_read,
                a_cut_dead_letter_is_marked,
                a_dead_letter_comes_back,
                a_cut_dead_letter_comes_back_as_cut,
                a_record_that_dies_again_is_the_same_and_counted,
                only_the_latest_account_counts,
                a_replay_note_comes_back,
                what_is_no_dead_letter_is_told_apart,
            }
        );
    };
}

/// Runs the contract of password hashers and tokens on a
/// [`SecurityHarness`](crate::contract::security::SecurityHarness), one test per check.
#[macro_export]
macro_rules! security_contract {
    ($harness:ty) => {
        $crate::checks!(
            $harness,
            passwords = $crate::contract::security::passwords {
                only_the_right_password_verifies,
                every_byte_of_a_password_counts,
                every_hash_has_its_own_salt,
                hashes_outlive_their_hasher,
                nobody_has_no_password,
                nobody_takes_as_long_as_somebody,
                an_unreadable_hash_is_told,
            }
        );
        $crate::plain_checks!(
            $harness,
            tokens = $crate::contract::security::tokens {
                a_token_speaks_for_its_user,
                a_token_expires,
                a_changed_token_is_refused,
                a_token_of_others_is_refused,
                what_is_no_token_is_refused,
                an_unsigned_token_is_refused,
                secrets_do_not_show,
            }
        );
    };
}
