//! `install`: launchd or systemd runs the proxy and its tunnels from now on.

use std::path::Path;
use std::process::ExitCode;

use actors::folder::Folder;
use actors::settings::Listen;
use rustix::process::geteuid;

use crate::cli::service::{InstallArgs, Platform};
use crate::cli::{FolderArgs, RunArgs};
use crate::install::{self, Home, Tunnel, Way, Wish, has_lima, program, search_path};
use crate::settings::{self, Run, folder_path};
use crate::terminal::failure::Failure;
use crate::vm;

pub(crate) fn main(arguments: &InstallArgs) -> Result<ExitCode, Failure> {
    not_by_sudo()?;
    let (platform, home) = (arguments.platform.unwrap_or_else(Platform::here), Home::find()?);
    let run = settings_of_the_file(&arguments.folder)?;
    let wish = wish(arguments, platform, &home, &run)?;
    let files = install::files(platform, &home, &wish)?;
    if arguments.print {
        let texts: Vec<String> =
            files.iter().map(|file| format!("==> {} <==\n{}", file.path.display(), file.text)).collect();
        say!("{}", texts.join("\n").trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    make_folder(&arguments.folder)?;
    hints(&wish);
    if install::install(platform, &home, &wish)? {
        let folder = Folder::at(&folder_path(&arguments.folder)?);
        say!("done; see how it is with: {}", settings::hints(&folder).command("status"));
    } else {
        say!("everything is installed already, and nothing was changed");
    }
    Ok(ExitCode::SUCCESS)
}

/// The agents would be root's, who has no screen and whose home is another one.
pub(super) fn not_by_sudo() -> Result<(), Failure> {
    if geteuid().is_root() && std::env::var_os("SUDO_UID").is_some() {
        return Err(Failure::usage("this is for your own account: run it without sudo"));
    }
    Ok(())
}

/// Launchd and systemd know nothing of the flags and variables of this shell: what is in `settings.env`
/// counts, and has to be good.
fn settings_of_the_file(folder: &FolderArgs) -> Result<Run, Failure> {
    settings::parse(&RunArgs { folder: folder.clone(), ..RunArgs::default() })
}

fn wish(arguments: &InstallArgs, platform: Platform, home: &Home, run: &Run) -> Result<Wish, Failure> {
    let sockets = arguments.sockets || install::has_sockets(platform, home);
    Ok(Wish {
        program: text(&program()?)?,
        dir: text(&folder_path(&arguments.folder)?)?,
        lima_home: text(&vm::lima_home()?)?,
        path: search_path(),
        sockets: sockets.then(|| held_port(run)).transpose()?,
        tunnels: tunnels(arguments)?,
    })
}

fn tunnels(arguments: &InstallArgs) -> Result<Vec<Tunnel>, Failure> {
    let way = arguments.ssh_config.as_deref().zip(arguments.host.as_deref()).map(|(file, host)| way(file, host));
    let mut way = way.transpose()?;
    if way.is_some() && arguments.instances.len() != 1 {
        return Err(Failure::usage("--ssh-config and --host are for one VM: give it one name, as in install build"));
    }
    let mut tunnels: Vec<Tunnel> = Vec::new();
    for instance in &arguments.instances {
        vm::name(instance)?;
        if !tunnels.iter().any(|it| it.instance == *instance) {
            tunnels.push(Tunnel { instance: instance.clone(), way: way.take() });
        }
    }
    Ok(tunnels)
}

fn way(file: &Path, host: &str) -> Result<Way, Failure> {
    if !file.is_file() {
        let shown = file.display().to_string();
        return Err(Failure::usage(format!("--ssh-config: there is no file {}", shown.escape_debug())));
    }
    vm::host(host)?;
    let file = std::path::absolute(file).map_err(|error| Failure::usage(format!("--ssh-config: {error}")))?;
    Ok(Way { ssh_config: text(&file)?, host: host.to_owned() })
}

/// The port to be held, which the templates know on 127.0.0.1 only, beside the socket in the folder.
fn held_port(run: &Run) -> Result<u16, Failure> {
    let loopback = |listen: &Listen| match listen {
        Listen::Tcp(address) if address.ip().to_string() == "127.0.0.1" && address.port() != 0 => Some(address.port()),
        _ => None,
    };
    let socket = Listen::Unix(run.tree.folder.path().join("proxy.sock"));
    let port = run.tree.listen.iter().find_map(loopback).filter(|_| run.tree.listen.contains(&socket));
    port.ok_or_else(|| {
        Failure::usage(
            "--sockets holds 127.0.0.1:PORT and unix:proxy.sock: SECRET_PROXY_LISTEN in settings.env has to name both",
        )
    })
}

fn make_folder(arguments: &FolderArgs) -> Result<(), Failure> {
    let path = folder_path(arguments)?;
    let new = !path.exists();
    for warning in settings::open_folder(arguments)?.1 {
        say!("tightened  {warning}");
    }
    if new {
        say!("made       {} (mode 0700)", path.display());
    }
    Ok(())
}

/// What will not be as it looks from here.
fn hints(wish: &Wish) {
    let set = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut set: Vec<String> =
        set.filter(|name| name.starts_with("SECRET_PROXY_") && name != "SECRET_PROXY_DIR").collect();
    set.sort();
    for name in set {
        complain!("secret-proxy: {name} is set in this shell only: write it into {}/settings.env", wish.dir);
    }
    if wish.tunnels.iter().any(|it| it.way.is_none()) && !has_lima() {
        complain!("secret-proxy: limactl is not on PATH: the tunnel will look in {}", wish.path);
    }
}

fn text(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Failure::usage(format!("{}: the path is not UTF-8: choose another one", path.display())))
}
