//! `status`: the daemon's state, for people and for scripts.

use std::process::ExitCode;

use actors::folder::Folder;
use actors::status::{
    AuditReport, NamespaceReport, Question, Report, SecretsReport, SecretsState, SubsystemReport, SubsystemState,
};
use actors::tunnels::report::TunnelReport;
use clap::Args;
use serde_json::Value;

use crate::control::{ask, status};
use crate::settings::{self, FolderArgs, folder_path, joined};
use crate::terminal::escape::visible;
use crate::terminal::failure::Failure;
use crate::terminal::hints::Hints;
use crate::terminal::output;

#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    folder: FolderArgs,

    /// Print the whole report as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn main(arguments: &StatusArgs) -> Result<ExitCode, Failure> {
    let folder = Folder::at(&folder_path(&arguments.folder)?);
    let report = status(&folder)?;
    if arguments.json {
        // As the daemon sent it: a later one may say more.
        output::json(&ask::<Value>(&folder, &Question::Status)?);
    } else {
        print(&report, &settings::hints(&folder));
    }
    Ok(if is_well(&report) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Secrets can be injected now or at the next request, and recorded.
fn is_well(report: &Report) -> bool {
    let secrets = &report.secrets;
    matches!(secrets.state, SecretsState::Ready | SecretsState::Idle)
        && secrets.owner_running
        && report.audit.last_error.is_none()
}

fn print(report: &Report, hints: &Hints) {
    out!("secret-proxy {}, pid {}, up {} s", report.version, report.pid, report.uptime_s);
    out!("listening   {}", joined(report.listeners.iter().map(|listener| &listener.address)));
    out!("sessions    {} active, {} in all", report.sessions.active, report.sessions.total);
    if report.sessions.evicted > 0 {
        out!("            {} were closed to make room for others", report.sessions.evicted);
    }
    secrets("secrets     ", &report.secrets, hints);
    for NamespaceReport { name, secrets: of_namespace } in &report.namespaces {
        secrets(&format!("  {name:<9} "), of_namespace, hints);
    }
    out!("ca          {}", report.ca.fingerprint);
    if report.ca.next_fingerprint.is_some() {
        out!("            there is a next root; what to do with it: {}", hints.command("ca"));
    }
    audit(&report.audit);
    report.tunnels.iter().for_each(tunnel);
    report.subsystems.iter().for_each(restarted);
}

fn secrets(label: &str, secrets: &SecretsReport, hints: &Hints) {
    out!("{label}{} ({})", secrets.state.as_str(), secrets.source);
    if let Some(detail) = detail(secrets, hints) {
        out!("            {detail}");
    }
    if let Some(age) = secrets.age_s {
        out!("            read {age} s ago: {}", joined(&secrets.names));
    }
}

/// More about the state of the secrets, with its hints.
pub(super) fn detail(secrets: &SecretsReport, hints: &Hints) -> Option<String> {
    let detail = Some(&secrets.detail).filter(|detail| !detail.is_empty())?;
    let steps = hints.steps(&secrets.hints);
    Some(if secrets.hints.is_empty() { detail.clone() } else { format!("{detail} (see {steps})") })
}

fn audit(audit: &AuditReport) {
    out!(
        "audit       {} records since the start, {} refused, {} unrecorded ({})",
        audit.records,
        audit.refused,
        audit.unrecorded,
        audit.path.display()
    );
    if audit.refused_together > 0 {
        out!("            {} of the refusals share records, because there were too many", audit.refused_together);
    }
    if !audit.head.is_empty() {
        out!("            head to keep elsewhere: {}:{}", audit.seq, audit.head);
    }
    if let Some(free) = audit.free_bytes.filter(|_| audit.low_space) {
        out!("            little space is left for records: {free} bytes; permitted requests are slowed down");
    }
    if let Some(error) = &audit.last_error {
        out!("            cannot be written: {error}");
    }
}

fn tunnel(tunnel: &TunnelReport) {
    let (state, since, mode) = (tunnel.state.as_str(), visible(&tunnel.since), tunnel.mode.as_str());
    out!("tunnel      {}: {state} since {since} ({mode})", tunnel.instance);
    if let Some(error) = &tunnel.last_error {
        out!("            {}", visible(error));
    }
}

fn restarted(owner: &SubsystemReport) {
    if owner.restarts != 0 || owner.state != SubsystemState::Running {
        out!("{:11} {}, restarted {} times", owner.name, owner.state.as_str(), owner.restarts);
    }
}
