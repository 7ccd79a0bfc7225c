//! What the keeper does next: decided from what has happened, with no clock, process or file.

use std::time::{Duration, Instant};

use actors::tunnels::report::{TunnelMode, TunnelState};

use super::event::{Event, Probe, Step};
use super::ssh_error::Trouble;

/// The pause between two questions while all is well.
const EVERY: Duration = Duration::from_secs(10);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(5);
/// How long a question stays open whose answer will tell that a VM is back. The shared connection keeps
/// what hangs in it, so that many short ones would use it up.
const VIGIL: Duration = Duration::from_secs(600);
/// The pause before a doubtful answer is asked for again.
const DOUBT: Duration = Duration::from_secs(1);
/// How often it is looked whether a VM has started.
const VM: Duration = Duration::from_secs(5);
/// How often it is looked whether there is a connection to share.
const MASTER: Duration = Duration::from_secs(3);
/// Bad answers in a row after which something is done.
const STRIKES: u32 = 2;
/// The first pause after a failure.
const BACKOFF_MIN: Duration = Duration::from_millis(250);
/// The longest pause after a failure.
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// A tunnel that held so long has not failed in a row.
const HELD: Duration = Duration::from_secs(30);

/// One tunnel.
#[derive(Debug)]
pub(super) struct Machine {
    mode: TunnelMode,
    port: u16,
    state: TunnelState,
    error: Option<String>,
    linked: bool,
    strikes: u32,
    failures: u32,
    up_since: Option<Instant>,
    /// The forward was made anew since the last good answer.
    renewed: bool,
    /// After sleep one missing answer is enough.
    slept: bool,
}

impl Machine {
    pub(super) fn new(mode: TunnelMode, port: u16) -> Self {
        Self {
            mode,
            port,
            state: TunnelState::Connecting,
            error: None,
            linked: false,
            strikes: 0,
            failures: 0,
            up_since: None,
            renewed: false,
            slept: false,
        }
    }

    pub(super) fn state(&self) -> TunnelState {
        self.state
    }

    pub(super) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// `chance` is from 0 to 1.
    pub(super) fn on(&mut self, event: Event, now: Instant, chance: f64) -> Step {
        match event {
            Event::Located => Step::Link,
            Event::Absent(why) => self.rest(TunnelState::VmStopped, why, VM),
            Event::Linked => self.linked(),
            Event::Failed(trouble) => self.failed(trouble, now, chance),
            Event::Ended(trouble) => self.ended(trouble, now, chance),
            Event::Unlinked => Step::Wait(self.backoff(now, chance)),
            Event::Probed(probe) => self.probed(probe, now, chance),
            Event::Held(probe) => self.held(probe, now, chance),
            Event::Waited | Event::ProxyBack => self.resume(),
            Event::Woke => self.woke(),
            Event::ProxyGone => self.proxy_gone(),
            Event::ProxyMoved => self.unlink(TunnelState::Connecting, "the proxy listens elsewhere now".to_owned()),
        }
    }

    fn resume(&self) -> Step {
        if self.linked { Step::Probe(ANSWER) } else { Step::Locate }
    }

    fn woke(&mut self) -> Step {
        self.failures = 0;
        self.strikes = 0;
        self.slept = self.linked;
        self.resume()
    }

    fn linked(&mut self) -> Step {
        self.linked = true;
        self.strikes = 0;
        Step::Probe(ANSWER)
    }

    /// Takes the state on, and waits.
    fn rest(&mut self, state: TunnelState, why: String, pause: Duration) -> Step {
        self.become_state(state, Some(why));
        Step::Wait(pause)
    }

    fn become_state(&mut self, state: TunnelState, error: Option<String>) {
        (self.state, self.error) = (state, error);
    }

    fn failed(&mut self, trouble: Trouble, now: Instant, chance: f64) -> Step {
        self.linked = false;
        match trouble {
            Trouble::PortTaken => Step::Look,
            Trouble::NoMaster(why) => self.rest(TunnelState::NoMaster, why, MASTER),
            Trouble::Silent(why) => {
                let pause = self.backoff(now, chance);
                self.rest(TunnelState::Stalled, why, pause)
            }
            Trouble::Other(why) => {
                let pause = self.backoff(now, chance);
                self.rest(TunnelState::Unreachable, why, pause)
            }
        }
    }

    /// One that was up is made again first, and complained of only if that fails.
    fn ended(&mut self, trouble: Trouble, now: Instant, chance: f64) -> Step {
        self.linked = false;
        if trouble == Trouble::PortTaken {
            return Step::Look;
        }
        let pause = self.backoff(now, chance);
        match trouble {
            Trouble::Silent(why) => self.rest(TunnelState::Stalled, why, pause),
            _ if matches!(self.state, TunnelState::Unreachable | TunnelState::PortTaken) => Step::Wait(pause),
            trouble => self.rest(TunnelState::Connecting, trouble.to_string(), pause),
        }
    }

    fn unlink(&mut self, state: TunnelState, why: String) -> Step {
        self.become_state(state, Some(why));
        if self.linked {
            self.linked = false;
            Step::Unlink
        } else {
            Step::Locate
        }
    }

    fn proxy_gone(&mut self) -> Step {
        if !self.linked {
            return Step::Locate;
        }
        self.rest(TunnelState::ProxyDown, "the daemon does not run: secret-proxy status".to_owned(), EVERY)
    }

    fn probed(&mut self, probe: Probe, now: Instant, chance: f64) -> Step {
        match probe {
            Probe::Ours => {
                self.renewed = false;
                return self.well(None, now);
            }
            Probe::NoProxy(why) => return self.rest(TunnelState::ProxyDown, why, EVERY),
            _ => self.strikes += 1,
        }
        let timed_out = probe == Probe::Timeout;
        if self.strikes < STRIKES && !(timed_out && self.slept) {
            return if timed_out { Step::Probe(ANSWER) } else { Step::Wait(DOUBT) };
        }
        match probe {
            Probe::Lost(trouble) => self.unlink(TunnelState::Connecting, trouble.to_string()),
            Probe::Timeout => self.timed_out(),
            Probe::Refused => self.refused(now),
            probe => self.astray(&probe, now, chance),
        }
    }

    fn well(&mut self, note: Option<String>, now: Instant) -> Step {
        if self.state != TunnelState::Up {
            self.up_since = Some(now);
        }
        (self.strikes, self.slept) = (0, false);
        self.become_state(TunnelState::Up, note);
        Step::Wait(EVERY)
    }

    /// A connection of our own is made anew; one that is not ours is waited for.
    fn timed_out(&mut self) -> Step {
        let why = "no answer comes through the VM: it is frozen, asleep or overloaded".to_owned();
        match self.mode {
            TunnelMode::Dedicated => self.unlink(TunnelState::Stalled, why),
            TunnelMode::Shared => {
                self.become_state(TunnelState::Stalled, Some(why));
                Step::Probe(VIGIL)
            }
        }
    }

    /// With a connection of our own the forward lives as long as it does: then only the question is refused.
    fn refused(&mut self, now: Instant) -> Step {
        if self.mode == TunnelMode::Shared && !self.renewed {
            self.renewed = true;
            self.become_state(TunnelState::Connecting, Some("the forward was gone".to_owned()));
            return Step::Link;
        }
        let note = "the VM's sshd lets nobody look through the tunnel (AllowTcpForwarding yes would): \
                    only the connection is watched";
        self.well(Some(note.to_owned()), now)
    }

    fn astray(&mut self, probe: &Probe, now: Instant, chance: f64) -> Step {
        let why = taken(self.port, probe);
        if self.mode == TunnelMode::Dedicated {
            return self.unlink(TunnelState::PortTaken, why);
        }
        self.linked = false;
        let pause = self.backoff(now, chance);
        self.rest(TunnelState::PortTaken, why, pause)
    }

    fn held(&mut self, probe: Probe, now: Instant, chance: f64) -> Step {
        let pause = self.backoff(now, chance);
        match probe {
            Probe::Lost(trouble) => self.rest(TunnelState::Unreachable, trouble.to_string(), pause),
            probe => self.rest(TunnelState::PortTaken, taken(self.port, &probe), pause),
        }
    }

    /// How long to wait after a failure: the longer, the more there were in a row.
    fn backoff(&mut self, now: Instant, chance: f64) -> Duration {
        if self.up_since.take().is_some_and(|since| now.saturating_duration_since(since) >= HELD) {
            self.failures = 0;
        }
        let doubled = BACKOFF_MIN.saturating_mul(1 << self.failures.min(16));
        self.failures += 1;
        // Keepers of several VMs shall not come all at once.
        doubled.min(BACKOFF_MAX).mul_f64(0.75 + 0.5 * chance)
    }
}

/// Who has the port in the VM, and what to do.
fn taken(port: u16, probe: &Probe) -> String {
    match probe {
        Probe::Ours => format!("port {port} in the VM leads here already, by another tunnel: end that one"),
        Probe::Refused => format!(
            "the VM's sshd does not give port {port}: it needs AllowTcpForwarding yes, or remote (sshd -T shows what is)"
        ),
        Probe::Timeout => format!(
            "port {port} in the VM is held by something that does not answer, such as an earlier connection's \
             session: ClientAliveInterval in its sshd ends those"
        ),
        _ => format!("port {port} in the VM is taken by another program: sudo ss -ltnp there shows which; end it"),
    }
}

#[cfg(test)]
mod tests;
