//! The reads of a shared source that count.

use super::*;
use crate::secret_store::sources::Progress;

#[test]
fn a_first_read_that_ends_in_mid_line_counts_when_another_agrees() {
    fresh().play(&[
        (0, Do::Ask(1), "read 1, tick 100"),
        (1, Do::Text(PIPE, CUT), "read 2, look 50, idle"),
        (2, Do::Text(PIPE, WHOLE), "read 3"),
        (3, Do::Text(PIPE, WHOLE), "list, 1 permit, ready+KEY"),
    ]);
    // The same after a malformed read.
    fresh().play(&[
        (0, Do::Ask(1), "read 1, tick 100"),
        (1, Do::Text(PIPE, "KEY='"), "1 unreadable, look 50, malformed"),
        (1_001, Do::Ask(2), "read 2"),
        (1_002, Do::Text(PIPE, WHOLE), "read 3, idle"),
        (1_003, Do::Text(PIPE, WHOLE), "list, 2 permit, ready+KEY"),
    ]);
}

#[test]
fn a_changed_pipe_allows_only_what_both_reads_allow_until_another_agrees() {
    let mut bench = ready();
    bench.play(&[
        (1_000, Do::Reload(Some(1)), "read 2, tick 100"),
        (1_001, Do::Text(PIPE, OTHER), "forget, read 3, look 50, ready+KEY"),
        (1_002, Do::AskFor(2, "api.example"), "2 permit"),
        (1_003, Do::AskFor(3, "old.example"), ""),
        (1_004, Do::AskFor(4, "new.example"), ""),
        (1_005, Do::See(Progress::Unserved), "ready+KEY"),
    ]);
    assert!(bench.report.detail.starts_with("reading again: "), "{}", bench.report.detail);
    bench.play(&[
        (1_006, Do::Text(PIPE, OTHER), "list, 3 denied, 4 permit, forget, 1 told, ready+KEY"),
        (1_007, Do::AskFor(5, "new.example"), "5 permit"),
    ]);
}

#[test]
fn what_no_second_read_confirms_in_time_is_refused_as_unconfirmed() {
    ready().play(&[
        (1_000, Do::Reload(None), "read 2, tick 100"),
        (1_001, Do::Text(PIPE, OTHER), "forget, read 3, look 50, ready+KEY"),
        (1_002, Do::AskFor(1, "new.example"), ""),
        (1_002, Do::See(Progress::Unserved), "ready+KEY"),
        (4_001, Do::Tick, "tick 100"),
        (4_002, Do::Tick, "1 unconfirmed, notify, tick 100"),
        // No request wants the read for the approval wait: the held secrets stay in force.
        (61_001, Do::Tick, "tick 100"),
        (61_002, Do::Tick, "abort, ready+KEY"),
        (61_003, Do::Ask(2), "2 permit"),
    ]);
}

#[test]
fn reads_that_all_differ_make_the_source_malformed() {
    let mut bench = ready();
    bench.play(&[
        (1_000, Do::Reload(Some(1)), "read 2, tick 100"),
        (1_001, Do::Text(PIPE, OTHER), "forget, read 3, look 50, ready+KEY"),
        (1_002, Do::Text(PIPE, THIRD), "forget, read 4, ready+KEY"),
        (1_003, Do::Text(PIPE, CUT), "1 told, forget, malformed"),
        (1_004, Do::Ask(2), "2 unreadable"),
    ]);
    assert!(bench.report.detail.contains("another program"), "{}", bench.report.detail);
}
