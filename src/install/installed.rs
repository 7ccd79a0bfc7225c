//! The installed service of a folder, and the command that restarts it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use actors::folder::Folder;

use crate::terminal::hints::shell;

/// The command that restarts the service of this folder, if one is installed. A service that names no folder has the
/// usual one.
pub(crate) fn restart_command(folder: &Folder, is_usual: bool) -> Option<String> {
    let serves = |service: &Path| {
        let text = std::fs::read_to_string(service).unwrap_or_default();
        named_folder(&text).map_or(is_usual, |named| Folder::at(&named).path() == folder.path())
    };
    let home = PathBuf::from(std::env::var_os("HOME")?);
    launchd(&home, &serves).or_else(|| systemd(&home, &serves))
}

fn launchd(home: &Path, serves: &impl Fn(&Path) -> bool) -> Option<String> {
    let agents = std::fs::read_dir(home.join("Library/LaunchAgents")).into_iter().flatten().flatten();
    let agents = agents.map(|entry| entry.path()).filter(|path| serves(path));
    let labels = agents.filter_map(|agent| {
        let label = agent.file_name().and_then(OsStr::to_str)?.strip_suffix(".plist")?.to_owned();
        label.ends_with(".secret-proxy").then_some(label)
    });
    let label = labels.into_iter().next()?;
    Some(format!("launchctl kickstart -k gui/$(id -u)/{}", shell(&label)))
}

fn systemd(home: &Path, serves: &impl Fn(&Path) -> bool) -> Option<String> {
    let unit = home.join(".config/systemd/user/secret-proxy.service");
    (unit.exists() && serves(&unit)).then(|| "systemctl --user restart secret-proxy".to_owned())
}

/// The value of `--dir` in a unit or an agent.
fn named_folder(text: &str) -> Option<PathBuf> {
    if let Some((_, rest)) = text.split_once("<string>--dir=") {
        let (named, _) = rest.split_once('<')?;
        return Some(named.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").into());
    }
    let (_, rest) = text.split_once("--dir=")?;
    Some(rest.split(['"', '\n']).next()?.replace("%%", "%").into())
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
}
