//! Misbehaviour on demand, for tests of supervision. Only with the feature `faults`, which no release
//! build has.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What an owner is to do.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Fault {
    /// The owner's name.
    pub owner: String,
    /// How it misbehaves.
    pub kind: Kind,
}

/// How an owner misbehaves.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It panics in its handler.
    Crash,
    /// Its handler waits for ever.
    Wedge,
    /// Its handler takes a second.
    Slow,
    /// Its handler blocks the runtime's thread for ever.
    Block,
    /// It makes thousands of tasks, which take longer than a process may hang.
    Crowd,
    /// Its writes fail from now on. `audit` alone.
    FailWrites,
    /// They succeed again.
    HealWrites,
}

impl Fault {
    /// Does it.
    ///
    /// # Panics
    /// That is the point of a crash.
    #[expect(clippy::panic, reason = "a crash is a panic")]
    pub(crate) async fn strike(&self) {
        match self.kind {
            Kind::Crash => panic!("a test asked for this"),
            Kind::Wedge => std::future::pending().await,
            Kind::Slow => tokio::time::sleep(Duration::from_secs(1)).await,
            Kind::Block => std::thread::sleep(Duration::MAX),
            Kind::Crowd => crowd(),
            Kind::FailWrites | Kind::HealWrites => {}
        }
    }

    /// Whether writes are to fail from now on, if this is about them.
    pub(crate) fn fails_writes(&self) -> Option<bool> {
        match self.kind {
            Kind::FailWrites => Some(true),
            Kind::HealWrites => Some(false),
            _ => None,
        }
    }
}

/// Fills the run queue.
fn crowd() {
    for _ in 0..15_000 {
        tokio::spawn(async { std::thread::sleep(Duration::from_millis(1)) });
    }
}

/// How many crashes a test allows, if it says so.
pub(crate) fn crashes_max() -> Option<usize> {
    std::env::var("SECRET_PROXY_CRASHES_MAX").ok()?.parse().ok()
}
