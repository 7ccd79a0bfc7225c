//! The cause of an ssh failure, from the end of ssh's error output.

use std::fmt;

use crate::terminal::escape::visible;

/// How much of ssh's own message is kept, in characters.
const MESSAGE_MAX: usize = 200;

/// Why there is no forward.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum SshError {
    /// The VM's sshd did not open the port.
    PortTaken,
    /// There is no connection to share.
    NoMaster(String),
    /// Nothing arrived in time.
    Silent(String),
    /// Any other cause.
    Other(String),
}

/// Parts of ssh's messages, and what they mean.
const MEANINGS: [(&str, &str); 6] = [
    ("Permission denied", "; the VM does not accept the key of the ssh config"),
    ("Host key verification failed", "; the VM's host key is new or changed: ssh to it once by hand"),
    ("Could not resolve hostname", "; is --host the name of a Host in the ssh config?"),
    ("Bad configuration option", "; fix the ssh config"),
    ("too open", "; chmod 600 the key file"),
    ("too long for Unix domain socket", "; choose a folder with a shorter path with --dir"),
];

/// ssh's messages when nothing arrived from the VM.
const SILENCES: [&str; 2] = ["timed out", "not responding"];

impl SshError {
    /// Reads the end of ssh's error output.
    pub(super) fn from_stderr(words: &str) -> Self {
        if words.contains("remote port forwarding failed") {
            return Self::PortTaken;
        }
        let mut lines = words.lines().map(str::trim).filter(|line| !line.is_empty());
        let Some(last) = lines.next_back() else { return Self::Other("ssh ended without a message".to_owned()) };
        let meaning = MEANINGS.iter().find(|(part, _)| words.contains(part)).map_or("", |(_, meaning)| meaning);
        let short: String = last.trim_start_matches("ssh: ").chars().take(MESSAGE_MAX).collect();
        let said = format!("ssh: {}{meaning}", visible(&short));
        if SILENCES.iter().any(|part| last.contains(part)) { Self::Silent(said) } else { Self::Other(said) }
    }
}

impl fmt::Display for SshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortTaken => f.write_str("the VM's sshd did not open the port"),
            Self::NoMaster(why) | Self::Silent(why) | Self::Other(why) => f.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_messages() {
        let table = [
            ("Error: remote port forwarding failed for listen port 17329", "the VM's sshd did not open the port"),
            (
                "ssh: connect to host 127.0.0.1 port 1: Connection refused\r\n",
                "ssh: connect to host 127.0.0.1 port 1: Connection refused",
            ),
            ("a\nroot@vm: Permission denied (publickey).\n", "does not accept the key"),
            ("", "without a message"),
            ("\u{1b}]0;x\u{7}", "\\u{1b}]0;x\\u{7}"),
        ];
        for (words, expected) in table {
            let error = SshError::from_stderr(words).to_string();
            assert!(error.contains(expected), "{words}: {error}");
        }
        for words in ["Timeout, server 127.0.0.1 not responding.", "Connection timed out during banner exchange"] {
            assert!(matches!(SshError::from_stderr(words), SshError::Silent(_)), "{words}");
        }
        assert!(SshError::from_stderr(&"x".repeat(9999)).to_string().len() < 300);
    }
}
