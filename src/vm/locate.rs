//! Where the VM is: one of Lima's, or any that an ssh config file leads to.

use std::env;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use super::child::{Ran, run};

/// How long limactl may take.
const LIMACTL: Duration = Duration::from_secs(5);

/// Where the VM is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// Lima's VM of this name.
    Lima { name: String, home: PathBuf, limactl: Option<PathBuf> },
    /// A host of this ssh config file.
    Config { file: PathBuf, host: String },
}

/// What was found.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Located {
    /// It may be reached by this file and host.
    At { file: PathBuf, host: String },
    /// It does not run.
    Stopped(String),
    /// There is no such VM.
    Unknown(String),
}

impl Place {
    /// Looks, and waits for nothing.
    pub(crate) async fn locate(&self) -> Located {
        match self {
            Self::Config { file, host } => Located::At { file: file.clone(), host: host.clone() },
            Self::Lima { name, home, limactl } => {
                let listed = match limactl {
                    Some(program) => list(program, home, name).await,
                    None => None,
                };
                listed.unwrap_or_else(|| unlisted(home, name))
            }
        }
    }
}

/// What limactl says; nothing if it does not answer, which must not keep a tunnel from being made.
async fn list(limactl: &Path, home: &Path, name: &str) -> Option<Located> {
    let mut command = Command::new(limactl);
    command.args(["list", "--format", "json", name]).env("LIMA_HOME", home);
    match run(command, LIMACTL).await {
        Ran::Ended { good, stdout, .. } => from_list(good, &stdout, home, name),
        Ran::TimedOut | Ran::NotStarted(_) => None,
    }
}

/// One JSON object a line.
fn from_list(good: bool, stdout: &str, home: &Path, name: &str) -> Option<Located> {
    let found = stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let Some(vm) = found.into_iter().find(|vm| vm["name"] == name) else {
        return (!good || stdout.trim().is_empty()).then(|| unknown(home, name));
    };
    match vm["status"].as_str() {
        Some("Running") => {
            let named = vm["sshConfigFile"].as_str().filter(|path| !path.is_empty()).map(PathBuf::from);
            let file = named.unwrap_or_else(|| home.join(name).join("ssh.config"));
            Some(Located::At { file, host: host_of(name) })
        }
        Some(status) => Some(Located::Stopped(format!("limactl says {status}: limactl start {name}"))),
        None => None,
    }
}

/// What the folder says.
fn unlisted(home: &Path, name: &str) -> Located {
    let file = home.join(name).join("ssh.config");
    if file.is_file() {
        Located::At { file, host: host_of(name) }
    } else if home.join(name).join("lima.yaml").is_file() {
        Located::Stopped(format!("it has no ssh.config yet: limactl start {name}"))
    } else {
        unknown(home, name)
    }
}

fn unknown(home: &Path, name: &str) -> Located {
    Located::Unknown(format!(
        "no Lima VM is called {name} in {}: limactl list shows them; for other VMs there are --ssh-config and --host",
        home.display()
    ))
}

fn host_of(name: &str) -> String {
    format!("lima-{name}")
}

/// A program in one of the folders of PATH.
pub(crate) fn find_program(name: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    let is_program =
        |file: &PathBuf| file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
    let folders = env::split_paths(path?).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(name)).find(is_program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_what_limactl_says() {
        let at = |file: &str| Some(Located::At { file: file.into(), host: "lima-work".to_owned() });
        let line =
            |status: &str, file: &str| format!(r#"{{"name":"work","status":"{status}","sshConfigFile":"{file}"}}"#);
        let table = [
            (true, line("Running", "/else/ssh.config"), at("/else/ssh.config")),
            (true, line("Running", ""), at("/l/work/ssh.config")),
            (true, format!("{}\n{}", line("Running", "/x").replace("work", "play"), line("Running", "/y")), at("/y")),
            (true, r#"{"name":"work"}"#.to_owned(), None),
            (true, "new format".to_owned(), None),
        ];
        for (good, stdout, expected) in table {
            assert_eq!(from_list(good, &stdout, "/l".as_ref(), "work"), expected, "{stdout}");
        }
        let stopped = from_list(true, &line("Stopped", "/x"), "/l".as_ref(), "work");
        assert!(matches!(stopped, Some(Located::Stopped(why)) if why.contains("limactl start work")));
        for (good, stdout) in [(false, ""), (true, ""), (false, "oh")] {
            assert!(matches!(from_list(good, stdout, "/l".as_ref(), "work"), Some(Located::Unknown(_))), "{stdout}");
        }
    }

    #[test]
    fn without_limactl_the_folder_tells() {
        let home = tempfile::tempdir().expect("a folder");
        let put = |name: &str| {
            std::fs::create_dir_all(home.path().join("work")).expect("made");
            std::fs::write(home.path().join("work").join(name), "").expect("written");
        };
        assert!(matches!(unlisted(home.path(), "work"), Located::Unknown(_)));
        put("lima.yaml");
        assert!(matches!(unlisted(home.path(), "work"), Located::Stopped(_)));
        put("ssh.config");
        assert!(matches!(unlisted(home.path(), "work"), Located::At { .. }));
    }

    #[test]
    fn programs_are_found_in_absolute_folders_only() {
        assert_eq!(find_program("sh", Some("nowhere:/bin".as_ref())), Some("/bin/sh".into()));
        assert_eq!(find_program("sh", Some(":.:/nowhere".as_ref())), None);
        assert_eq!(find_program("sh", None), None);
    }
}
