//! What every backend must do. A backend joins with one line: `contract::suite!(constructor)`.

pub(crate) mod accounts;
pub(crate) mod append;
pub(crate) mod engines;
pub(crate) mod hosts;
pub(crate) mod property;
pub(crate) mod range;
pub(crate) mod retention;
pub(crate) mod retention_limits;

/// Runs the whole contract on the backend that a function of `fixture` makes.
macro_rules! suite {
    ($backend:ident) => {
        mod $backend {
            use crate::{
                contract::{accounts, append, property, retention, retention_limits},
                fixture::$backend,
            };

            $crate::contract::shared! { $backend }

            $crate::contract::cases! { $backend, store:
                append::a_frame_sent_twice_counts_once,
                retention::every_frame_counts_once_in_both_tiers,
                retention::late_frames_join_their_interval,
                retention::only_whole_intervals_are_merged,
                retention::an_interval_larger_than_a_step_is_merged_whole,
                retention::the_interval_of_a_policy_may_change,
                retention::what_is_too_old_goes,
                retention::a_range_over_both_tiers_takes_whole_intervals,
                retention::appends_and_queries_go_on_meanwhile,
                retention_limits::a_size_bound_takes_the_oldest,
                retention_limits::a_clock_that_jumped_deletes_nothing,
                retention_limits::a_long_pause_is_believed_after_an_hour,
                retention_limits::a_clock_far_behind_is_told,
                retention_limits::a_bad_policy_names_its_key,
            }

            $crate::contract::cases! { $backend, accounts:
                accounts::a_new_password_ends_sessions_and_a_new_hash_does_not,
                accounts::names_are_taken_once,
                accounts::ended_sessions_are_remembered_until_they_would_end,
                accounts::configuration_is_kept,
                accounts::a_policy_changes_field_by_field,
            }

            #[tokio::test]
            async fn a_fresh_store_starts_at_a_generation_of_its_own() {
                let (one, other) = ($backend().await, $backend().await);
                accounts::generations_start_anywhere(
                    &*one.opened.accounts,
                    &*other.opened.accounts,
                )
                .await;
            }

            #[test]
            fn any_frames_are_answered_as_a_plain_computation_would() {
                property::answers_are_plain_computations(|| $backend());
            }
        }
    };
}

/// The contract of an engine: all of it but for what its documented limits leave out
/// (`docs/scale.md`), each with what holds instead:
///
/// - `append::a_frame_sent_twice_counts_once` sends another value at the same time. Which of two
///   values stays, an engine decides: `the_same_frame_sent_twice_counts_once` and
///   `another_frame_of_the_same_time_adds_none`.
/// - `retention::*` and `retention_limits::*`: how long things are kept is the engine's flag:
///   `retention_is_elsewhere`.
/// - `accounts::*`: an engine keeps none; those of the store beside it are tested there.
/// - The property without downsampling, and with no two frames of one time and different values.
macro_rules! engine_suite {
    ($backend:ident) => {
        mod $backend {
            use crate::{
                contract::{engines, property},
                fixture::$backend,
            };

            $crate::contract::shared! { $backend }

            $crate::contract::cases! { $backend, store:
                engines::the_same_frame_sent_twice_counts_once,
                engines::another_frame_of_the_same_time_adds_none,
                engines::retention_is_elsewhere,
                engines::a_register_is_seen_by_others,
                engines::new_frames_are_seen_at_once,
                engines::a_long_range_comes_in_parts,
                engines::aggregates_agree_with_sqlite,
            }

            #[test]
            fn any_frames_are_answered_as_a_plain_computation_would() {
                property::answers_of_an_engine_are_plain_computations(|| $backend());
            }
        }
    };
}

/// What every store does, whatever keeps its bytes.
macro_rules! shared {
    ($backend:ident) => {
        use crate::contract::{append as appending, hosts, range};

        $crate::contract::cases! { $backend, store:
            appending::frames_may_come_in_any_order,
            appending::hosts_are_kept_apart,
            appending::any_row_name_is_a_name,
            appending::missing_is_missing,
            appending::an_impossible_time_is_refused_with_its_whole_batch,
            appending::a_series_may_get_more_decimals,
            appending::a_row_named_twice_counts_once,
            appending::a_closed_store_says_so,
            hosts::a_machine_that_registers_again_has_its_name,
            hosts::two_machines_with_one_name_are_told_apart,
            hosts::frames_of_nobody_go_to_the_first_that_registers,
            hosts::interval_and_version_are_renewed,
            hosts::hosts_come_by_name,
            hosts::the_newest_values_of_all_hosts_come_at_once,
            range::a_range_ends_before_its_end,
            range::a_gap_is_a_gap,
            range::auto_is_raw_until_the_limit,
            range::the_limit_never_cuts_the_newest,
            range::several_aggregates_come_at_once,
            range::averages_are_exact,
            range::a_star_is_any_row,
            range::what_is_unknown_is_empty,
            range::a_bad_question_names_its_parameter,
            range::a_summary_is_one_figure_each,
        }
    };
}

/// One test per function, on a store of its own.
macro_rules! cases {
    ($backend:ident, $part:ident: $($module:ident::$case:ident,)+) => {
        $(
            #[tokio::test]
            async fn $case() {
                let backend = $backend().await;
                $module::$case(&*backend.opened.$part).await;
            }
        )+
    };
}

pub(crate) use {cases, engine_suite, shared, suite};
