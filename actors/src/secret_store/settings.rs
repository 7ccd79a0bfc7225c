//! Settings of the secret store.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use policy::name::Namespace;

/// Settings of the secret store.
#[derive(Clone, Debug)]
pub struct SecretStoreSettings {
    /// The source of the default namespace.
    pub source: SourceSettings,
    /// The sources of other namespaces.
    pub namespaces: Vec<NamespaceSource>,
    /// The folder whose folders are namespaces, each with a `secrets.env`.
    pub namespaces_folder: PathBuf,
    /// How 1Password Environments are read.
    pub one_password: OnePasswordSettings,
    /// How long secrets stay cached after a read; zero reads them for every request.
    pub ttl: Duration,
    /// How long a pipe stays open after the last request that wanted a secret.
    pub approval_wait: Duration,
    /// Whether a notification on the screen reports that requests wait for the secrets.
    pub notify: bool,
}

/// How 1Password Environments are read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OnePasswordSettings {
    /// The program: a path, or a name that is looked up.
    pub program: PathBuf,
    /// The file with the token of the service account.
    pub token_file: PathBuf,
}

/// A namespace and the source of its secrets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NamespaceSource {
    /// The namespace.
    pub namespace: Namespace,
    /// The source.
    pub source: SourceSettings,
}

/// What secrets are read from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SourceSettings {
    /// A regular file, or the pipe that 1Password serves.
    Path(PathBuf),
    /// An Environment of 1Password, by its ID.
    OnePassword(String),
    /// A program whose standard output is the text.
    Program(PathBuf),
}

impl fmt::Display for SourceSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::OnePassword(id) => write!(f, "op:{id}"),
            Self::Program(path) => write!(f, "run:{}", path.display()),
        }
    }
}
