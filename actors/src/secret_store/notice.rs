//! A notification on the screen: requests wait for the secrets.

use tracing::info;

/// The secrets are locked or not approved.
pub(super) fn secrets_are_wanted() {
    info!("requests wait for the secrets: unlock 1Password, or approve its prompt");
    show();
}

/// The text is constant: nothing that a client sends gets here.
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

/// Elsewhere there is only the line in `proxy.log`.
#[cfg(not(target_os = "macos"))]
fn show() {}
