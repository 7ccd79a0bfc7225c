//! The keeper's state machine: takes events, returns steps; no clock, process or file.

use std::time::{Duration, Instant};

use actors::tunnels::report::{TunnelMode, TunnelState};

use super::event::{Event, Probe, Step};
use super::ssh_error::SshError;

/// The pause between two probes while the tunnel is up.
const PROBE_EVERY: Duration = Duration::from_secs(10);
/// How long an answer may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a probe waits for a frozen VM to come back. A shared connection keeps each channel that hangs, so that
/// many short probes would use it up.
const FROZEN_PROBE_TIMEOUT: Duration = Duration::from_secs(600);
/// The pause before a bad answer is retried.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// How often a stopped VM is checked.
const VM_CHECK_EVERY: Duration = Duration::from_secs(5);
/// How often a missing shared connection is checked.
const MASTER_CHECK_EVERY: Duration = Duration::from_secs(3);
/// Bad answers in a row that count as a failure.
const BAD_ANSWERS_MAX: u32 = 2;
/// The first pause after a failure.
const BACKOFF_MIN: Duration = Duration::from_millis(250);
/// The longest pause after a failure.
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// A tunnel that was up this long starts with the shortest pause again.
const STABLE_AFTER: Duration = Duration::from_secs(30);

/// One tunnel.
#[derive(Debug)]
pub(super) struct Machine {
    mode: TunnelMode,
    port: u16,
    state: TunnelState,
    error: Option<String>,
    is_open: bool,
    bad_answers: u32,
    failures: u32,
    up_since: Option<Instant>,
    /// The forward was opened again since the last good answer.
    renewed: bool,
    /// After sleep one missing answer counts as a failure.
    slept: bool,
}

impl Machine {
    pub(super) fn new(mode: TunnelMode, port: u16) -> Self {
        Self {
            mode,
            port,
            state: TunnelState::Connecting,
            error: None,
            is_open: false,
            bad_answers: 0,
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
            Event::Located => Step::Open,
            Event::Absent(why) => self.rest(TunnelState::VmStopped, why, VM_CHECK_EVERY),
            Event::Opened => self.opened(),
            Event::Failed(error) => self.failed(error, now, chance),
            Event::Ended(error) => self.ended(error, now, chance),
            Event::Closed => Step::Wait(self.backoff(now, chance)),
            Event::Probed(probe) => self.probed(probe, now, chance),
            Event::Occupied(probe) => self.occupied(probe, now, chance),
            Event::Waited | Event::ProxyBack => self.resume(),
            Event::Woke => self.woke(),
            Event::ProxyGone => self.proxy_gone(),
            Event::ProxyMoved => {
                self.close(TunnelState::Connecting, "the proxy listens at another address now".to_owned())
            }
        }
    }

    fn resume(&self) -> Step {
        if self.is_open { Step::Probe(PROBE_TIMEOUT) } else { Step::Locate }
    }

    fn woke(&mut self) -> Step {
        self.failures = 0;
        self.bad_answers = 0;
        self.slept = self.is_open;
        self.resume()
    }

    fn opened(&mut self) -> Step {
        self.is_open = true;
        self.bad_answers = 0;
        Step::Probe(PROBE_TIMEOUT)
    }

    /// Enters the state, and waits.
    fn rest(&mut self, state: TunnelState, why: String, pause: Duration) -> Step {
        self.enter(state, Some(why));
        Step::Wait(pause)
    }

    fn enter(&mut self, state: TunnelState, error: Option<String>) {
        (self.state, self.error) = (state, error);
    }

    fn failed(&mut self, error: SshError, now: Instant, chance: f64) -> Step {
        self.is_open = false;
        match error {
            SshError::PortTaken => Step::Inspect,
            SshError::NoMaster(why) => self.rest(TunnelState::NoMaster, why, MASTER_CHECK_EVERY),
            SshError::Silent(why) => {
                let pause = self.backoff(now, chance);
                self.rest(TunnelState::Stalled, why, pause)
            }
            SshError::Other(why) => {
                let pause = self.backoff(now, chance);
                self.rest(TunnelState::Unreachable, why, pause)
            }
        }
    }

    /// A tunnel that was up is opened again first; only a failure of that is an error state.
    fn ended(&mut self, error: SshError, now: Instant, chance: f64) -> Step {
        self.is_open = false;
        if error == SshError::PortTaken {
            return Step::Inspect;
        }
        let pause = self.backoff(now, chance);
        match error {
            SshError::Silent(why) => self.rest(TunnelState::Stalled, why, pause),
            _ if matches!(self.state, TunnelState::Unreachable | TunnelState::PortTaken) => Step::Wait(pause),
            error => self.rest(TunnelState::Connecting, error.to_string(), pause),
        }
    }

    fn close(&mut self, state: TunnelState, why: String) -> Step {
        self.enter(state, Some(why));
        if self.is_open {
            self.is_open = false;
            Step::Close
        } else {
            Step::Locate
        }
    }

    fn proxy_gone(&mut self) -> Step {
        if !self.is_open {
            return Step::Locate;
        }
        self.rest(TunnelState::ProxyDown, "the daemon does not run: secret-proxy status".to_owned(), PROBE_EVERY)
    }

    fn probed(&mut self, probe: Probe, now: Instant, chance: f64) -> Step {
        match probe {
            Probe::Ours => {
                self.renewed = false;
                return self.well(None, now);
            }
            Probe::NoProxy(why) => return self.rest(TunnelState::ProxyDown, why, PROBE_EVERY),
            _ => self.bad_answers += 1,
        }
        let timed_out = probe == Probe::Timeout;
        if self.bad_answers < BAD_ANSWERS_MAX && !(timed_out && self.slept) {
            return if timed_out { Step::Probe(PROBE_TIMEOUT) } else { Step::Wait(RETRY_PAUSE) };
        }
        match probe {
            Probe::Lost(error) => self.close(TunnelState::Connecting, error.to_string()),
            Probe::Timeout => self.timed_out(),
            Probe::Refused => self.refused(now),
            probe => self.wrong_answer(&probe, now, chance),
        }
    }

    fn well(&mut self, note: Option<String>, now: Instant) -> Step {
        if self.state != TunnelState::Up {
            self.up_since = Some(now);
        }
        (self.bad_answers, self.slept) = (0, false);
        self.enter(TunnelState::Up, note);
        Step::Wait(PROBE_EVERY)
    }

    /// A dedicated connection is replaced; a shared one is waited for.
    fn timed_out(&mut self) -> Step {
        let why = "no answer comes through the VM: it is frozen, asleep or overloaded".to_owned();
        match self.mode {
            TunnelMode::Dedicated => self.close(TunnelState::Stalled, why),
            TunnelMode::Shared => {
                self.enter(TunnelState::Stalled, Some(why));
                Step::Probe(FROZEN_PROBE_TIMEOUT)
            }
        }
    }

    /// The forward of a dedicated connection lives as long as the connection: there only the probe is refused.
    fn refused(&mut self, now: Instant) -> Step {
        if self.mode == TunnelMode::Shared && !self.renewed {
            self.renewed = true;
            self.enter(TunnelState::Connecting, Some("the forward was gone".to_owned()));
            return Step::Open;
        }
        let note = "the VM's sshd refuses probes through the tunnel (AllowTcpForwarding yes allows them): \
                    only the connection is watched";
        self.well(Some(note.to_owned()), now)
    }

    fn wrong_answer(&mut self, probe: &Probe, now: Instant, chance: f64) -> Step {
        let why = taken(self.port, probe);
        if self.mode == TunnelMode::Dedicated {
            return self.close(TunnelState::PortTaken, why);
        }
        self.is_open = false;
        let pause = self.backoff(now, chance);
        self.rest(TunnelState::PortTaken, why, pause)
    }

    fn occupied(&mut self, probe: Probe, now: Instant, chance: f64) -> Step {
        let pause = self.backoff(now, chance);
        match probe {
            Probe::Lost(error) => self.rest(TunnelState::Unreachable, error.to_string(), pause),
            probe => self.rest(TunnelState::PortTaken, taken(self.port, &probe), pause),
        }
    }

    /// How long to wait after a failure: longer with each one in a row.
    fn backoff(&mut self, now: Instant, chance: f64) -> Duration {
        if self.up_since.take().is_some_and(|since| now.saturating_duration_since(since) >= STABLE_AFTER) {
            self.failures = 0;
        }
        let doubled = BACKOFF_MIN.saturating_mul(1 << self.failures.min(16));
        self.failures += 1;
        // Keepers of several VMs must not retry all at once.
        doubled.min(BACKOFF_MAX).mul_f64(0.75 + 0.5 * chance)
    }
}

/// What holds the port in the VM, and what to do.
fn taken(port: u16, probe: &Probe) -> String {
    match probe {
        Probe::Ours => format!("port {port} in the VM leads here already, by another tunnel: end that one"),
        Probe::Refused => format!(
            "the VM's sshd does not open port {port}: it needs AllowTcpForwarding yes, or remote (sshd -T shows the setting)"
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
