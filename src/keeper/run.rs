//! The keeper: carries out the machine's steps and reports the outcome.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::pin::pin;
use std::time::{Duration, Instant};

use actors::clock;
use actors::folder::Folder;
use actors::tunnels::probe::Question;
use actors::tunnels::report::{TunnelMode, TunnelReport, TunnelState};
use tokio::time::{sleep, timeout};

use super::event::{Event, Probe, Step};
use super::forward::{Forward, LocalEnd, Target, cancel};
use super::machine::Machine;
use super::probe::{ask_by, ask_local};
use super::reporter::{ProxyAddress, Reporter};
use super::ssh_error::SshError;
use crate::vm::locate::{Located, Place};
use crate::vm::ssh::Ssh;

/// How long the proxy may take to answer on this side.
const NEAR: Duration = Duration::from_secs(3);
/// How long it may take to find out what holds the port.
const INSPECT: Duration = Duration::from_secs(10);
/// The VM was not located yet.
const NOT_LOCATED: &str = "the VM was not located yet";

/// Fixed at the start of a keeper.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) instance: String,
    pub(crate) mode: TunnelMode,
    pub(crate) target: Target,
    /// The port in the VM.
    pub(crate) port: u16,
    pub(crate) place: Place,
    /// The program ssh.
    pub(crate) ssh: PathBuf,
    pub(crate) folder: Folder,
    /// The socket of a dedicated connection.
    pub(crate) control: PathBuf,
}

/// Keeps one tunnel.
#[derive(Debug)]
pub(crate) struct Keeper {
    config: Config,
    machine: Machine,
    reporter: Reporter,
    progress: Progress,
    report: TunnelReport,
}

/// The results of the steps taken so far.
#[derive(Debug, Default)]
struct Progress {
    /// How ssh reaches the VM.
    ssh: Option<Ssh>,
    forward: Option<Forward>,
}

impl Keeper {
    pub(crate) fn new(config: Config) -> Self {
        let machine = Machine::new(config.mode, config.port);
        let report = TunnelReport {
            instance: config.instance.clone(),
            mode: config.mode,
            state: machine.state(),
            since: clock::now(),
            last_error: None,
        };
        let reporter = Reporter::new(config.folder.status_socket());
        Self { config, machine, reporter, progress: Progress::default(), report }
    }

    /// Keeps the tunnel open until `stop` completes; then closes it.
    pub(crate) async fn run(mut self, stop: impl Future) {
        let mut stop = pin!(stop);
        let mut next = Step::Locate;
        self.report().await;
        loop {
            let event = tokio::select! {
                biased;
                _ = &mut stop => break,
                event = self.next(next) => event,
            };
            next = self.after(event).await;
            // The daemon may have come or gone.
            while let Some(event) = self.report().await {
                next = self.after(event).await;
            }
        }
        self.close().await;
        self.report.state = TunnelState::Stopped;
        self.reporter.send(&self.report).await;
    }

    async fn after(&mut self, event: Event) -> Step {
        let step = self.machine.on(event, Instant::now(), chance());
        if step != Step::Close {
            return step;
        }
        // Not interrupted: a half-closed forward is of no use.
        self.close().await;
        self.machine.on(Event::Closed, Instant::now(), chance())
    }

    /// Takes the step, unless something else happens first.
    async fn next(&mut self, step: Step) -> Event {
        let Self { config, reporter, progress, report, .. } = self;
        let address = reporter.address().cloned();
        let mut new = Progress::default();
        let forward = progress.forward.as_ref();
        let event = tokio::select! {
            error = ended(forward) => Event::Ended(error),
            event = reporter.run(report, config.target, forward.map(|forward| &forward.local_end)) => event,
            event = take(&step, config, progress, address.as_ref(), &mut new) => event,
        };
        if matches!(event, Event::Ended(_) | Event::Failed(_)) {
            progress.forward = None;
        }
        progress.forward = new.forward.or(progress.forward.take());
        progress.ssh = new.ssh.or(progress.ssh.take());
        event
    }

    /// Closes the forward, and one that a shared connection may hold although its opening was interrupted.
    async fn close(&mut self) {
        if let Some(forward) = self.progress.forward.take() {
            forward.close().await;
        } else if let (TunnelMode::Shared, Some(ssh)) = (self.config.mode, &self.progress.ssh) {
            cancel(ssh, self.config.port, &self.config.local_end(self.reporter.address())).await;
        }
    }

    /// Reports to the daemon, and prints a line on stderr when something is new.
    async fn report(&mut self) -> Option<Event> {
        let (state, error) = (self.machine.state(), self.machine.error());
        // Otherwise a VM could change the note of a tunnel that is up all the time, and fill the disk.
        let is_new =
            state != self.report.state || (state != TunnelState::Up && error != self.report.last_error.as_deref());
        if state != self.report.state {
            self.report.since = clock::now();
        }
        self.report.state = state;
        self.report.last_error = error.map(str::to_owned);
        if is_new && state != TunnelState::Connecting {
            let why = error.map(|error| format!(": {error}")).unwrap_or_default();
            err!("{} tunnel into {}: {}{why}", clock::now(), self.report.instance, state.as_str());
        }
        self.reporter.send(&self.report).await
    }
}

/// Waits until the connection of the forward ends, if there is one.
async fn ended(forward: Option<&Forward>) -> SshError {
    match forward {
        Some(forward) => forward.ended().await,
        None => std::future::pending().await,
    }
}

async fn take(
    step: &Step,
    config: &Config,
    progress: &Progress,
    address: Option<&ProxyAddress>,
    new: &mut Progress,
) -> Event {
    match step {
        Step::Wait(pause) => {
            sleep(*pause).await;
            Event::Waited
        }
        Step::Locate => match config.place.locate().await {
            Located::At { file, host } => {
                new.ssh = Some(Ssh { program: config.ssh.clone(), config: file, host });
                Event::Located
            }
            Located::Stopped(why) | Located::Unknown(why) => Event::Absent(why),
        },
        Step::Open => match config.open(progress, address).await {
            Ok(forward) => {
                new.forward = Some(forward);
                Event::Opened
            }
            Err(error) => Event::Failed(error),
        },
        Step::Inspect => Event::Occupied(config.inspect(progress, address).await),
        Step::Probe(limit) => Event::Probed(config.probe(progress, address, *limit).await),
        // Done by the caller.
        Step::Close => Event::Closed,
    }
}

impl Config {
    /// Where the proxy says that it listens, or else its default.
    fn local_end(&self, address: Option<&ProxyAddress>) -> LocalEnd {
        let reported = address.and_then(|address| address.local_end(self.target));
        reported.unwrap_or_else(|| match self.target {
            Target::Socket => LocalEnd::Unix(self.folder.path().join("proxy.sock")),
            Target::Port => LocalEnd::Tcp((Ipv4Addr::LOCALHOST, self.port).into()),
        })
    }

    async fn open(&self, progress: &Progress, address: Option<&ProxyAddress>) -> Result<Forward, SshError> {
        let ssh = progress.ssh.clone().ok_or_else(|| SshError::Other(NOT_LOCATED.to_owned()))?;
        Forward::open(self.mode, ssh, &self.control, self.port, self.local_end(address)).await
    }

    /// Probes through the tunnel; first locally, so that the VM is not blamed for the proxy.
    async fn probe(&self, progress: &Progress, address: Option<&ProxyAddress>, limit: Duration) -> Probe {
        let Some(address) = address else {
            return Probe::NoProxy("the daemon does not run: secret-proxy status".to_owned());
        };
        let (Some(forward), Some(near), Some(far)) =
            (&progress.forward, address.key.question(), address.key.question())
        else {
            return Probe::Lost(SshError::Other("there is no forward".to_owned()));
        };
        if timeout(NEAR, ask_local(&forward.local_end, &near)).await != Ok(Probe::Ours) {
            return Probe::NoProxy(format!("the proxy does not answer on {}: is it in --listen?", forward.local_end));
        }
        let words = forward.ssh.through(forward.control(), self.port);
        ask_by(forward.ssh.command(words), &far, limit).await
    }

    /// Probes whatever holds the port in the VM.
    async fn inspect(&self, progress: &Progress, address: Option<&ProxyAddress>) -> Probe {
        let question = address.and_then(|address| address.key.question());
        // Without the daemon any question will do: no answer counts as ours.
        let question = question.unwrap_or_else(|| Question { path: "/".to_owned(), answer: String::new() });
        let Some(ssh) = &progress.ssh else {
            return Probe::Lost(SshError::Other(NOT_LOCATED.to_owned()));
        };
        let words = match self.mode {
            TunnelMode::Dedicated => ssh.through_new(self.port),
            TunnelMode::Shared => ssh.through(None, self.port),
        };
        ask_by(ssh.command(words), &question, INSPECT).await
    }
}

/// A random number from 0 to 1; 0.5 if the system has no randomness.
fn chance() -> f64 {
    let mut bytes = [0; 2];
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => f64::from(u16::from_ne_bytes(bytes)) / f64::from(u16::MAX),
        Err(_) => 0.5,
    }
}
