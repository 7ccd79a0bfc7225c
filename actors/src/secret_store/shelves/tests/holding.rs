//! The time in which a read is used, and the events that end it.

use std::time::Duration;

use super::*;
use crate::secret_store::shelf::Settings;

#[test]
fn a_read_is_used_until_either_clock_says_that_its_time_is_over() {
    let ttl = Duration::from_secs(300);
    ready().play(&[
        (299_999, Do::Ask(1), "1 permit"),
        (300_000, Do::Ask(2), "read 2, tick 100"),
        (300_000, Do::Render(3, 1), ""),
        (300_001, Do::Text(PIPE, WHOLE), "list, 2 permit, 3 rendered, look 50, ready+KEY"),
    ]);
    ready().play(&[(200, Do::Sleep(ttl), ""), (200, Do::Ask(1), "read 2, tick 100")]);
    ready().play(&[
        (200, Do::TurnBack(ttl), ""),
        (299_999, Do::Ask(1), "1 permit"),
        (300_000, Do::Ask(2), "read 2, tick 100"),
    ]);
    let mut bench = ready();
    bench.play(&[(299_999, Do::Look(Ok(PIPE)), ""), (300_000, Do::Look(Ok(PIPE)), "forget, idle")]);
    assert!(bench.report.names.is_empty() && bench.report.detail.contains("too old"), "{}", bench.report.detail);
}

#[test]
fn with_no_time_to_live_each_request_is_read_for_once_and_its_permit_is_rendered() {
    let mut bench = Bench::new(Settings { ttl: Duration::ZERO, ..SETTINGS });
    bench.play(&[
        (0, Do::Look(Ok(PIPE)), "idle"),
        (0, Do::Ask(1), "read 1, tick 100"),
        (0, Do::Text(PIPE, WHOLE), "list, 1 permit, look 50, ready+KEY"),
        (50, Do::Look(Ok(PIPE)), ""),
        (100, Do::Tick, ""),
        (4_999, Do::Render(2, 1), "2 rendered"),
        (4_999, Do::Ask(3), "read 2, tick 100"),
        (4_999, Do::Text(PIPE, WHOLE), "list, 3 permit, look 50, ready+KEY"),
        (9_998, Do::Look(Ok(PIPE)), ""),
        (9_999, Do::Look(Ok(PIPE)), "forget, idle"),
    ]);
}

#[test]
fn a_pipe_that_is_replaced_takes_its_values_along() {
    ready().play(&[(1_000, Do::Look(Ok(pipe(2))), "forget, idle"), (1_001, Do::Ask(1), "read 2, tick 100")]);
    // The same during the next read.
    let mut bench = ready();
    bench.play(&[
        (1_000, Do::Reload(None), "read 2, tick 100"),
        (1_001, Do::Look(Ok(PIPE)), ""),
        (1_002, Do::Look(Ok(pipe(2))), "forget, idle"),
    ]);
    assert_eq!(bench.report.detail, "the pipe was replaced");
    bench.play(&[(1_003, Do::Ask(1), "")]);
}

#[test]
fn a_changed_file_is_read_at_once_and_questions_wait_for_that() {
    let mut bench = Bench::new(SETTINGS);
    bench.play(&[
        (0, Do::Look(Ok(FILE)), "read 1, tick 100, idle"),
        (1, Do::Text(FILE, WHOLE), "list, look 50, ready+KEY"),
        (51, Do::Look(Ok(FILE)), ""),
        (1_000, Do::Change, "look 50"),
        (1_001, Do::Change, ""),
        (1_050, Do::Look(Ok(file(2))), "read 2"),
        (1_051, Do::AskFor(1, "old.example"), ""),
        (1_052, Do::Look(Ok(file(3))), ""),
        // Every read of a file counts, after any earlier read.
        (1_053, Do::Text(file(2), OTHER), "list, 1 denied, forget, look 50, ready+KEY"),
        (1_054, Do::AskFor(2, "old.example"), "2 denied"),
        (1_103, Do::Look(Ok(file(3))), "read 3"),
        (1_104, Do::Text(file(3), THIRD), "list, forget, look 50, ready+KEY"),
    ]);
    assert_eq!((bench.report.kind, bench.report.detail.as_str()), (Some("file"), "plain text on disk"));
}

#[test]
fn a_permit_is_judged_again_when_it_is_rendered() {
    let mut bench = Bench::new(SETTINGS);
    bench.play(&[
        (0, Do::Look(Ok(FILE)), "read 1, tick 100, idle"),
        (1, Do::Text(FILE, WHOLE), "list, look 50, ready+KEY"),
        (2, Do::AskFor(1, "old.example"), "1 permit"),
        (3, Do::AskFor(2, "api.example"), "2 permit"),
        (50, Do::Look(Ok(file(2))), "read 2"),
        (51, Do::Text(file(2), OTHER), "list, forget, look 50, ready+KEY"),
        (52, Do::Render(3, 1), "3 denied"),
        (52, Do::Render(4, 2), "4 rendered"),
    ]);
}

#[test]
fn at_the_end_the_values_are_forgotten() {
    ready().play(&[(1_000, Do::Stop, "forget, ready")]);
}
