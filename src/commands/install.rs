//! `install`: launchd or systemd runs the proxy and its tunnels.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use actors::folder::Folder;
use actors::settings::Listen;
use clap::Args;
use rustix::process::geteuid;

use crate::install::{self, Home, Plan, Platform, SshHost, Tunnel, has_lima, program, search_path};
use crate::settings::{self, FolderArgs, Given, Run, folder_path};
use crate::terminal::failure::Failure;
use crate::vm;

#[derive(Args, Debug)]
pub(crate) struct InstallArgs {
    #[command(flatten)]
    folder: FolderArgs,

    /// Keep a reverse tunnel into these VMs: the names of Lima VMs, or with --ssh-config a name of your choice
    #[arg(value_name = "VM")]
    instances: Vec<String>,

    /// Reach a VM that is not Lima's by this ssh configuration, such as ~/.ssh/config
    #[arg(long, value_name = "FILE", requires = "host")]
    ssh_config: Option<PathBuf>,

    /// Host entry of the VM in that file
    #[arg(long, value_name = "NAME", requires = "ssh_config")]
    host: Option<String>,

    /// Let launchd or systemd hold the port and the Unix socket, so that no other program can take them
    #[arg(long)]
    sockets: bool,

    /// Print the files, each under its path, and change nothing
    #[arg(long)]
    print: bool,

    /// Act as on another platform
    #[arg(long, hide = true)]
    platform: Option<Platform>,
}

pub(crate) fn main(arguments: &InstallArgs) -> Result<ExitCode, Failure> {
    not_by_sudo()?;
    let (platform, home) = (arguments.platform.unwrap_or_else(Platform::here), Home::find()?);
    let run = settings_of_the_file(&arguments.folder)?;
    let plan = plan(arguments, platform, &home, &run)?;
    let files = install::files(platform, &home, &plan)?;
    if arguments.print {
        let texts: Vec<String> =
            files.iter().map(|file| format!("==> {} <==\n{}", file.path.display(), file.text)).collect();
        out!("{}", texts.join("\n").trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    make_folder(&arguments.folder)?;
    warnings(&plan);
    if install::install(platform, &home, &plan)? {
        let folder = Folder::at(&folder_path(&arguments.folder)?);
        out!("done; to see its state: {}", settings::hints(&folder).command("status"));
    } else {
        out!("everything is installed already, and nothing was changed");
    }
    Ok(ExitCode::SUCCESS)
}

/// Under sudo the agents would be root's, which has another home and no graphical login.
pub(super) fn not_by_sudo() -> Result<(), Failure> {
    if geteuid().is_root() && std::env::var_os("SUDO_UID").is_some() {
        return Err(Failure::usage("this is for your own account").hint("run it without sudo"));
    }
    Ok(())
}

/// launchd and systemd do not know the flags and variables of this shell: only `settings.env` counts, and has to be
/// valid.
fn settings_of_the_file(folder: &FolderArgs) -> Result<Run, Failure> {
    settings::parse(folder, &Given::default())
}

fn plan(arguments: &InstallArgs, platform: Platform, home: &Home, run: &Run) -> Result<Plan, Failure> {
    let sockets = arguments.sockets || install::has_sockets(platform, home);
    Ok(Plan {
        program: text(&program()?)?,
        dir: text(&folder_path(&arguments.folder)?)?,
        lima_home: text(&vm::lima_home()?)?,
        path: search_path(),
        sockets: sockets.then(|| held_port(run)).transpose()?,
        tunnels: tunnels(arguments)?,
    })
}

fn tunnels(arguments: &InstallArgs) -> Result<Vec<Tunnel>, Failure> {
    let ssh_host =
        arguments.ssh_config.as_deref().zip(arguments.host.as_deref()).map(|(file, host)| ssh_host(file, host));
    let mut ssh_host = ssh_host.transpose()?;
    if ssh_host.is_some() && arguments.instances.len() != 1 {
        return Err(Failure::usage("--ssh-config and --host are for one VM: give one name, as in install build"));
    }
    let mut tunnels: Vec<Tunnel> = Vec::new();
    for instance in &arguments.instances {
        vm::name(instance)?;
        if !tunnels.iter().any(|it| it.instance == *instance) {
            tunnels.push(Tunnel { instance: instance.clone(), ssh_host: ssh_host.take() });
        }
    }
    Ok(tunnels)
}

fn ssh_host(file: &Path, host: &str) -> Result<SshHost, Failure> {
    if !file.is_file() {
        let shown = file.display().to_string();
        return Err(Failure::usage(format!("--ssh-config: there is no file {}", shown.escape_debug())));
    }
    vm::host(host)?;
    let file = std::path::absolute(file).map_err(|error| Failure::usage(format!("--ssh-config: {error}")))?;
    Ok(SshHost { ssh_config: text(&file)?, host: host.to_owned() })
}

/// The port to hold. The templates have it on 127.0.0.1 only, beside the socket in the folder.
fn held_port(run: &Run) -> Result<u16, Failure> {
    let loopback = |listen: &Listen| match listen {
        Listen::Tcp(address) if address.ip().to_string() == "127.0.0.1" && address.port() != 0 => Some(address.port()),
        _ => None,
    };
    let socket = Listen::Unix(run.tree.folder.path().join("proxy.sock"));
    let port =
        run.tree.listener.listen.iter().find_map(loopback).filter(|_| run.tree.listener.listen.contains(&socket));
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
        out!("tightened  {warning}");
    }
    if new {
        out!("made       {} (mode 0700)", path.display());
    }
    Ok(())
}

/// Warns about differences between this shell and the service.
fn warnings(plan: &Plan) {
    let set = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut set: Vec<String> =
        set.filter(|name| name.starts_with("SECRET_PROXY_") && name != "SECRET_PROXY_DIR").collect();
    set.sort();
    for name in set {
        err!("secret-proxy: {name} is set in this shell only: write it into {}/settings.env", plan.dir);
    }
    if plan.tunnels.iter().any(|it| it.ssh_host.is_none()) && !has_lima() {
        err!("secret-proxy: limactl is not on PATH: the tunnel will look in {}", plan.path);
    }
}

fn text(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Failure::usage(format!("{}: the path is not UTF-8", path.display())).hint("choose another one"))
}
