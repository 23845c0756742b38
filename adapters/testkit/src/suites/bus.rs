//! The checks of the log.

/// Runs the contract of the log (publisher, reader, groups, admin) on a
/// [`BusHarness`](crate::contract::BusHarness), one test per check.
#[macro_export]
macro_rules! bus_contract {
    ($harness:ty) => {
        $crate::checks!(
            $harness,
            publish = $crate::contract::bus::publish {
                records_of_a_key_keep_their_order,
                a_key_has_its_partition,
                records_without_a_key_all_arrive,
                offsets_are_contiguous_from_zero,
                the_answer_says_where_each_record_is,
                publishing_at_once_loses_nothing,
                records_are_kept_whole,
                a_record_of_the_largest_size_fits,
                a_larger_record_is_refused,
                dead_letters_take_twice_as_much,
                an_unknown_topic_is_refused,
                publishing_nothing_is_no_error,
            }
        );
        $crate::checks!(
            $harness,
            read = $crate::contract::bus::read {
                a_read_waits_and_wakes,
                a_read_at_the_end_can_be_empty,
                a_wait_can_end_empty,
                behind_the_end_is_out_of_range,
                a_read_is_limited_by_records,
                a_read_is_limited_by_bytes,
                a_dropped_read_loses_nothing,
                readers_are_independent,
                bounds_follow_the_log,
                forgotten_records_are_out_of_range,
            }
        );
        $crate::checks!(
            $harness,
            groups = $crate::contract::bus::groups {
                a_member_gets_everything_once,
                two_groups_each_get_everything,
                a_member_reads_all_its_topics,
                commits_resume_at_next,
                what_is_not_committed_comes_again,
                no_next_batch_before_the_commit,
                a_part_of_a_commit_is_not_enough,
                an_idle_member_wakes,
                a_dropped_next_loses_nothing,
                commits_come_from_any_task,
                committing_nothing_is_no_error,
            }
        );
        $crate::checks!(
            $harness,
            split = $crate::contract::bus::split {
                two_members_split_the_partitions,
                members_may_come_at_any_time,
                a_member_too_many_stands_by,
                settled_means_that_all_have_an_owner,
                a_dropped_join_leaves_nobody,
            }
        );
        $crate::checks!(
            $harness,
            handover = $crate::contract::bus::handover {
                a_released_partition_goes_to_the_other,
                the_next_owner_goes_on_at_the_commit,
                a_revoked_partition_is_finished_first,
                a_fenced_commit_commits_nothing,
                leaving_hands_over,
                dropping_hands_over,
                a_newcomer_may_leave_before_its_share_comes,
                what_was_not_finished_comes_again,
                only_what_is_revoked_is_released,
                an_expelled_member_is_told,
            }
        );
        $crate::checks!(
            $harness,
            wakes = $crate::contract::bus::wakes {
                a_member_wakes_after_a_commit,
                a_member_wakes_for_a_revocation,
                a_member_wakes_for_what_others_give_up,
                a_member_wakes_when_another_is_dropped,
                a_member_wakes_when_it_is_expelled,
            }
        );
        $crate::checks!(
            $harness,
            busy = $crate::contract::bus::busy { a_busy_group_commits_everything_once }
        );
        $crate::checks!(
            $harness,
            dropped = $crate::contract::bus::dropped {
                a_dropped_publish_is_whole_or_absent,
                a_dropped_commit_is_whole_or_absent,
            }
        );
        $crate::checks!(
            $harness,
            admin = $crate::contract::bus::admin {
                topics_are_created_once,
                topics_are_shown,
                groups_are_shown,
                a_rebalance_is_shown,
                lag_can_be_told,
                a_log_has_one_id,
                another_log_has_another_id,
            }
        );
        $crate::checks!(
            $harness,
            bus_durable = $crate::contract::bus::durable {
                records_survive_reopening,
                commits_survive_reopening,
                topics_and_the_id_survive_reopening,
            }
        );
    };
}
