use super::*;

const MIDDLE: f64 = 0.5;

/// A machine, and a clock that stands still.
struct Bench {
    machine: Machine,
    now: Instant,
}

impl Bench {
    fn new(mode: TunnelMode) -> Self {
        Self { machine: Machine::new(mode, 17329), now: Instant::now() }
    }

    /// One that has come up.
    fn up(mode: TunnelMode) -> Self {
        let mut bench = Self::new(mode);
        assert_eq!(bench.on(Event::Located), Step::Open);
        assert_eq!(bench.on(Event::Opened), Step::Probe(PROBE_TIMEOUT));
        assert_eq!(bench.on(Event::Probed(Probe::Ours)), Step::Wait(PROBE_EVERY));
        assert_eq!((bench.machine.state(), bench.machine.error()), (TunnelState::Up, None));
        bench
    }

    fn on(&mut self, event: Event) -> Step {
        self.machine.on(event, self.now, MIDDLE)
    }

    fn probed(&mut self, probe: &Probe) -> Step {
        self.on(Event::Probed(probe.clone()))
    }

    #[track_caller]
    fn is(&self, state: TunnelState, words: &str) {
        assert_eq!(self.machine.state(), state);
        let error = self.machine.error().unwrap_or_default();
        assert!(error.contains(words), "{error}");
    }
}

use TunnelMode::{Dedicated, Shared};

fn other(why: &str) -> SshError {
    SshError::Other(why.to_owned())
}

#[test]
fn while_all_is_well_it_asks_again_and_again() {
    for mode in [Dedicated, Shared] {
        let mut bench = Bench::up(mode);
        for _ in 0..3 {
            assert_eq!(bench.on(Event::Waited), Step::Probe(PROBE_TIMEOUT));
            assert_eq!(bench.probed(&Probe::Ours), Step::Wait(PROBE_EVERY));
        }
    }
}

/// What failed, the state that is told, and a part of what is said.
#[test]
fn table_of_failures() {
    let table = [
        (Event::Absent("limactl start work".to_owned()), TunnelState::VmStopped, "limactl start work", VM_CHECK_EVERY),
        (Event::Failed(SshError::NoMaster("log in".to_owned())), TunnelState::NoMaster, "log in", MASTER_CHECK_EVERY),
        (Event::Failed(SshError::Silent("no word".to_owned())), TunnelState::Stalled, "no word", BACKOFF_MIN),
        (Event::Failed(other("no key")), TunnelState::Unreachable, "no key", BACKOFF_MIN),
        (
            Event::Occupied(Probe::Other),
            TunnelState::PortTaken,
            "port 17329 in the VM is taken by another",
            BACKOFF_MIN,
        ),
        (Event::Occupied(Probe::Nothing), TunnelState::PortTaken, "taken by another program", BACKOFF_MIN),
        (Event::Occupied(Probe::Timeout), TunnelState::PortTaken, "does not answer", BACKOFF_MIN),
        (Event::Occupied(Probe::Refused), TunnelState::PortTaken, "AllowTcpForwarding", BACKOFF_MIN),
        (Event::Occupied(Probe::Ours), TunnelState::PortTaken, "by another tunnel", BACKOFF_MIN),
        (Event::Occupied(Probe::Lost(other("gone"))), TunnelState::Unreachable, "gone", BACKOFF_MIN),
    ];
    for (event, state, words, pause) in table {
        let mut bench = Bench::new(Dedicated);
        bench.on(Event::Located);
        assert_eq!(bench.on(event.clone()), Step::Wait(pause), "{event:?}");
        bench.is(state, words);
        assert_eq!(bench.on(Event::Waited), Step::Locate, "{event:?}");
        assert_eq!(bench.on(Event::Located), Step::Open);
        bench.is(state, words);
    }
}

#[test]
fn a_refused_forward_is_looked_into_before_it_is_told() {
    for event in [Event::Failed(SshError::PortTaken), Event::Ended(SshError::PortTaken)] {
        let mut bench = Bench::new(Dedicated);
        bench.on(Event::Located);
        assert_eq!(bench.on(event), Step::Inspect);
        bench.is(TunnelState::Connecting, "");
    }
}

#[test]
fn pauses_grow_to_a_bound_are_jittered_and_begin_anew_after_a_long_life() {
    let mut bench = Bench::new(Dedicated);
    let pause = |step| if let Step::Wait(pause) = step { pause } else { Duration::ZERO };
    let pauses: Vec<u128> = (0..10).map(|_| pause(bench.on(Event::Failed(other("no")))).as_millis()).collect();
    assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
    let ends = [0.0, 1.0].map(|chance| pause(bench.machine.on(Event::Failed(other("no")), bench.now, chance)));
    assert_eq!(ends, [BACKOFF_MAX.mul_f64(0.75), BACKOFF_MAX.mul_f64(1.25)]);
    // A tunnel that falls down at once has failed in a row; one that held has not.
    for (held, expected) in [(Duration::from_secs(1), BACKOFF_MAX), (STABLE_AFTER, BACKOFF_MIN)] {
        bench.on(Event::Opened);
        bench.probed(&Probe::Ours);
        bench.now += held;
        assert_eq!(bench.on(Event::Ended(other("gone"))), Step::Wait(expected));
    }
}

#[test]
fn what_ends_is_made_again() {
    for mode in [Dedicated, Shared] {
        let mut bench = Bench::up(mode);
        assert_eq!(bench.on(Event::Ended(other("gone"))), Step::Wait(BACKOFF_MIN));
        bench.is(TunnelState::Connecting, "gone");
        assert_eq!(bench.on(Event::Waited), Step::Locate);
    }
}

#[test]
fn one_bad_answer_is_asked_again_and_two_count() {
    let lost = Probe::Lost(other("no master"));
    for probe in [Probe::Timeout, Probe::Refused, Probe::Nothing, Probe::Other, lost] {
        for mode in [Dedicated, Shared] {
            let mut bench = Bench::up(mode);
            let again = bench.probed(&probe);
            assert!(matches!(again, Step::Probe(PROBE_TIMEOUT) | Step::Wait(RETRY_PAUSE)), "{probe:?}: {again:?}");
            bench.is(TunnelState::Up, "");
            assert_eq!(bench.probed(&Probe::Ours), Step::Wait(PROBE_EVERY));
            // The next one is the first again.
            assert_eq!(bench.probed(&probe), again);
            let twice = bench.probed(&probe);
            assert_ne!(twice, again, "{probe:?}");
        }
    }
}

#[test]
fn a_frozen_vm_costs_our_own_connection_and_leaves_anothers() {
    let mut bench = Bench::up(Dedicated);
    bench.probed(&Probe::Timeout);
    assert_eq!(bench.probed(&Probe::Timeout), Step::Close);
    bench.is(TunnelState::Stalled, "frozen");
    assert_eq!(bench.on(Event::Closed), Step::Wait(BACKOFF_MIN));
    assert_eq!(bench.on(Event::Waited), Step::Locate);
    let mut bench = Bench::up(Shared);
    bench.probed(&Probe::Timeout);
    assert_eq!(bench.probed(&Probe::Timeout), Step::Probe(FROZEN_PROBE_TIMEOUT));
    bench.is(TunnelState::Stalled, "frozen");
    assert_eq!(bench.probed(&Probe::Timeout), Step::Probe(FROZEN_PROBE_TIMEOUT));
    assert_eq!(bench.probed(&Probe::Ours), Step::Wait(PROBE_EVERY));
    bench.is(TunnelState::Up, "");
}

#[test]
fn after_sleep_it_asks_at_once_and_one_missing_answer_is_enough() {
    let mut bench = Bench::up(Dedicated);
    assert_eq!(bench.on(Event::Woke), Step::Probe(PROBE_TIMEOUT));
    assert_eq!(bench.probed(&Probe::Timeout), Step::Close);
    let mut bench = Bench::up(Dedicated);
    bench.on(Event::Woke);
    bench.probed(&Probe::Ours);
    assert_eq!(bench.probed(&Probe::Timeout), Step::Probe(PROBE_TIMEOUT));
    // In the middle of a long pause it begins anew.
    let mut bench = Bench::new(Dedicated);
    for _ in 0..9 {
        bench.on(Event::Failed(other("no")));
    }
    assert_eq!(bench.on(Event::Woke), Step::Locate);
    assert_eq!(bench.on(Event::Failed(other("no"))), Step::Wait(BACKOFF_MIN));
}

#[test]
fn a_shared_forward_that_is_gone_is_made_again_once() {
    let mut bench = Bench::up(Shared);
    bench.probed(&Probe::Refused);
    assert_eq!(bench.probed(&Probe::Refused), Step::Open);
    bench.is(TunnelState::Connecting, "gone");
    assert_eq!(bench.on(Event::Opened), Step::Probe(PROBE_TIMEOUT));
    bench.probed(&Probe::Refused);
    // It is there: only the look is refused.
    assert_eq!(bench.probed(&Probe::Refused), Step::Wait(PROBE_EVERY));
    bench.is(TunnelState::Up, "AllowTcpForwarding");
    // And so it stays: making it anew again would cut off whoever comes just then.
    for _ in 0..3 {
        bench.probed(&Probe::Refused);
        assert_eq!(bench.probed(&Probe::Refused), Step::Wait(PROBE_EVERY));
        bench.is(TunnelState::Up, "AllowTcpForwarding");
    }
    assert_eq!(bench.probed(&Probe::Ours), Step::Wait(PROBE_EVERY));
    bench.probed(&Probe::Refused);
    assert_eq!(bench.probed(&Probe::Refused), Step::Open, "after a good answer it counts again");
}

#[test]
fn a_port_that_leads_elsewhere_is_given_up_with_a_pause() {
    let mut bench = Bench::up(Dedicated);
    bench.probed(&Probe::Other);
    assert_eq!(bench.probed(&Probe::Other), Step::Close);
    bench.is(TunnelState::PortTaken, "taken by another program");
    let mut bench = Bench::up(Shared);
    bench.probed(&Probe::Other);
    assert_eq!(bench.probed(&Probe::Other), Step::Wait(BACKOFF_MIN));
    assert_eq!(bench.on(Event::Waited), Step::Locate);
}

#[test]
fn the_tunnel_stands_while_the_proxy_is_down() {
    for mode in [Dedicated, Shared] {
        let mut bench = Bench::up(mode);
        assert_eq!(bench.on(Event::ProxyGone), Step::Wait(PROBE_EVERY));
        bench.is(TunnelState::ProxyDown, "daemon");
        assert_eq!(bench.on(Event::Waited), Step::Probe(PROBE_TIMEOUT));
        assert_eq!(bench.probed(&Probe::NoProxy("not yet".to_owned())), Step::Wait(PROBE_EVERY));
        bench.is(TunnelState::ProxyDown, "not yet");
        assert_eq!(bench.on(Event::ProxyBack), Step::Probe(PROBE_TIMEOUT));
        assert_eq!(bench.probed(&Probe::Ours), Step::Wait(PROBE_EVERY));
        // A proxy that listens elsewhere needs another forward.
        assert_eq!(bench.on(Event::ProxyMoved), Step::Close);
    }
    let mut bench = Bench::new(Dedicated);
    for event in [Event::ProxyGone, Event::ProxyBack, Event::ProxyMoved] {
        assert_eq!(bench.on(event), Step::Locate);
    }
}
