//! Telling the person at the screen that something waits for them.

use tracing::info;

/// That requests wait for the secrets, which are locked or not approved.
pub(crate) fn secrets_are_wanted() {
    info!("requests wait for the secrets: unlock 1Password, or approve its prompt");
    show();
}

/// With a text of ours alone: whatever a client says never gets here.
#[cfg(target_os = "macos")]
fn show() {
    use std::process::{Command, Stdio};

    const SCRIPT: &str = "display notification \"Requests wait for your secrets: unlock 1Password, or approve its \
        prompt.\" with title \"secret-proxy\"";
    tokio::task::spawn_blocking(|| {
        let mut command = Command::new("/usr/bin/osascript");
        let command = command.args(["-e", SCRIPT]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Err(error) = command.status() {
            info!(%error, "no notification");
        }
    });
}

/// Elsewhere the line in `proxy.log` is all.
#[cfg(not(target_os = "macos"))]
fn show() {}
