//! Lines that can be typed: quoted for a shell, with the folder named if it is not the usual one.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use actors::folder::Folder;
use serde_json::Value;

use crate::cli::FolderArgs;
use crate::settings::folder_path;

/// Writes commands of ours for one folder.
pub(crate) struct Typed {
    /// ` --dir FOLDER`, or nothing.
    dir: String,
}

impl Typed {
    pub(crate) fn new(folder: &Folder) -> Self {
        let by_variable = std::env::var_os("SECRET_PROXY_DIR").map(PathBuf::from);
        let usual =
            folder_path(&FolderArgs { dir: by_variable }).is_ok_and(|path| *Folder::at(&path).path() == *folder.path());
        Self { dir: if usual { String::new() } else { format!(" --dir {}", quoted(folder.path())) } }
    }

    /// A command of ours, for this folder.
    pub(crate) fn ours(&self, words: &str) -> String {
        let (words, into) = words.split_at(words.find(" > ").unwrap_or(words.len()));
        format!("secret-proxy {words}{}{into}", self.dir)
    }

    /// Starts the daemon, as it was installed here.
    pub(crate) fn start(&self) -> String {
        installed().unwrap_or_else(|| self.ours("run"))
    }

    /// Ends the daemon and starts it again.
    pub(crate) fn restart(&self, status: &Value) -> String {
        installed().unwrap_or_else(|| format!("kill {}; {}", status["pid"], self.ours("run")))
    }
}

/// What starts the service anew, if there is one.
fn installed() -> Option<String> {
    let home = PathBuf::from(std::env::var_os("HOME")?);
    let agents = std::fs::read_dir(home.join("Library/LaunchAgents")).into_iter().flatten().flatten();
    let names = agents.filter_map(|entry| entry.file_name().into_string().ok());
    let label = names.filter_map(|name| name.strip_suffix(".plist").map(str::to_owned));
    if let Some(label) = label.into_iter().find(|label| label.ends_with(".secret-proxy")) {
        return Some(format!("launchctl kickstart -k gui/$(id -u)/{}", shell(&label)));
    }
    let unit = home.join(".config/systemd/user/secret-proxy.service");
    unit.exists().then(|| "systemctl --user restart secret-proxy".to_owned())
}

/// A path as a shell takes it.
pub(crate) fn quoted(path: &Path) -> String {
    shell(&path.to_string_lossy()).into_owned()
}

/// Any text as a shell takes it.
pub(crate) fn shell(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.into();
    }
    format!("'{}'", text.replace('\'', "'\\''")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_any_text_as_one_word() {
        for (text, word) in [("/a/b-c.env", "/a/b-c.env"), ("a b", "'a b'"), ("it's", "'it'\\''s'"), ("", "''")] {
            assert_eq!(shell(text), word);
        }
    }
}
