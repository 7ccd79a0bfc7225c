//! Does what the machine says, and tells how it went.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::{Duration, Instant};

use actors::folder::Folder;
use actors::tunnels::probe::Question;
use actors::tunnels::report::{TunnelMode, TunnelReport, TunnelState};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{sleep, timeout};

use super::event::{Event, Probe, Step};
use super::forward::{Here, Link, Target, cancel};
use super::machine::Machine;
use super::probe::{ask, ask_by};
use super::reporter::{Voice, WayIn};
use super::ssh_error::Trouble;
use crate::vm::locate::{Located, Place};
use crate::vm::ssh::Ssh;

/// How long the proxy may take to answer on this side.
const NEAR: Duration = Duration::from_secs(3);
/// How long it may take to find out who has the port.
const LOOK: Duration = Duration::from_secs(10);
/// Before it is known how ssh gets there.
const NOT_FOUND: &str = "it has not been looked for yet";

/// What one keeper was told at its start.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) instance: String,
    pub(crate) mode: TunnelMode,
    pub(crate) target: Target,
    /// The port in the VM.
    pub(crate) port: u16,
    pub(crate) place: Place,
    /// The program ssh.
    pub(crate) ssh: PathBuf,
    pub(crate) folder: Folder,
    /// The socket of a connection of our own.
    pub(crate) control: PathBuf,
}

/// Keeps one tunnel.
#[derive(Debug)]
pub(crate) struct Keeper {
    site: Site,
    machine: Machine,
    voice: Voice,
    found: Found,
    report: TunnelReport,
}

/// What steps have brought about.
#[derive(Debug, Default)]
struct Found {
    /// How ssh reaches the VM.
    ssh: Option<Ssh>,
    link: Option<Link>,
}

impl Keeper {
    pub(crate) fn new(site: Site) -> Self {
        let machine = Machine::new(site.mode, site.port);
        let report = TunnelReport {
            instance: site.instance.clone(),
            mode: site.mode,
            state: machine.state(),
            since: timestamp(),
            last_error: None,
        };
        let voice = Voice::new(site.folder.status_socket());
        Self { site, machine, voice, found: Found::default(), report }
    }

    /// Keeps the tunnel until it is to stop; then takes it down.
    pub(crate) async fn run(mut self, told_to_end: impl Future<Output = ()>) {
        let mut told_to_end = pin!(told_to_end);
        let mut step = Step::Locate;
        self.tell().await;
        loop {
            let event = tokio::select! {
                biased;
                () = &mut told_to_end => break,
                event = self.next(step) => event,
            };
            step = self.after(event).await;
            // Whoever is told may have come or gone.
            while let Some(event) = self.tell().await {
                step = self.after(event).await;
            }
        }
        self.unlink().await;
        self.report.state = TunnelState::Stopped;
        self.voice.say(&self.report).await;
    }

    async fn after(&mut self, event: Event) -> Step {
        let step = self.machine.on(event, Instant::now(), chance());
        if step != Step::Unlink {
            return step;
        }
        // Nothing comes between: half a way down helps nobody.
        self.unlink().await;
        self.machine.on(Event::Unlinked, Instant::now(), chance())
    }

    /// Takes the step, unless something happens meanwhile.
    async fn next(&mut self, step: Step) -> Event {
        let Self { site, voice, found, report, .. } = self;
        let way_in = voice.way_in().cloned();
        let mut new = Found::default();
        let link = found.link.as_ref();
        let event = tokio::select! {
            trouble = ended(link) => Event::Ended(trouble),
            event = voice.beat(report, site.target, link.map(|link| &link.here)) => event,
            event = take(&step, site, found, way_in.as_ref(), &mut new) => event,
        };
        if matches!(event, Event::Ended(_) | Event::Failed(_)) {
            found.link = None;
        }
        found.link = new.link.or(found.link.take());
        found.ssh = new.ssh.or(found.ssh.take());
        event
    }

    /// Takes down what stands, and what may stand on a shared connection though it was not waited for.
    async fn unlink(&mut self) {
        if let Some(link) = self.found.link.take() {
            link.end().await;
        } else if let (TunnelMode::Shared, Some(ssh)) = (self.site.mode, &self.found.ssh) {
            cancel(ssh, self.site.port, &self.site.here(self.voice.way_in())).await;
        }
    }

    /// Tells the daemon; and whoever reads along, when something is new.
    async fn tell(&mut self) -> Option<Event> {
        let (state, error) = (self.machine.state(), self.machine.error());
        // A VM could change a note about a tunnel that is up all day long, and fill the disk with it.
        let is_new =
            state != self.report.state || (state != TunnelState::Up && error != self.report.last_error.as_deref());
        if state != self.report.state {
            self.report.since = timestamp();
        }
        self.report.state = state;
        self.report.last_error = error.map(str::to_owned);
        if is_new && state != TunnelState::Connecting {
            let why = error.map(|error| format!(": {error}")).unwrap_or_default();
            complain!("{} tunnel into {}: {}{why}", timestamp(), self.report.instance, state.as_str());
        }
        self.voice.say(&self.report).await
    }
}

/// Waits for the end of what the link goes through, if there is one.
async fn ended(link: Option<&Link>) -> Trouble {
    match link {
        Some(link) => link.ended().await,
        None => std::future::pending().await,
    }
}

async fn take(step: &Step, site: &Site, found: &Found, way_in: Option<&WayIn>, new: &mut Found) -> Event {
    match step {
        Step::Wait(pause) => {
            sleep(*pause).await;
            Event::Waited
        }
        Step::Locate => match site.place.locate().await {
            Located::At { file, host } => {
                new.ssh = Some(Ssh { program: site.ssh.clone(), config: file, host });
                Event::Located
            }
            Located::Stopped(why) | Located::Unknown(why) => Event::Absent(why),
        },
        Step::Link => match site.link(found, way_in).await {
            Ok(link) => {
                new.link = Some(link);
                Event::Linked
            }
            Err(trouble) => Event::Failed(trouble),
        },
        Step::Look => Event::Held(site.look(found, way_in).await),
        Step::Probe(limit) => Event::Probed(site.probe(found, way_in, *limit).await),
        // Taken before.
        Step::Unlink => Event::Unlinked,
    }
}

impl Site {
    /// Where the tunnel ends: where the proxy says that it listens, or where it does by default.
    fn here(&self, way_in: Option<&WayIn>) -> Here {
        let told = way_in.and_then(|way_in| way_in.here(self.target));
        told.unwrap_or_else(|| match self.target {
            Target::Socket => Here::Unix(self.folder.path().join("proxy.sock")),
            Target::Port => Here::Tcp((Ipv4Addr::LOCALHOST, self.port).into()),
        })
    }

    async fn link(&self, found: &Found, way_in: Option<&WayIn>) -> Result<Link, Trouble> {
        let ssh = found.ssh.clone().ok_or_else(|| Trouble::Other(NOT_FOUND.to_owned()))?;
        Link::make(self.mode, ssh, &self.control, self.port, self.here(way_in)).await
    }

    /// Asks through the tunnel; first on this side, so that the VM is not blamed for the proxy.
    async fn probe(&self, found: &Found, way_in: Option<&WayIn>, limit: Duration) -> Probe {
        let Some(way_in) = way_in else {
            return Probe::NoProxy("the daemon does not run: secret-proxy status".to_owned());
        };
        let (Some(link), Some(near), Some(far)) = (&found.link, way_in.key.question(), way_in.key.question()) else {
            return Probe::Lost(Trouble::Other("there is no forward".to_owned()));
        };
        if timeout(NEAR, ask_here(&link.here, &near)).await != Ok(Probe::Ours) {
            return Probe::NoProxy(format!("the proxy does not answer on {}: is it in --listen?", link.here));
        }
        let words = link.ssh.through(link.control(), self.port);
        ask_by(link.ssh.command(words), &far, limit).await
    }

    /// Asks whoever has the port.
    async fn look(&self, found: &Found, way_in: Option<&WayIn>) -> Probe {
        let question = way_in.and_then(|way_in| way_in.key.question());
        // Without the daemon any question will do: the answer is not ours.
        let question = question.unwrap_or_else(|| Question { path: "/".to_owned(), answer: String::new() });
        let Some(ssh) = &found.ssh else {
            return Probe::Lost(Trouble::Other(NOT_FOUND.to_owned()));
        };
        let words = match self.mode {
            TunnelMode::Dedicated => ssh.anew(self.port),
            TunnelMode::Shared => ssh.through(None, self.port),
        };
        ask_by(ssh.command(words), &question, LOOK).await
    }
}

/// Asks on this side of the tunnel.
async fn ask_here(here: &Here, question: &Question) -> Probe {
    match here {
        Here::Unix(path) => match UnixStream::connect(path as &Path).await {
            Ok(stream) => ask_by_halves(stream, question).await,
            Err(_) => Probe::Nothing,
        },
        Here::Tcp(address) => match TcpStream::connect(address).await {
            Ok(stream) => ask_by_halves(stream, question).await,
            Err(_) => Probe::Nothing,
        },
    }
}

async fn ask_by_halves(stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite, question: &Question) -> Probe {
    let (mut reader, mut writer) = tokio::io::split(stream);
    ask(&mut writer, &mut reader, question).await
}

/// From 0 to 1; without randomness always in the middle.
fn chance() -> f64 {
    let mut bytes = [0; 2];
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => f64::from(u16::from_ne_bytes(bytes)) / f64::from(u16::MAX),
        Err(_) => 0.5,
    }
}

fn timestamp() -> String {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default()
}
