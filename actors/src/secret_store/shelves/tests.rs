//! Tables of events and steps, for each state of a source.
//!
//! A step is written as: `read N` starts a read, `N permit` answers question N, `list` publishes the allowed
//! hosts, `forget` has connections closed, a state with its names publishes the report.

mod bench;
mod confirming;
mod failures;
mod holding;
mod namespaces;
mod waiting;

use self::bench::{Bench, Do, SETTINGS, file, pipe};
use policy::name::Namespace;

use crate::secret_store::sources::Glance;

const WHOLE: &str = "KEY=value-of-key\nKEY_HOSTS=api.example,old.example\n";
const OTHER: &str = "KEY=value-of-key\nKEY_HOSTS=api.example,new.example\n";
const THIRD: &str = "KEY=another-value\nKEY_HOSTS=api.example\n";
const CUT: &str = "KEY=value-of-key\nKEY_HOSTS=api.exam";

const PIPE: Glance = pipe(1);
const FILE: Glance = file(1);

/// A pipe that was seen, before any read.
fn fresh() -> Bench {
    let mut bench = Bench::new(SETTINGS);
    bench.play(&[(0, Do::Look(Ok(PIPE)), "idle")]);
    bench
}

/// A pipe that was read at the start, on a request's demand.
fn ready() -> Bench {
    let mut bench = fresh();
    bench.play(&[
        (0, Do::Ask(100), "read 1, tick 100"),
        (0, Do::Text(PIPE, WHOLE), "list, 100 permit, look 50, ready+KEY"),
        (50, Do::Look(Ok(PIPE)), ""),
        (100, Do::Tick, ""),
    ]);
    bench
}
