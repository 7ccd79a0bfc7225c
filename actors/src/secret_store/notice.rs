//! A notification on the screen: requests wait for the secrets.

use tracing::info;

/// The secrets are locked or not approved.
pub(super) fn secrets_are_wanted() {
    info!("requests wait for the secrets: unlock 1Password, or approve its prompt");
    show();
}

/// The text is constant and contains no input of a client.
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

/// On other systems, `proxy.log` has the only notice.
#[cfg(not(target_os = "macos"))]
fn show() {}
