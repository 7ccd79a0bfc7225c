//! `audit --verify`: the check of the chain, and the limits of that proof.

use std::process::ExitCode;

use actors::trail::{Head, Trail, Verification, verify};
use serde_json::{Value, json};

use crate::terminal::escape::visible;
use crate::terminal::failure::Failure;
use crate::terminal::hints::Hints;
use crate::terminal::output;

/// The limits of the proof by a whole chain.
const LIMITS: &str = "No record was changed, removed or moved without a break in the chain. The chain does not show whether\n\
     a person with write access to these files rewrote all records after one, or removed the newest records.\n\
     To detect that, keep the head elsewhere, and check later that the head is still in the chain:";

pub(super) fn head(text: &str) -> Result<Head, Failure> {
    let usage = |()| Failure::usage("--head: write SEQ:HASH, as secret-proxy audit --verify prints it");
    text.trim().parse().map_err(usage)
}

pub(super) fn main(trail: &mut Trail, hints: &Hints, pinned: Option<Head>, json: bool) -> Result<ExitCode, Failure> {
    let files = trail.files();
    let chain = verify(trail, pinned).map_err(Failure::not_well)?;
    if json {
        output::json(&report(&chain, files));
    } else {
        print(&chain, files, hints);
    }
    Ok(if chain.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(chain: &Verification, files: usize, hints: &Hints) {
    for remark in &chain.remarks {
        out!("{}: {}", remark.place, visible(&remark.what));
    }
    for fault in &chain.faults {
        out!("{fault}");
    }
    if !chain.faults.is_empty() {
        return;
    }
    let (first, last) = (visible(&chain.first_timestamp), visible(&chain.last_timestamp));
    let plural = if files == 1 { "" } else { "s" };
    out!("{} records in {files} file{plural}, from {first} to {last}: the chain is whole", chain.records);
    if let Some(head) = chain.head() {
        out!("head {head}\n{LIMITS}\n    {}", hints.command(&format!("audit --verify --head {head}")));
    }
}

fn report(chain: &Verification, files: usize) -> Value {
    let place = |path: &std::path::Path| path.display().to_string();
    let notes =
        chain.remarks.iter().map(|it| json!({"file": place(&it.place.path), "line": it.place.line, "what": it.what}));
    let faults = chain.faults.iter();
    let faults =
        faults.map(|it| json!({"file": place(&it.place.path), "line": it.place.line, "seq": it.seq, "what": it.what}));
    json!({
        "ok": chain.faults.is_empty(),
        "records": chain.records,
        "files": files,
        "first": chain.first_timestamp,
        "last": chain.last_timestamp,
        "head": chain.head().map(|head| head.to_string()),
        "notes": notes.collect::<Vec<_>>(),
        "faults": faults.collect::<Vec<_>>(),
    })
}
