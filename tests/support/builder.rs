//! The settings of a test's proxy, before its start.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Output;

use tempfile::TempDir;

use super::canary::Canary;
use super::origin::Upstream;
use super::proxy::Proxy;
use super::transcript::Transcript;

type Preparation = Box<dyn FnOnce(&Path)>;

/// The folder and settings of a proxy, which outlive one run.
pub(super) struct Home {
    pub(super) root: TempDir,
    pub(super) dir: PathBuf,
    pub(super) environment: BTreeMap<String, String>,
    /// The words after the program's name.
    pub(super) args: Vec<String>,
    pub(super) transcript: Transcript,
    pub(super) allow_reflection: bool,
    pub(super) expect_restarts: bool,
    /// The first content of the secrets file; none for a FIFO.
    pub(super) secrets: Option<String>,
}

/// Settings of a [`Proxy`]. Everything is given by environment variables, as DESIGN names them.
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of the builder")]
#[must_use = "a proxy runs only after start"]
pub struct ProxyBuilder {
    secrets: String,
    secrets_fifo: bool,
    unix_listener: bool,
    cas: Vec<String>,
    resolve: Vec<String>,
    set: Vec<(String, Option<String>)>,
    args: Vec<String>,
    preparations: Vec<Preparation>,
    transcript: Transcript,
    allow_reflection: bool,
    expect_restarts: bool,
    within: PathBuf,
}

impl ProxyBuilder {
    pub(super) fn new() -> Self {
        Self {
            secrets: String::new(),
            secrets_fifo: false,
            unix_listener: false,
            cas: Vec::new(),
            resolve: Vec::new(),
            set: Vec::new(),
            args: Vec::new(),
            preparations: Vec::new(),
            transcript: Transcript::default(),
            allow_reflection: false,
            expect_restarts: false,
            within: std::env::temp_dir(),
        }
    }

    /// Uses this folder for everything, such as a folder on another disk.
    pub fn within(mut self, folder: &Path) -> Self {
        self.within = folder.to_path_buf();
        self
    }

    /// Makes `name` (443 or 80, or as in `name:8443`) lead to this origin, and trusts its CA.
    pub fn origin(mut self, name: &str, upstream: &impl Upstream) -> Self {
        self.cas.extend(upstream.ca_pem().map(str::to_owned));
        let named = match name.rsplit_once(':') {
            Some(_) => name.to_owned(),
            None => format!("{name}:{}", upstream.default_port()),
        };
        self.resolve(&format!("{named}:{}", upstream.address()))
    }

    /// Adds a `NAME:PORT:ADDRESS[:PORT]` entry, and trusts nothing.
    pub fn resolve(mut self, entry: &str) -> Self {
        self.resolve.push(entry.to_owned());
        self
    }

    /// Adds a secret and its hosts to the secrets file, and searches for its value.
    pub fn secret(self, name: &str, value: &Canary, hosts: &str) -> Self {
        let lines = format!("{name}={}\n{name}_HOSTS={hosts}\n", value.value());
        self.secrets_text(&lines).canary(value)
    }

    /// Adds text to the secrets file. Only [`Self::canary`] adds its values to the search.
    pub fn secrets_text(mut self, text: &str) -> Self {
        self.secrets.push_str(text);
        self
    }

    /// Makes the secrets file a FIFO without a writer: see [`super::Fifo`].
    pub fn secrets_fifo(mut self) -> Self {
        self.secrets_fifo = true;
        self
    }

    /// Searches for this value.
    pub fn canary(self, canary: &Canary) -> Self {
        self.transcript.watch(canary);
        self
    }

    /// Also listens on `DIR/proxy.sock`.
    pub fn unix_listener(mut self) -> Self {
        self.unix_listener = true;
        self
    }

    /// Sets an environment variable of the daemon and of [`Proxy::cli`]; the last one counts.
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.set.push((key.to_owned(), Some(value.to_owned())));
        self
    }

    /// Omits a variable that the harness sets.
    pub fn without_env(mut self, key: &str) -> Self {
        self.set.push((key.to_owned(), None));
        self
    }

    /// Adds a word after `run`.
    pub fn arg(mut self, word: &str) -> Self {
        self.args.push(word.to_owned());
        self
    }

    /// Calls this with DIR (which exists, mode 0700) before the secrets are written and the daemon starts.
    pub fn prepare(mut self, preparation: impl FnOnce(&Path) + 'static) -> Self {
        self.preparations.push(Box::new(preparation));
        self
    }

    /// Allows canaries in answers to clients, for origins that reflect requests.
    pub fn allow_reflection(mut self) -> Self {
        self.allow_reflection = true;
        self
    }

    /// Allows restarts of owners in this test.
    pub fn expect_restarts(mut self) -> Self {
        self.expect_restarts = true;
        self
    }

    /// Starts the daemon and waits until it answers `status`.
    pub fn start(self) -> Proxy {
        let proxy = Proxy::new(self.lay_out());
        proxy.launch();
        proxy
    }

    /// Starts a daemon that must refuse to start, and waits for its end.
    pub fn start_refused(self) -> Output {
        Proxy::new(self.lay_out()).run_refused()
    }

    fn lay_out(self) -> Home {
        let root = tempfile::Builder::new()
            .prefix("sp")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(&self.within)
            .expect("a temporary folder");
        let (dir, home) = (root.path().join("dir"), root.path().join("home"));
        for folder in [&dir, &home] {
            DirBuilder::new().mode(0o700).create(folder).expect("a folder in the temporary folder");
        }
        let trusted = root.path().join("upstream-ca.pem");
        std::fs::write(&trusted, self.cas.concat()).expect("the CA file is written");
        let environment = self.environment(&dir, &home, &trusted);
        for preparation in self.preparations {
            preparation(&dir);
        }
        Home {
            root,
            dir,
            environment,
            args: ["run".to_owned()].into_iter().chain(self.args).collect(),
            transcript: self.transcript,
            allow_reflection: self.allow_reflection,
            expect_restarts: self.expect_restarts,
            secrets: (!self.secrets_fifo).then_some(self.secrets),
        }
    }

    fn environment(&self, dir: &Path, home: &Path, trusted: &Path) -> BTreeMap<String, String> {
        let text = |path: &Path| path.display().to_string();
        let mut listen = "127.0.0.1:0".to_owned();
        if self.unix_listener {
            listen = format!("{listen},unix:{}", text(&dir.join("proxy.sock")));
        }
        let mut variables = vec![
            ("HOME", text(home)),
            ("SECRET_PROXY_DIR", text(dir)),
            ("SECRET_PROXY_LISTEN", listen),
            ("SECRET_PROXY_SECRETS", text(&dir.join("secrets.env"))),
            ("SECRET_PROXY_ALLOW_NET", "127.0.0.0/8".to_owned()),
        ];
        if let Ok(path) = std::env::var("PATH") {
            variables.push(("PATH", path));
        }
        if !self.cas.is_empty() {
            variables.push(("SECRET_PROXY_UPSTREAM_CA", text(trusted)));
        }
        if !self.resolve.is_empty() {
            variables.push(("SECRET_PROXY_RESOLVE", self.resolve.join(",")));
        }
        let named = variables.into_iter().map(|(key, value)| (key.to_owned(), value));
        let mut environment: BTreeMap<String, String> = named.collect();
        for (key, value) in &self.set {
            match value {
                Some(value) => environment.insert(key.clone(), value.clone()),
                None => environment.remove(key),
            };
        }
        environment
    }
}
