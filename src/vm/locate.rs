//! Locates a VM: one of Lima's, or a host of an ssh config file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use super::ssh::Ssh;
use crate::child::{End, run};
use crate::programs::find_program;
use crate::terminal::failure::Failure;

/// How long limactl may take.
const LIMACTL: Duration = Duration::from_secs(5);

/// A VM that is to be reached.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// Lima's VM of this name.
    Lima { name: String, home: PathBuf, limactl: Option<PathBuf> },
    /// A host of this ssh config file.
    Config { file: PathBuf, host: String },
}

/// The result of locating it.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Located {
    /// ssh may reach it by this file and host.
    At { file: PathBuf, host: String },
    /// It does not run.
    Stopped(String),
    /// There is no such VM.
    Unknown(String),
}

impl Place {
    /// Lima's VM of this name.
    pub(crate) fn lima(name: &str) -> Result<Self, Failure> {
        let limactl = find_program("limactl");
        Ok(Self::Lima { name: name.to_owned(), home: super::lima_home()?, limactl })
    }

    /// A host of this ssh config file.
    pub(crate) fn host(file: &Path, host: &str) -> Result<Self, Failure> {
        let file = config_path(file)?;
        super::host(host)?;
        Ok(Self::Config { file, host: host.to_owned() })
    }

    /// How ssh reaches it by default, without asking Lima.
    pub(crate) fn ssh(&self, program: PathBuf) -> Ssh {
        let (config, host) = match self {
            Self::Lima { name, home, .. } => (ssh_config_of(home, name), host_of(name)),
            Self::Config { file, host } => (file.clone(), host.clone()),
        };
        Ssh { program, config, host }
    }

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

/// limactl's answer; nothing if it does not answer, which must not prevent a tunnel.
async fn list(limactl: &Path, home: &Path, name: &str) -> Option<Located> {
    let mut command = Command::new(limactl);
    command.args(["list", "--format", "json", name]).env("LIMA_HOME", home);
    let ran = run(command, LIMACTL).await.ok().filter(|ran| ran.end != End::TimedOut)?;
    from_list(ran.end == End::Succeeded, &ran.stdout(), home, name)
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
            let file = named.unwrap_or_else(|| ssh_config_of(home, name));
            Some(Located::At { file, host: host_of(name) })
        }
        Some(status) => Some(Located::Stopped(format!("limactl says {status}: limactl start {name}"))),
        None => None,
    }
}

/// As the instance's folder shows.
fn unlisted(home: &Path, name: &str) -> Located {
    let file = ssh_config_of(home, name);
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

/// Where Lima writes the ssh config of an instance when it starts.
fn ssh_config_of(home: &Path, name: &str) -> PathBuf {
    home.join(name).join("ssh.config")
}

/// What `--ssh-config` names, from the root on: hints and installed services use it elsewhere.
pub(crate) fn config_path(file: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(file).map_err(|error| Failure::usage(format!("--ssh-config: {error}")))
}

fn host_of(name: &str) -> String {
    format!("lima-{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_answers_of_limactl() {
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
    fn without_limactl_the_folder_shows_where_the_vm_is() {
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
}
