//! `status`: how the daemon is, for people and for scripts.

use std::process::ExitCode;

use actors::folder::Folder;
use actors::hint::Hint;
use serde::Deserialize;
use serde_json::Value;

use crate::cli::StatusArgs;
use crate::control::ask;
use crate::settings::{self, folder_path};
use crate::terminal::escape::visible;
use crate::terminal::failure::Failure;
use crate::terminal::hints::Hints;

pub(crate) fn main(arguments: &StatusArgs) -> Result<ExitCode, Failure> {
    let folder = Folder::at(&folder_path(&arguments.folder)?);
    let report = ask(&folder, "status")?;
    if arguments.json {
        say!("{report}");
    } else {
        print(&report, &settings::hints(&folder));
    }
    Ok(if is_well(&report) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Secrets can be injected now or at the next request, and recorded.
fn is_well(report: &Value) -> bool {
    let secrets = &report["secrets"];
    matches!(secrets["state"].as_str(), Some("ready" | "idle"))
        && secrets["owner_running"] == true
        && report["audit"]["last_error"].is_null()
}

/// More about the state of the secrets, with its hints.
pub(super) fn detail(secrets: &Value, hints: &Hints) -> Option<String> {
    let detail = secrets["detail"].as_str().filter(|detail| !detail.is_empty())?;
    let steps: Vec<Hint> = Vec::deserialize(&secrets["hints"]).unwrap_or_default();
    Some(if steps.is_empty() { detail.to_owned() } else { format!("{detail}: {}", hints.steps(&steps)) })
}

fn print(report: &Value, hints: &Hints) {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let list = |value: &Value, line: &dyn Fn(&Value) -> String| {
        value.as_array().into_iter().flatten().map(line).collect::<Vec<_>>().join(", ")
    };
    let (secrets, audit) = (&report["secrets"], &report["audit"]);
    say!("secret-proxy {}, pid {}, up {} s", text(&report["version"]), report["pid"], report["uptime_s"]);
    say!("listening   {}", list(&report["listeners"], &|it| text(&it["address"])));
    say!("sessions    {} active, {} in all", report["sessions"]["active"], report["sessions"]["total"]);
    say!("secrets     {} ({})", text(&secrets["state"]), text(&secrets["source"]));
    if let Some(detail) = detail(secrets, hints) {
        say!("            {detail}");
    }
    if let Some(age) = secrets["age_s"].as_u64() {
        say!("            read {age} s ago: {}", list(&secrets["names"], &text));
    }
    say!("ca          {}", text(&report["ca"]["fingerprint"]));
    if report["ca"]["next_fingerprint"].is_string() {
        say!("            there is a next root; what to do with it: {}", hints.command("ca"));
    }
    say!(
        "audit       {} records since the start, {} refused, {} unrecorded ({})",
        audit["records"],
        audit["refused"],
        audit["unrecorded"],
        text(&audit["path"])
    );
    if let Some(head) = audit["head"].as_str().filter(|head| !head.is_empty()) {
        say!("            head to keep elsewhere: {}:{head}", audit["seq"]);
    }
    if audit["low_space"] == true {
        say!("            little room is left for records: {} bytes", audit["free_bytes"]);
    }
    if let Some(error) = audit["last_error"].as_str() {
        say!("            cannot be written: {error}");
    }
    for it in report["tunnels"].as_array().into_iter().flatten() {
        let (instance, state) = (text(&it["instance"]), text(&it["state"]));
        say!("tunnel      {instance}: {state} since {} ({})", visible(&text(&it["since"])), text(&it["mode"]));
        if let Some(error) = it["last_error"].as_str() {
            say!("            {}", visible(error));
        }
    }
    let restarted = |it: &&Value| it["restarts"] != 0 || it["state"] != "running";
    for it in report["subsystems"].as_array().into_iter().flatten().filter(restarted) {
        say!("{:11} {}, restarted {} times", text(&it["name"]), text(&it["state"]), it["restarts"]);
    }
}
