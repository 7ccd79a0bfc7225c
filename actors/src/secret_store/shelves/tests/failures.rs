//! The outcomes of failed reads.

use std::io;

use super::*;
use crate::secret_store::sources::{ReadError, UnsafeMount};

#[test]
fn each_failure_has_its_state() {
    for (error, answer, state) in [
        (ReadError::Missing, "unreadable", "missing"),
        (ReadError::Unsafe(UnsafeMount::OpenPipe), "unreadable", "unsafe"),
        (ReadError::TooLarge, "unreadable", "unsafe"),
        (ReadError::Changed, "unreadable", "malformed"),
        (ReadError::Io(io::ErrorKind::PermissionDenied), "unreadable", "malformed"),
        (ReadError::ClosedEmpty, "locked", "locked"),
    ] {
        let mut bench = fresh();
        let notify = if answer == "locked" { "notify, " } else { "" };
        bench.play(&[
            (0, Do::Ask(1), "read 1, tick 100"),
            (0, Do::Fail(error), &format!("{notify}1 {answer}, look 50, {state}")),
            (1, Do::Ask(2), &format!("2 {answer}")),
        ]);
        assert_eq!(bench.report.detail, error.to_string());
    }
}

#[test]
fn a_read_that_panics_refuses_the_requests_that_wait() {
    // The reader reports a panic like this.
    let panicked = ReadError::Io(io::ErrorKind::Other);
    fresh().play(&[
        (0, Do::Ask(1), "read 1, tick 100"),
        (0, Do::Reload(Some(2)), ""),
        (0, Do::Fail(panicked), "1 unreadable, 2 told, look 50, malformed"),
    ]);
}

#[test]
fn of_a_malformed_text_nothing_is_used() {
    let mut bench = ready();
    bench.play(&[
        (1_000, Do::Reload(None), "read 2, tick 100"),
        (1_000, Do::Text(PIPE, "KEY=value\nKEY_HOSTS api.example\n"), "forget, look 50, malformed"),
        (1_001, Do::Ask(1), "1 unreadable"),
        (2_000, Do::Ask(2), "read 3"),
    ]);
    assert!(bench.report.detail.contains("line 2"), "{}", bench.report.detail);
    assert!(!bench.report.detail.contains("value"), "{}", bench.report.detail);
}

#[test]
fn a_source_that_is_missing_or_unsafe_is_not_read() {
    for (error, state) in [(ReadError::Missing, "missing"), (ReadError::Unsafe(UnsafeMount::Link), "unsafe")] {
        let mut bench = ready();
        bench.play(&[
            (1_000, Do::Look(Err(error)), &format!("forget, {state}")),
            (1_001, Do::Ask(1), "1 unreadable"),
            (1_999, Do::Look(Err(error)), ""),
            (1_999, Do::Look(Ok(pipe(2))), "idle"),
            (1_999, Do::Ask(2), "read 2, tick 100"),
        ]);
    }
}
