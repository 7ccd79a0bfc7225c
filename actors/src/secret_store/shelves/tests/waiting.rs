//! The waits of requests for a source, and the reads that they wait for.

use super::*;
use crate::secret_store::sources::{Progress, ReadError};

#[test]
fn five_hundred_requests_wait_for_one_read() {
    let mut bench = fresh();
    assert_eq!(bench.on(0, &Do::Ask(1)), "read 1, tick 100");
    for id in 2..=500 {
        assert_eq!(bench.on(id, &Do::Ask(id)), "");
    }
    let steps = bench.on(900, &Do::Text(PIPE, WHOLE));
    assert_eq!(steps.matches("permit").count(), 500);
    assert!(steps.starts_with("list, 1 permit, 2 permit") && steps.ends_with("500 permit, look 50, ready+KEY"));
    bench.play(&[(901, Do::Ask(501), "501 permit"), (902, Do::AskFor(502, "evil.example"), "502 denied")]);
}

#[test]
fn a_late_approval_serves_the_requests_that_wait_by_then() {
    fresh().play(&[
        (0, Do::Ask(1), "read 1, tick 100"),
        (25, Do::See(Progress::Unserved), "unserved"),
        (50, Do::See(Progress::Awaiting), "awaiting-approval"),
        (14_900, Do::Tick, "tick 100"),
        (15_000, Do::Tick, "1 locked, notify, tick 100"),
        (20_000, Do::Ask(2), ""),
        (34_000, Do::See(Progress::Begun), "awaiting-approval"),
        (34_100, Do::Text(PIPE, WHOLE), "list, 2 permit, look 50, ready+KEY"),
    ]);
}

#[test]
fn a_read_that_no_request_has_wanted_for_the_approval_wait_is_dropped() {
    fresh().play(&[
        (0, Do::Ask(1), "read 1, tick 100"),
        (50, Do::See(Progress::Awaiting), "awaiting-approval"),
        (10_000, Do::Ask(2), ""),
        (15_000, Do::Tick, "1 locked, notify, tick 100"),
        (25_000, Do::Tick, "2 locked, tick 100"),
        (69_900, Do::Tick, "tick 100"),
        (70_000, Do::Tick, "abort, locked"),
        // A later result of the read comes too late.
        (70_001, Do::See(Progress::Begun), ""),
        (70_002, Do::TextOf(1, PIPE, WHOLE), ""),
        (70_999, Do::Ask(3), "3 locked"),
        (71_000, Do::Ask(4), "read 2, tick 100"),
        (71_001, Do::TextOf(1, PIPE, THIRD), ""),
        (71_002, Do::Text(PIPE, WHOLE), "list, 4 permit, look 50, ready+KEY"),
    ]);
}

#[test]
fn while_nobody_serves_the_pipe_a_request_waits_three_seconds() {
    fresh().play(&[
        (0, Do::Ask(1), "read 1, tick 100"),
        (25, Do::See(Progress::Unserved), "unserved"),
        (2_000, Do::Ask(2), ""),
        (3_000, Do::Tick, "tick 100"),
        (3_025, Do::Tick, "1 locked, notify, tick 100"),
        (4_999, Do::Tick, "tick 100"),
        (5_000, Do::Tick, "2 locked, tick 100"),
    ]);
}

#[test]
fn time_in_which_the_pipe_was_served_does_not_count_and_fifteen_seconds_are_the_end() {
    fresh().play(&[
        (0, Do::Ask(1), "read 1, tick 100"),
        (0, Do::See(Progress::Unserved), "unserved"),
        (2_900, Do::See(Progress::Awaiting), "awaiting-approval"),
        (10_000, Do::Tick, "tick 100"),
        (13_000, Do::See(Progress::Unserved), "unserved"),
        (14_900, Do::Tick, "tick 100"),
        (15_000, Do::Tick, "1 locked, notify, tick 100"),
    ]);
}

#[test]
fn a_pipe_closed_empty_is_locked_and_the_pauses_grow() {
    let mut bench = fresh();
    bench.play(&[
        (0, Do::Ask(1), "read 1, tick 100"),
        (0, Do::Fail(ReadError::ClosedEmpty), "notify, 1 locked, look 50, locked"),
        (50, Do::Look(Ok(PIPE)), ""),
        (100, Do::Tick, ""),
        (999, Do::Ask(2), "2 locked"),
    ]);
    let mut at = 1_000;
    let pauses = [2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000];
    for (read, pause) in (2..).zip(pauses) {
        assert_eq!(bench.on(at, &Do::Ask(10)), format!("read {read}, tick 100"));
        assert_eq!(bench.on(at, &Do::Fail(ReadError::ClosedEmpty)), "10 locked, look 50");
        bench.play(&[(at, Do::Look(Ok(PIPE)), ""), (at, Do::Tick, "")]);
        at += pause;
        bench.play(&[(at - 1, Do::Ask(11), "11 locked")]);
    }
    bench.play(&[
        (at, Do::Ask(12), "read 12, tick 100"),
        (at, Do::Text(PIPE, WHOLE), "list, 12 permit, look 50, ready+KEY"),
        // After a good read, the next failure may notify again.
        (at, Do::Reload(None), "read 13"),
        (at, Do::Ask(13), "13 permit"),
        (at, Do::Fail(ReadError::ClosedEmpty), "forget, locked"),
        (at + 999, Do::Ask(14), "notify, 14 locked"),
    ]);
}

/// A row of so many refused reads of the pipe, and when the last one was.
fn refused(bench: &mut Bench, reads: u32) -> u64 {
    let mut at = 0;
    for nth in 0..reads {
        at += if nth == 0 { 0 } else { 1_000 << (nth - 1) };
        let steps = bench.on(at, &Do::Ask(1));
        assert!(steps.starts_with("read "), "read {nth} at {at}: {steps}");
        bench.on(at, &Do::Fail(ReadError::ClosedEmpty));
        bench.play(&[(at, Do::Look(Ok(PIPE)), ""), (at, Do::Tick, "")]);
    }
    at
}

#[test]
fn a_person_who_wants_the_secrets_need_not_wait_for_the_end_of_a_long_pause() {
    // By `reload`; the pause after that is short again.
    let mut bench = fresh();
    let at = refused(&mut bench, 6);
    bench.play(&[
        (at + 1_000, Do::Ask(2), "2 locked"),
        (at + 1_000, Do::Reload(None), "read 7, tick 100"),
        (at + 1_000, Do::Ask(3), ""),
        (at + 1_001, Do::Fail(ReadError::ClosedEmpty), "3 locked, look 50"),
        (at + 2_001, Do::Ask(4), "read 8"),
    ]);
    // By another mount in its place, as an app makes it when it is started or unlocked.
    let mut bench = fresh();
    let at = refused(&mut bench, 6);
    bench.play(&[
        (at + 1_000, Do::Ask(2), "2 locked"),
        (at + 1_000, Do::Look(Ok(pipe(2))), "idle"),
        (at + 1_000, Do::Ask(3), "read 7, tick 100"),
        (at + 1_001, Do::Text(pipe(2), WHOLE), "list, 3 permit, look 50, ready+KEY"),
    ]);
}

#[test]
fn a_pipe_with_a_malformed_text_asks_its_owner_less_and_less_and_a_file_is_soon_read_again() {
    for (source, longest) in [(PIPE, 300_000), (file(1), 10_000)] {
        let mut bench = fresh();
        bench.on(0, &Do::Look(Ok(source)));
        let (mut at, mut pause) = (0, 1_000);
        for nth in 0..11 {
            bench.on(at, &Do::Ask(nth));
            bench.on(at, &Do::Text(source, "KEY"));
            bench.play(&[
                (at, Do::Look(Ok(source)), ""),
                (at, Do::Tick, ""),
                (at + pause - 1, Do::Ask(99), "99 unreadable"),
            ]);
            at += pause;
            pause = longest.min(2 * pause);
        }
    }
}

#[test]
fn requests_go_over_to_the_pipe_that_takes_the_place() {
    fresh().play(&[
        (0, Do::Ask(1), "read 1, tick 100"),
        (25, Do::See(Progress::Unserved), "unserved"),
        (100, Do::Fail(ReadError::Replaced(pipe(2))), "read 2, look 50"),
        (150, Do::Look(Ok(pipe(2))), ""),
        (200, Do::See(Progress::Awaiting), "awaiting-approval"),
        (300, Do::Fail(ReadError::ClosedEmpty), "notify, 1 locked, look 50, locked"),
        // This pipe was seen before: it does not count as new, and the pause continues.
        (350, Do::Look(Ok(pipe(2))), ""),
        (400, Do::Ask(2), "2 locked"),
    ]);
    fresh().play(&[
        (0, Do::Ask(1), "read 1, tick 100"),
        (25, Do::See(Progress::Unserved), "unserved"),
        (50, Do::Abandon(&[1]), ""),
        // No request waits: the new pipe is not opened.
        (100, Do::Fail(ReadError::Replaced(pipe(2))), "look 50"),
        (150, Do::Look(Ok(pipe(2))), "idle"),
    ]);
}

#[test]
fn a_reload_reads_in_spite_of_a_pause_and_hears_how_it_went() {
    fresh().play(&[
        (0, Do::Ask(1), "read 1, tick 100"),
        (0, Do::Fail(ReadError::ClosedEmpty), "notify, 1 locked, look 50, locked"),
        (1, Do::Reload(Some(2)), "read 2"),
        (1, Do::Reload(Some(3)), ""),
        (2, Do::Text(PIPE, WHOLE), "list, 2 told, 3 told, ready+KEY"),
        (3, Do::Reload(Some(4)), "read 3"),
        // A person who typed `reload` gets no notification.
        (4, Do::Fail(ReadError::ClosedEmpty), "4 told, forget, locked"),
    ]);
}

#[test]
fn while_the_daemon_ends_a_request_waits_half_a_second() {
    fresh().play(&[
        (0, Do::Ask(1), "read 1, tick 100"),
        (0, Do::See(Progress::Awaiting), "awaiting-approval"),
        (400, Do::Ask(2), ""),
        (499, Do::Drain, ""),
        (499, Do::Tick, "tick 100"),
        (500, Do::Tick, "1 locked, notify, tick 100"),
        (899, Do::Tick, "tick 100"),
        (900, Do::Tick, "2 locked, tick 100"),
    ]);
}

#[test]
fn an_abandoned_question_gets_no_answer() {
    fresh().play(&[
        (0, Do::Ask(1), "read 1, tick 100"),
        (0, Do::Ask(2), ""),
        (0, Do::Ask(3), ""),
        (1, Do::Abandon(&[1, 3]), ""),
        (2, Do::Text(PIPE, WHOLE), "list, 2 permit, look 50, ready+KEY"),
    ]);
}
