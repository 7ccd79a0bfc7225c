//! Why ssh did not do what it was told, from its last words.

use std::fmt;

use crate::terminal::escape::visible;

/// What ssh says of one cause may be long; more than this helps nobody.
const WORDS_MAX: usize = 200;

/// Why there is no forward.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Trouble {
    /// The VM's sshd did not give the port.
    PortTaken,
    /// There is no connection to share.
    NoMaster(String),
    /// Nothing happened in time.
    Silent(String),
    /// In words.
    Other(String),
}

/// Parts of what ssh says, and what that means.
const MEANINGS: [(&str, &str); 6] = [
    ("Permission denied", "; the key in the ssh config is not one that the VM takes"),
    ("Host key verification failed", "; the VM's host key changed, or is not known: ssh to it once by hand"),
    ("Could not resolve hostname", "; is --host the name of a Host in the ssh config?"),
    ("Bad configuration option", "; mend the ssh config"),
    ("too open", "; chmod 600 the key file"),
    ("too long for Unix domain socket", "; choose a folder with a shorter path with --dir"),
];

/// What ssh says when nothing came from the VM.
const SILENCES: [&str; 2] = ["timed out", "not responding"];

impl Trouble {
    /// Reads the last words of ssh.
    pub(super) fn from_words(words: &str) -> Self {
        if words.contains("remote port forwarding failed") {
            return Self::PortTaken;
        }
        let mut lines = words.lines().map(str::trim).filter(|line| !line.is_empty());
        let Some(last) = lines.next_back() else { return Self::Other("ssh ended without a word".to_owned()) };
        let meaning = MEANINGS.iter().find(|(part, _)| words.contains(part)).map_or("", |(_, meaning)| meaning);
        let short: String = last.trim_start_matches("ssh: ").chars().take(WORDS_MAX).collect();
        let said = format!("ssh: {}{meaning}", visible(&short));
        if SILENCES.iter().any(|part| last.contains(part)) { Self::Silent(said) } else { Self::Other(said) }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortTaken => f.write_str("the VM's sshd did not give the port"),
            Self::NoMaster(why) | Self::Silent(why) | Self::Other(why) => f.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_last_words() {
        let table = [
            ("Error: remote port forwarding failed for listen port 17329", "the VM's sshd did not give the port"),
            (
                "ssh: connect to host 127.0.0.1 port 1: Connection refused\r\n",
                "ssh: connect to host 127.0.0.1 port 1: Connection refused",
            ),
            ("a\nroot@vm: Permission denied (publickey).\n", "is not one that the VM takes"),
            ("", "without a word"),
            ("\u{1b}]0;x\u{7}", "\\u{1b}]0;x\\u{7}"),
        ];
        for (words, expected) in table {
            let trouble = Trouble::from_words(words).to_string();
            assert!(trouble.contains(expected), "{words}: {trouble}");
        }
        for words in ["Timeout, server 127.0.0.1 not responding.", "Connection timed out during banner exchange"] {
            assert!(matches!(Trouble::from_words(words), Trouble::Silent(_)), "{words}");
        }
        assert!(Trouble::from_words(&"x".repeat(9999)).to_string().len() < 300);
    }
}
