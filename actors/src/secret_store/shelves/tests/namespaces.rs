//! Several namespaces: what a question waits for, and what each shelf has a part in.

use super::*;
use crate::secret_store::sources::{Progress, ReadError};

/// The default namespace with a pipe, and one more with another pipe; nothing was read.
fn two() -> Bench {
    let mut bench = fresh();
    bench.play(&[(0, Do::Appear("work"), "work.idle, list unknown")]);
    bench.namespace = Namespace::parse(b"work").expect("a namespace");
    bench.play(&[(0, Do::Look(Ok(pipe(2))), "work.idle")]);
    bench
}

fn of<'a>(bench: &'a mut Bench, name: &str) -> &'a mut Bench {
    bench.namespace = Namespace::parse(name.as_bytes()).expect("a namespace");
    bench
}

#[test]
fn a_question_waits_for_all_its_namespaces_and_is_answered_once() {
    let mut bench = two();
    bench.play(&[
        (0, Do::AskWith(1, "{{KEY}} {{work:KEY}}"), "read 1, tick 100, work.read 1, work.tick 100"),
        (10, Do::Text(pipe(2), WHOLE), "list unknown, work.look 50, work.ready+KEY"),
        (20, Do::AskWith(2, "{{work:KEY}}"), "2 permit"),
    ]);
    of(&mut bench, "default").play(&[
        (30, Do::Text(PIPE, WHOLE), "list, 1 permit, look 50, ready+KEY"),
        (40, Do::AskWith(3, "{{work:KEY}}{{KEY}}{{default:KEY}}"), "3 permit"),
        (50, Do::Render(4, 1), "4 rendered"),
    ]);
}

#[test]
fn the_first_refusal_ends_the_question_and_says_whose_it_is() {
    let mut bench = two();
    bench.play(&[
        (0, Do::AskWith(1, "{{KEY}}{{work:KEY}}"), "read 1, tick 100, work.read 1, work.tick 100"),
        (10, Do::Fail(ReadError::ClosedEmpty), "notify, 1 work.locked, work.look 50, work.locked"),
        // In its pause that namespace refuses at once, and the other one is not asked in vain.
        (20, Do::AskWith(2, "{{work:KEY}}"), "2 work.locked"),
    ]);
    of(&mut bench, "default").play(&[
        (30, Do::Text(PIPE, WHOLE), "list unknown, look 50, ready+KEY"),
        (40, Do::Ask(3), "3 permit"),
        (50, Do::AskWith(4, "{{KEY}}{{work:KEY}}"), "4 work.locked"),
    ]);
}

#[test]
fn a_namespace_that_is_locked_holds_up_no_other() {
    let mut bench = two();
    bench.play(&[
        (0, Do::AskWith(1, "{{work:KEY}}"), "work.read 1, work.tick 100"),
        (1, Do::See(Progress::Awaiting), "work.awaiting-approval"),
    ]);
    of(&mut bench, "default").play(&[
        (2, Do::Ask(2), "read 1, tick 100"),
        (3, Do::Text(PIPE, WHOLE), "list unknown, 2 permit, look 50, ready+KEY"),
    ]);
    of(&mut bench, "work").play(&[(15_000, Do::Tick, "1 work.locked, notify, work.tick 100")]);
}

#[test]
fn an_unknown_namespace_waits_for_the_default_one_as_an_unknown_name_does() {
    let mut bench = two();
    of(&mut bench, "default").play(&[
        (0, Do::AskWith(1, "{{nope:KEY}}"), "read 1, tick 100"),
        (0, Do::AskWith(2, "{{NOPE}}"), ""),
        (10, Do::Text(PIPE, WHOLE), "list unknown, 1 unknown namespace, 2 Secret not found: NOPE, look 50, ready+KEY"),
        (11, Do::AskWith(3, "{{nope:KEY}}"), "3 unknown namespace"),
    ]);
}

#[test]
fn a_namespace_that_goes_takes_its_values_and_its_questions_along() {
    let mut bench = two();
    bench.play(&[
        (0, Do::AskWith(1, "{{work:KEY}}"), "work.read 1, work.tick 100"),
        (10, Do::Text(pipe(2), WHOLE), "list unknown, 1 permit, work.look 50, work.ready+KEY"),
        (20, Do::Reload(None), "read 1, tick 100, work.read 2"),
        (21, Do::AskWith(2, "{{KEY}}{{work:KEY}}"), ""),
        (30, Do::Vanish("work"), "work.abort, forget, list unknown"),
        // Late events of its source have no part in anything.
        (31, Do::Text(pipe(2), WHOLE), ""),
        (32, Do::Tick, ""),
    ]);
    of(&mut bench, "default").play(&[
        (40, Do::Text(PIPE, WHOLE), "list, 2 unknown namespace, look 50, ready+KEY"),
        (41, Do::Render(3, 1), "3 unknown namespace"),
    ]);
}

#[test]
fn one_that_waits_for_a_namespace_that_goes_is_refused() {
    two().play(&[
        (0, Do::AskWith(1, "{{work:KEY}}"), "work.read 1, work.tick 100"),
        (10, Do::Vanish("work"), "1 work.unreadable, work.abort, list unknown"),
    ]);
}

#[test]
fn a_reload_reads_all_and_answers_when_all_have_ended() {
    let mut bench = two();
    bench.play(&[
        (0, Do::Reload(Some(1)), "read 1, tick 100, work.read 1, work.tick 100"),
        (10, Do::Fail(ReadError::ClosedEmpty), "work.look 50, work.locked"),
    ]);
    of(&mut bench, "default").play(&[(20, Do::Text(PIPE, WHOLE), "list unknown, 1 told, look 50, ready+KEY")]);
}

#[test]
fn an_unconfirmed_namespace_restricts_only_what_is_its_own() {
    let mut bench = two();
    bench.play(&[
        (0, Do::AskWith(1, "{{work:KEY}}"), "work.read 1, work.tick 100"),
        (10, Do::Text(pipe(2), WHOLE), "list unknown, 1 permit, work.look 50, work.ready+KEY"),
        (20, Do::Reload(None), "read 1, tick 100, work.read 2"),
        (30, Do::Text(pipe(2), THIRD), "forget, work.read 3, work.ready+KEY"),
    ]);
    of(&mut bench, "default").play(&[
        (40, Do::Text(PIPE, WHOLE), "list, look 50, ready+KEY"),
        (50, Do::Ask(2), "2 permit"),
        (60, Do::AskWith(3, "{{KEY}}{{work:KEY}}"), ""),
    ]);
    of(&mut bench, "work").play(&[(70, Do::Text(pipe(2), THIRD), "list, 3 permit, forget, work.ready+KEY")]);
}
