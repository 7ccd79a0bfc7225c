//! A regular file, replaced and taken away in the ways that tools have: in force for a request half a second later.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::sleep;

use crate::support::{Canary, Origin, Proxy};

const HOST: &str = "api.example.test";
const WITHIN: Duration = Duration::from_millis(500);

/// How the file comes to its path, and how another one takes its place.
#[derive(Clone, Copy, Debug)]
enum Way {
    Rename,
    InPlace,
    EditorSwap,
    LinkToFolder,
    /// As Kubernetes publishes a `ConfigMap`: a link to a link.
    DataLink,
    FolderRenamed,
    /// The file becomes a link, which is never followed.
    LinkToFile,
    MountOver,
}

struct Stage {
    parent: TempDir,
    way: Way,
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    let file = fs::File::options().create(true).truncate(true).write(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("written");
}

impl Stage {
    fn new(way: Way) -> Self {
        let parent = TempDir::with_prefix("sp").expect("a folder");
        match way {
            Way::LinkToFolder => symlink("1", parent.path().join("current")).expect("linked"),
            Way::DataLink => {
                symlink("1", parent.path().join("..data")).expect("linked");
                symlink("..data", parent.path().join("current")).expect("linked");
            }
            _ => {}
        }
        Self { parent, way }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.parent.path().join(path)
    }

    fn path(&self) -> PathBuf {
        match self.way {
            Way::LinkToFolder | Way::DataLink => self.at("current/secrets.env"),
            _ => self.at("1/secrets.env"),
        }
    }

    /// Turns a link in one step.
    fn turn(&self, link: &str, to: &str) {
        symlink(to, self.at("turned")).expect("linked");
        fs::rename(self.at("turned"), self.at(link)).expect("turned");
    }

    fn replace(&self, text: &str) {
        let (old, new) = (self.at("1/secrets.env"), self.at("2/secrets.env"));
        write(&new, text);
        match self.way {
            Way::Rename => fs::rename(&new, &old).expect("replaced"),
            Way::InPlace => write(&old, text),
            Way::EditorSwap => {
                fs::rename(&old, self.at("1/secrets.env~")).expect("moved");
                write(&old, text);
                fs::remove_file(self.at("1/secrets.env~")).expect("removed");
            }
            Way::LinkToFolder => self.turn("current", "2"),
            Way::DataLink => self.turn("..data", "2"),
            Way::FolderRenamed => {
                fs::rename(self.at("1"), self.at("old")).expect("moved");
                fs::rename(self.at("2"), self.at("1")).expect("moved");
            }
            Way::LinkToFile => self.turn("1/secrets.env", "../2/secrets.env"),
            Way::MountOver => assert!(mount(&["--bind".as_ref(), &new, &old]), "mounted"),
        }
    }

    fn take_away(&self) {
        match self.way {
            Way::LinkToFolder => self.turn("current", "nowhere"),
            Way::DataLink => self.turn("..data", "nowhere"),
            Way::FolderRenamed => fs::rename(self.at("1"), self.at("gone")).expect("moved"),
            Way::MountOver => assert!(mount(&["--bind".as_ref(), "/dev/null".as_ref(), &self.path()]), "mounted"),
            _ => fs::remove_file(self.path()).expect("removed"),
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if matches!(self.way, Way::MountOver) {
            while Command::new("umount").arg("-q").arg(self.path()).status().is_ok_and(|status| status.success()) {}
        }
    }
}

fn mount(words: &[&Path]) -> bool {
    Command::new("mount").args(words).status().is_ok_and(|status| status.success())
}

/// Mounting needs a privilege.
fn may_mount() -> bool {
    let stage = Stage::new(Way::MountOver);
    write(&stage.path(), "");
    write(&stage.at("2/secrets.env"), "");
    rustix::process::geteuid().is_root() && mount(&["--bind".as_ref(), &stage.at("2/secrets.env"), &stage.path()])
}

/// The value that arrives, if the request is not refused.
async fn value(proxy: &Proxy, origin: &Origin) -> Option<Vec<u8>> {
    let request = proxy.client().get(&format!("https://{HOST}/")).header("x-api-key", "{{API_KEY}}");
    let status = request.send().await.expect("answered").status;
    (status == 200).then(|| origin.last_request().header("x-api-key").expect("a value").to_vec())
}

async fn goes(way: Way) {
    let (stage, origin, old, new) = (Stage::new(way), Origin::start(&[HOST]), Canary::new(), Canary::new());
    let text = |canary: &Canary| format!("API_KEY={}\nAPI_KEY_HOSTS={HOST}\n", canary.value());
    write(&stage.at("1/secrets.env"), &text(&old));
    let path = stage.path().display().to_string();
    let builder = Proxy::builder().origin(HOST, &origin).env("SECRET_PROXY_SECRETS", &path);
    let proxy = builder.secrets_text(&text(&old)).canary(&old).canary(&new).start();
    assert_eq!(value(&proxy, &origin).await.as_deref(), Some(old.bytes()), "{way:?}");
    stage.replace(&text(&new));
    sleep(WITHIN).await;
    let expected = (!matches!(way, Way::LinkToFile)).then(|| new.bytes().to_vec());
    assert_eq!(value(&proxy, &origin).await, expected, "{way:?}: replaced");
    stage.take_away();
    sleep(WITHIN).await;
    assert_eq!(value(&proxy, &origin).await, None, "{way:?}: taken away");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_file_is_in_force_half_a_second_later() {
    for way in [Way::Rename, Way::InPlace, Way::EditorSwap, Way::LinkToFolder, Way::DataLink] {
        goes(way).await;
    }
    for way in [Way::FolderRenamed, Way::LinkToFile] {
        goes(way).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mount_over_the_file_is_in_force_half_a_second_later() {
    if may_mount() {
        goes(Way::MountOver).await;
    } else {
        println!("skipped: mounting needs root");
    }
}
