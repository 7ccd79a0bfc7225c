//! Injection and refusal, tried in a sandbox with a made-up value.

use super::Link;
use crate::sandbox::{Origin, Proxy, SandboxError, ServerCa};

const INJECTION: &str = "injection";
const REFUSAL: &str = "refusal";
const LISTED: &str = "listed.example";
const UNLISTED: &str = "unlisted.example";
const FIX: &str = "secret-proxy demo";

/// The outcome of the two requests.
struct Seen {
    injected: bool,
    refused: bool,
    recorded: bool,
}

pub(super) fn links() -> [Link; 2] {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let seen = runtime.map_err(SandboxError::from).and_then(|runtime| runtime.block_on(try_both()));
    match seen {
        Err(error) => {
            let fix = if std::env::temp_dir().is_dir() { FIX } else { "unset TMPDIR" };
            let failed = Link::fail(INJECTION, format!("the throw-away proxy does not work: {error}"), fix);
            [failed, Link::not_looked_at(REFUSAL, "the throw-away proxy does not work")]
        }
        Ok(seen) => [injection(&seen), refusal(&seen)],
    }
}

fn injection(seen: &Seen) -> Link {
    if seen.injected {
        Link::ok(INJECTION, "a made-up secret reaches the server that it is listed for")
    } else {
        Link::fail(INJECTION, "a made-up secret does not reach the server that it is listed for", FIX)
    }
}

fn refusal(seen: &Seen) -> Link {
    match (seen.refused, seen.recorded) {
        (true, true) => Link::ok(REFUSAL, "it reaches no other, and both requests are recorded"),
        (true, false) => Link::fail(REFUSAL, "it reaches no other server, but the audit records are wrong", FIX),
        (false, _) => Link::fail(REFUSAL, "a made-up secret reaches a server that it is not listed for", FIX),
    }
}

async fn try_both() -> Result<Seen, SandboxError> {
    let ca = ServerCa::new()?;
    let [listed, unlisted] = [Origin::start(&ca, LISTED).await?, Origin::start(&ca, UNLISTED).await?];
    let value = made_up();
    let secrets = format!("CANARY={value}\nCANARY_HOSTS={LISTED}\n");
    let proxy = Proxy::start(&ca, &secrets, &[(LISTED, &listed), (UNLISTED, &unlisted)]).await?;
    let allowed = proxy.get(LISTED, "/", "{{CANARY}}").await?;
    let theft = proxy.get(UNLISTED, "/", "{{CANARY}}").await?;
    let records = proxy.records()?;
    let blocked: Vec<_> = records.iter().map(|(_, record)| record["blocked"].as_bool()).collect();
    let received = listed.received.all();
    Ok(Seen {
        injected: allowed.status.starts_with("200")
            && received.len() == 1
            && received.iter().all(|it| it.contains(&value)),
        refused: theft.status.starts_with("403") && unlisted.received.all().is_empty(),
        recorded: blocked == [Some(false), Some(true)] && !records.iter().any(|(line, _)| line.contains(&value)),
    })
}

fn made_up() -> String {
    let mut bytes = [0; 16];
    // Without randomness it would still be nobody's secret.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    bytes.iter().fold("doctor-".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}
