//! Lines that can be typed: quoted for a shell, with the folder named if it is not the usual one.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use actors::folder::Folder;
use serde_json::Value;

use crate::settings::{FolderArgs, folder_path};

/// The commands that the daemon's own words name.
const DAEMON_SAYS: [&str; 2] = ["check", "ca rotate"];

/// Writes commands of ours for one folder.
pub(crate) struct Typed {
    folder: PathBuf,
    /// ` --dir FOLDER`, or nothing.
    dir: String,
}

impl Typed {
    pub(crate) fn new(folder: &Folder) -> Self {
        let by_variable = std::env::var_os("SECRET_PROXY_DIR").map(PathBuf::from);
        let folder = folder.path().to_owned();
        let usual =
            folder_path(&FolderArgs { dir: by_variable }).is_ok_and(|path| *Folder::at(&path).path() == *folder);
        Self { dir: if usual { String::new() } else { format!(" --dir {}", quoted(&folder)) }, folder }
    }

    /// A command of ours, for this folder.
    pub(crate) fn ours(&self, words: &str) -> String {
        let (words, into) = words.split_at(words.find(" > ").unwrap_or(words.len()));
        format!("secret-proxy {words}{}{into}", self.dir)
    }

    /// What the daemon says to type, for this folder: it does not know which one is the usual one.
    pub(crate) fn told(&self, said: &str) -> String {
        let named = |said: String, words: &str| said.replace(&format!("secret-proxy {words}"), &self.ours(words));
        DAEMON_SAYS.into_iter().fold(said.to_owned(), named)
    }

    /// Starts the daemon, as it was installed here.
    pub(crate) fn start(&self) -> String {
        self.installed().unwrap_or_else(|| self.ours("run"))
    }

    /// Ends the daemon and starts it again.
    pub(crate) fn restart(&self, status: &Value) -> String {
        self.installed().unwrap_or_else(|| format!("kill {}; {}", status["pid"], self.ours("run")))
    }

    /// What starts the service of this folder anew, if there is one.
    fn installed(&self) -> Option<String> {
        let home = PathBuf::from(std::env::var_os("HOME")?);
        let agents = std::fs::read_dir(home.join("Library/LaunchAgents")).into_iter().flatten().flatten();
        for agent in agents.map(|entry| entry.path()).filter(|path| self.is_of_this_folder(path)) {
            let name = agent.file_name().and_then(OsStr::to_str).and_then(|name| name.strip_suffix(".plist"));
            if let Some(label) = name.filter(|label| label.ends_with(".secret-proxy")) {
                return Some(format!("launchctl kickstart -k gui/$(id -u)/{}", shell(label)));
            }
        }
        let unit = home.join(".config/systemd/user/secret-proxy.service");
        let has_unit = unit.exists() && self.is_of_this_folder(&unit);
        has_unit.then(|| "systemctl --user restart secret-proxy".to_owned())
    }

    /// A service that names no folder has the usual one.
    fn is_of_this_folder(&self, service: &Path) -> bool {
        let text = std::fs::read_to_string(service).unwrap_or_default();
        named_folder(&text).map_or(self.dir.is_empty(), |named| *Folder::at(&named).path() == *self.folder)
    }
}

/// What `--dir` is in a unit or an agent.
fn named_folder(text: &str) -> Option<PathBuf> {
    if let Some((_, rest)) = text.split_once("<string>--dir=") {
        let (named, _) = rest.split_once('<')?;
        return Some(named.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").into());
    }
    let (_, rest) = text.split_once("--dir=")?;
    Some(rest.split(['"', '\n']).next()?.replace("%%", "%").into())
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
    fn the_folder_of_a_service_is_read_as_it_was_meant() {
        let unit = "ExecStart=\"/bin/secret-proxy\" run \"--dir=/a <50%%> 'it'\"\nExecReload=";
        let agent = "<string>run</string>\n\t\t<string>--dir=/R&amp;D &lt;50%&gt;</string>\n\t</array>";
        for (text, folder) in [(unit, Some("/a <50%> 'it'")), (agent, Some("/R&D <50%>")), ("run\n", None)] {
            assert_eq!(named_folder(text), folder.map(PathBuf::from));
        }
    }

    #[test]
    fn a_shell_takes_any_text_as_one_word() {
        for (text, word) in [("/a/b-c.env", "/a/b-c.env"), ("a b", "'a b'"), ("it's", "'it'\\''s'"), ("", "''")] {
            assert_eq!(shell(text), word);
        }
    }
}
