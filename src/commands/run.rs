//! `run`: the daemon, in the foreground.

use std::process::ExitCode;

use actors::mirror::Mirror;
use actors::{BindError, BootError, Daemon, Ended, Handed, runtime};
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use crate::doctor::answers_as_ours;
use crate::failure::Failure;
use crate::settings::{self, FolderArgs, Given, Run, joined};
use crate::{handed, harden, logging, readiness, watchdog};

#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    folder: FolderArgs,

    #[command(flatten)]
    settings: Given,
}

pub(crate) fn main(arguments: &RunArgs) -> Result<ExitCode, Failure> {
    harden::clean_environment().map_err(|error| {
        Failure::not_well(format!(
            "cannot restart with SSL_CERT_FILE, HTTPS_PROXY and similar variables removed ({error}): unset them"
        ))
    })?;
    let handed = handed::sockets()?;
    let private = harden::keep_memory_private();
    let affordable = harden::raise_descriptor_limit();
    let mut run = settings::read(&arguments.folder, &arguments.settings)?;
    if let Err(error) = private {
        run.warnings.push(format!("other programs of this user may read the memory of this one: {error}"));
    }
    if run.tree.listener.sessions_max > affordable {
        run.warnings.push(format!("descriptors allow only {affordable} client connections at a time (ulimit -n)"));
        run.tree.listener.sessions_max = affordable;
    }
    let (mirror, _guard) = logging::start(&run.tree.folder, &run.log)?;
    for warning in &run.warnings {
        warn!("{warning}");
        complain!("secret-proxy: {warning}");
    }
    let runtime = runtime::with_threads(run.workers).map_err(Failure::not_well)?;
    let mut outcome = Ok(ExitCode::FAILURE);
    runtime::block_on(&runtime, Box::pin(async { outcome = serve(run, mirror, handed).await }));
    // A thread that reads a file must not hold up the end.
    runtime.shutdown_background();
    outcome
}

async fn serve(run: Run, mirror: Mirror, handed: Vec<Handed>) -> Result<ExitCode, Failure> {
    watchdog::start().map_err(Failure::not_well)?;
    let mut signals = Signals::listen().map_err(Failure::not_well)?;
    let (folder, secrets) = (run.tree.folder.clone(), run.tree.secret_store.path.clone());
    let mut daemon = Daemon::boot(run.tree, mirror, handed).await.map_err(refused)?;
    let addresses = joined(daemon.addresses());
    info!(version = env!("CARGO_PKG_VERSION"), addresses, "listening");
    say!("secret-proxy {} listens on {addresses}", env!("CARGO_PKG_VERSION"));
    let missing = if secrets.exists() { "" } else { ", which is not there yet" };
    say!("secrets from {}{missing}; log in {}", secrets.display(), folder.proxy_log().display());
    readiness::tell(&format!("READY=1\nSTATUS=listens on {addresses}"));
    loop {
        tokio::select! {
            ended = daemon.ended() => return report(ended),
            wish = signals.next() => match wish {
                Wish::Reload => {
                    logging::reopen();
                    info!("told to read the secrets and open the logs again");
                    daemon.reload();
                }
                Wish::Stop => break,
            },
        }
    }
    info!("stopping");
    readiness::tell("STOPPING=1\nSTATUS=lets requests finish");
    say!("stopping: requests may finish for 10 s; once more stops at once");
    tokio::select! {
        () = daemon.drain() => Ok(ExitCode::SUCCESS),
        // Asked twice: at once.
        () = signals.stop_again() => Err(Failure::not_well("stopped before requests had finished")),
    }
}

/// A file that a setting names is part of the settings; so are sockets that were bound for us.
fn refused(error: BootError) -> Failure {
    match error {
        BootError::Trust(error) => Failure::usage(error),
        BootError::Bind(error @ BindError::NotListed(_)) => Failure::usage(error),
        BootError::Bind(BindError::Taken(address)) if answers_as_ours(&address) => Failure::not_well(format!(
            "{address} is taken by another secret-proxy: choose another address with --listen"
        )),
        error => Failure::not_well(error),
    }
}

fn report(ended: Ended) -> Result<ExitCode, Failure> {
    match ended {
        Ended::Drained => Ok(ExitCode::SUCCESS),
        Ended::Exhausted(owner) => {
            Err(Failure::not_well(format!("{owner} crashed too often; see proxy.log, and start secret-proxy again")))
        }
    }
}

enum Wish {
    Reload,
    Stop,
}

struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.hangup.recv() => Wish::Reload,
            _ = self.interrupt.recv() => Wish::Stop,
            _ = self.terminate.recv() => Wish::Stop,
        }
    }

    async fn stop_again(&mut self) {
        while !matches!(self.next().await, Wish::Stop) {}
    }
}
