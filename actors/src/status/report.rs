//! The status report, as `status --json` prints it. Fields are added, never renamed.

use policy::secrets::secret::Name;
use serde_json::{Value, json};

use super::board::{Board, SubsystemState};

/// Everything that the board says.
pub(super) fn report(board: &Board) -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "uptime_s": board.started.elapsed().as_secs(),
        "listeners": *board.listeners.borrow(),
        "sessions": {"active": board.sessions_active(), "total": board.sessions_begun.value()},
        "tasks": tokio::runtime::Handle::current().metrics().num_alive_tasks(),
        "secrets": secrets(board),
        "ca": authority(board),
        "audit": audit(board),
        "tunnels": board.tunnels.report(),
        "subsystems": *board.subsystems.borrow(),
    })
}

fn secrets(board: &Board) -> Value {
    let secrets = board.secrets.borrow();
    let up =
        |name: &str| board.subsystems.borrow().iter().any(|it| it.name == name && it.state == SubsystemState::Running);
    json!({
        "state": secrets.state.as_str(),
        "source": secrets.source,
        "kind": secrets.kind,
        "names": secrets.names.iter().map(Name::as_str).collect::<Vec<_>>(),
        "age_s": secrets.loaded.map(|loaded| loaded.elapsed().as_secs()),
        "detail": secrets.detail,
        "hints": secrets.hints,
        "owner_running": up("secret_store"),
    })
}

fn authority(board: &Board) -> Value {
    let authority = board.authority.borrow();
    json!({
        "fingerprint": authority.fingerprint,
        "not_after": authority.not_after,
        "leaves_cached": authority.leaves_cached,
        "next_fingerprint": authority.next_fingerprint,
    })
}

fn audit(board: &Board) -> Value {
    let audit = board.audit.borrow();
    json!({
        "path": audit.path,
        "records": board.records.value(),
        "refused": board.refused.value(),
        "unrecorded": board.unrecorded.value(),
        "seq": audit.seq,
        "head": audit.head,
        "last_error": audit.last_error,
        "free_bytes": audit.free_bytes,
        "low_space": audit.low_space,
    })
}
