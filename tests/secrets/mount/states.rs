//! The actions of a writer, with one row for each.

use std::path::Path;
use std::time::Duration;

use tokio::task::JoinSet;

use super::stage::{LOCKED, Stage};
use crate::support::{Fifo, Step};

/// One way in which the pipe is served.
struct State {
    name: &'static str,
    writer: fn(&Path, &str) -> Fifo,
    /// What requests are answered that are sent one after the other.
    answers: &'static [Answer],
    /// The states in order, until the secret is sent.
    states: &'static str,
    /// How often the writer found a reader, until the secret was sent.
    opens: usize,
}

enum Answer {
    /// The secret is sent, after this many seconds at least.
    Served(u64),
    /// Refused for this reason, after so many seconds.
    Refused(&'static str, std::ops::Range<u64>),
}

use Answer::{Refused, Served};

const AT_ONCE: std::ops::Range<u64> = 0..3;

const STATES: [State; 10] = [
    State {
        name: "writes and closes",
        writer: Fifo::once,
        answers: &[Served(0), Served(0)],
        states: "idle unserved? awaiting-approval? ready",
        opens: 1,
    },
    State {
        name: "one byte at a time",
        writer: |path, text| Fifo::dripping(path, text, Duration::from_millis(10)),
        answers: &[Served(0)],
        states: "idle unserved? awaiting-approval ready",
        opens: 1,
    },
    State {
        name: "twice in a row",
        writer: Fifo::twice,
        answers: &[Served(0)],
        states: "idle unserved? awaiting-approval? ready",
        opens: 1,
    },
    State {
        name: "opens and waits",
        writer: |path, text| play(path, &[&[Open, Wait(10_000), Write(text), Close]]),
        answers: &[Served(10)],
        states: "idle unserved? awaiting-approval ready",
        opens: 1,
    },
    State {
        name: "stops in the middle and goes on",
        // Longer than a request waits while nobody serves the pipe.
        writer: |path, text| {
            let (head, tail) = text.split_at(30);
            play(path, &[&[Wait(500), Open, Write(head), Wait(5_000), Write(tail), Close]])
        },
        answers: &[Served(5)],
        states: "idle unserved? awaiting-approval ready",
        opens: 1,
    },
    State {
        name: "closes empty",
        writer: |path, text| play(path, &[&[Open, Wait(1_000), Close], &[Open, Write(text), Close]]),
        // The second is told what the first was, and the writer is not asked again.
        answers: &[Refused(LOCKED, 1..3), Refused(LOCKED, AT_ONCE)],
        states: "idle unserved? awaiting-approval locked unserved? awaiting-approval? ready",
        opens: 2,
    },
    State {
        name: "cut in mid-line",
        writer: |path, text| {
            let whole = [Wait(500), Open, Write(text), Close];
            play(path, &[&[Open, Write(&text[..text.len() - 4]), Close], &whole, &whole])
        },
        // Not believed, nor is what follows until it has been said twice.
        answers: &[Served(0)],
        states: "idle unserved? awaiting-approval? idle unserved? awaiting-approval? idle? unserved? \
                 awaiting-approval? ready",
        opens: 3,
    },
    State {
        name: "broken",
        writer: |path, text| {
            let whole = [Wait(500), Open, Write(text), Close];
            play(path, &[&[Open, Write("API_KEY='\n"), Close], &whole, &whole])
        },
        // As after a cut: another program may have taken a part.
        answers: &[Refused(BROKEN, AT_ONCE), Refused(BROKEN, AT_ONCE)],
        states: "idle unserved? awaiting-approval? malformed unserved? awaiting-approval? idle? unserved? \
                 awaiting-approval? ready",
        opens: 3,
    },
    State {
        name: "without an end",
        writer: |path, text| {
            let endless = "#".repeat(1_100_000);
            play(path, &[&[Open, Write(&endless), Close], &[Wait(500), Open, Write(text), Close]])
        },
        answers: &[Refused("Secrets cannot be read: it is larger than 1048576 bytes", AT_ONCE)],
        states: "idle unserved? awaiting-approval? unsafe unserved? awaiting-approval? ready",
        opens: 2,
    },
    State {
        name: "never opens, until the owner is back",
        writer: |path, text| play(path, &[&[Away, Open, Write(text), Close]]),
        answers: &[Refused(LOCKED, 3..6), Refused(LOCKED, 3..6)],
        states: "idle unserved awaiting-approval? ready",
        opens: 1,
    },
];

const BROKEN: &str = "Secrets cannot be read: line 1: the quote that opens here is never closed";

/// A step as it is written in the table.
enum Move<'a> {
    Open,
    /// Nothing, until all answers were given.
    Away,
    /// Nothing, for so many milliseconds.
    Wait(u64),
    Write(&'a str),
    Close,
}

use Move::{Away, Close, Open, Wait, Write};

fn play(path: &Path, parts: &[&[Move<'_>]]) -> Fifo {
    let steps = parts.iter().flat_map(|part| part.iter()).map(|step| match step {
        Open => Step::Open,
        Away => Step::AwaitApproval,
        Wait(millis) => Step::Wait(Duration::from_millis(*millis)),
        Write(text) => Step::Write((*text).to_owned()),
        Close => Step::Close,
    });
    Fifo::script(path, steps.collect())
}

impl State {
    async fn pass(&self) {
        let stage = Stage::new();
        let writer = (self.writer)(&stage.path(), &stage.text());
        let mut reasons = Vec::new();
        for answer in self.answers {
            let (status, took) = stage.ask().await;
            let seconds = took.as_secs();
            match answer {
                Served(after) => assert!(status == 200 && seconds >= *after, "{}: {status} in {took:?}", self.name),
                Refused(reason, within) => {
                    assert!(status == 403 && within.contains(&seconds), "{}: {status} in {took:?}", self.name);
                    reasons.push((*reason).to_owned());
                }
            }
        }
        assert_eq!(stage.reasons(), reasons, "{}", self.name);
        writer.approve();
        stage.is_served_again().await;
        assert_eq!(writer.opens(), self.opens, "{}", self.name);
        stage.went_through(self.states);
        stage.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 12)]
async fn each_has_its_states_its_answers_and_its_way_back() {
    let mut passing = JoinSet::new();
    for state in &STATES {
        passing.spawn(state.pass());
    }
    passing.join_all().await;
}
