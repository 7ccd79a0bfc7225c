//! `check`: names, hosts and problems of a secrets file, never a value.

use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use actors::folder::Folder;
use policy::table::{BadHosts, Secret, Table};

use crate::cli::CheckArgs;
use crate::failure::Failure;
use crate::settings::{folder_path, joined, secrets_path};

/// Reading a pipe may ask its owner for approval.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn main(arguments: &CheckArgs) -> Result<ExitCode, Failure> {
    let path = match &arguments.file {
        Some(file) => file.clone(),
        None => secrets_path(&Folder::at(&folder_path(&arguments.folder)?))?,
    };
    let table = read(&path)?;
    let count = table.secrets().len();
    say!("{}: {count} secret{}", path.display(), if count == 1 { "" } else { "s" });
    for (name, secret) in table.secrets() {
        say!("  {:8} {name}  {}", if is_usable(secret) { "ok" } else { "unusable" }, hosts(secret));
    }
    for problem in table.problems() {
        say!("  problem  {problem}");
    }
    if count == 0 {
        say!("  nothing: a secret is a line NAME=value and a line NAME_HOSTS=host");
    }
    let usable = table.secrets().into_iter().all(|(_, secret)| is_usable(secret));
    Ok(if usable { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(path: &Path) -> Result<Table, Failure> {
    let named = |what: &dyn std::fmt::Display| Failure::not_well(format!("{}: {what}", path.display()));
    let found = std::fs::symlink_metadata(path);
    if found.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Err(named(&"there is no such file: make it, or name another with secret-proxy check FILE"));
    }
    if found.is_ok_and(|found| found.file_type().is_fifo()) {
        complain!("waiting for {} to be served, {} s at most", path.display(), PATIENCE.as_secs());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::not_well)?;
    let text = runtime.block_on(actors::read_mount(path, PATIENCE)).map_err(|error| named(&error))?;
    Table::read(&text).map_err(|malformed| named(&malformed))
}

fn is_usable(secret: &Secret) -> bool {
    secret.value.is_ok() && secret.hosts.is_ok()
}

fn hosts(secret: &Secret) -> String {
    match &secret.hosts {
        Ok(hosts) => joined(hosts.entries()),
        Err(BadHosts::Missing) => "(no hosts)".to_owned(),
        Err(BadHosts::Entry) => "(hosts cannot be read)".to_owned(),
    }
}
