//! The checks of the stores.

/// Runs the contract of the stores (users, payments, stock, their outboxes) on a
/// [`StoreHarness`](crate::contract::StoreHarness), one test per check.
#[macro_export]
macro_rules! store_contract {
    ($harness:ty) => {
        $crate::checks!(
            $harness,
            users = $crate::contract::store::users {
                a_missing_user_is_none,
                a_user_is_kept_whole,
                a_name_is_found_in_any_case,
                a_taken_name_is_refused,
                of_racing_registrations_one_wins,
                announcements_have_an_owner_of_their_own,
            }
        );
        $crate::checks!(
            $harness,
            payments = $crate::contract::store::payments {
                payments_load_in_the_order_asked,
                a_payment_is_kept_whole,
                versions_count_saves,
                a_stale_save_conflicts,
                an_update_of_nothing_conflicts,
                of_racing_saves_one_wins,
                a_mixed_batch_has_an_answer_each,
                saving_nothing_is_no_error,
                a_dropped_save_is_whole_or_absent,
            }
        );
        $crate::checks!(
            $harness,
            due = $crate::contract::store::due {
                due_payments_come_longest_waiting_first,
                settled_payments_are_not_due,
                unpublished_payments_are_not_due,
                a_payment_saved_again_is_due_once,
            }
        );
        $crate::checks!(
            $harness,
            answers_of_payments = $crate::contract::store::answers::payments {
                an_answer_is_kept_whole,
                a_second_save_under_a_key_is_refused,
                a_key_that_comes_twice_in_a_list_is_kept_once,
                a_stale_save_keeps_no_answer,
                of_racing_saves_under_one_key_one_wins,
                later_saves_leave_the_answer,
                old_answers_are_forgotten,
            }
        );
        $crate::checks!(
            $harness,
            answers_of_stock = $crate::contract::store::answers::receipts {
                every_receipt_keeps_its_answer,
                a_second_receipt_under_a_key_is_refused,
                a_stale_receipt_keeps_no_answer,
                of_racing_receipts_under_one_key_one_wins,
                racing_receipts_keep_all_answers,
                other_writes_leave_the_answer,
                old_answers_are_forgotten,
            }
        );
        $crate::checks!(
            $harness,
            stock = $crate::contract::store::stock {
                articles_load_in_the_order_asked,
                reservations_load_in_the_order_asked,
                one_write_changes_everything,
                an_unknown_article_keeps_its_rejection,
            }
        );
        $crate::checks!(
            $harness,
            stock_guards = $crate::contract::store::stock::guards {
                a_stale_article_conflicts,
                a_stale_reservation_conflicts,
                an_absent_reservation_conflicts,
                of_racing_writes_one_wins,
            }
        );
        $crate::checks!(
            $harness,
            stock_deliveries =
                $crate::contract::store::stock::deliveries { a_second_delivery_changes_nothing }
        );
        $crate::outbox_checks!($harness, outbox_of_users, $crate::contract::store::Kept::Users);
        $crate::outbox_checks!(
            $harness,
            outbox_of_payments,
            $crate::contract::store::Kept::Payments
        );
        $crate::outbox_checks!($harness, outbox_of_stock, $crate::contract::store::Kept::Stock);
        $crate::checks!(
            $harness,
            store_durable = $crate::contract::store::durable {
                users_survive_reopening,
                payments_survive_reopening,
                outboxes_survive_reopening,
                stock_survives_reopening,
                answers_survive_reopening,
            }
        );
    };
}

/// The checks of one repository's outboxes.
#[doc(hidden)]
#[macro_export]
macro_rules! outbox_checks {
    ($harness:ty, $name:ident, $of:expr) => {
        $crate::checks!($harness, $name = $crate::contract::store::outbox {
            entries_are_kept_whole,
            entries_stand_in_order,
            each_owner_is_nudged_once,
            a_save_without_events_nudges_nobody,
            a_refused_save_announces_nothing,
            a_dropped_wait_loses_no_nudge,
            only_owners_with_something_are_pending,
            clearing_goes_as_far_as_told,
            clearing_keeps_what_came_meanwhile,
            clearing_twice_is_no_error,
            clearing_changes_no_version,
            leftovers_come_oldest_first,
            a_half_cleared_owner_is_as_old_as_the_rest,
        } for $of);
    };
}
