//! The last report of each tunnel keeper.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::limits;
use crate::tunnels::report::{TunnelReport, TunnelState};

/// The tunnels that a keeper has spoken of.
#[derive(Debug, Default)]
pub(crate) struct Tunnels(Mutex<BTreeMap<String, Heard>>);

#[derive(Debug)]
struct Heard {
    report: TunnelReport,
    at: Instant,
}

impl Tunnels {
    /// Takes a report in. One that makes no sense is not worth a word: only this user can send it.
    pub(crate) fn hear(&self, report: TunnelReport) {
        let Some(report) = report.bounded() else { return };
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if report.state == TunnelState::Stopped {
            heard.remove(&report.instance);
        } else if heard.len() < limits::TUNNELS_MAX || heard.contains_key(&report.instance) {
            heard.insert(report.instance.clone(), Heard { report, at: Instant::now() });
        }
    }

    /// For the status report. A keeper that says nothing any more has ended, or is stuck.
    pub(crate) fn reports(&self) -> Vec<TunnelReport> {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.values().map(Heard::report).collect()
    }
}

impl Heard {
    fn report(&self) -> TunnelReport {
        let silent = self.at.elapsed();
        if silent < limits::TUNNEL_SILENCE_MAX {
            return self.report.clone();
        }
        let error = format!("its keeper has said nothing for {} s: is it running?", silent.as_secs());
        TunnelReport { state: TunnelState::Silent, last_error: Some(error), ..self.report.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tunnels::report::TunnelMode;

    fn said(instance: &str, state: TunnelState) -> TunnelReport {
        TunnelReport {
            instance: instance.to_owned(),
            mode: TunnelMode::Dedicated,
            state,
            since: "2026-02-04T12:34:56Z".to_owned(),
            last_error: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_keeper_that_falls_silent_is_told_and_one_that_stops_is_forgotten() {
        let tunnels = Tunnels::default();
        tunnels.hear(said("work", TunnelState::Up));
        tunnels.hear(said("play", TunnelState::Connecting));
        assert_eq!(tunnels.reports()[1].state, TunnelState::Up);
        tokio::time::advance(limits::TUNNEL_SILENCE_MAX).await;
        tunnels.hear(said("play", TunnelState::Stopped));
        let reports = tunnels.reports();
        assert_eq!((reports.len(), reports[0].state), (1, TunnelState::Silent));
    }

    #[tokio::test]
    async fn reports_are_bounded() {
        let tunnels = Tunnels::default();
        for instance in ["", "a b", "-x", &"x".repeat(200), "\u{1b}[2J"] {
            tunnels.hear(said(instance, TunnelState::Up));
        }
        assert_eq!(tunnels.reports(), []);
        for number in 0..limits::TUNNELS_MAX + 9 {
            tunnels.hear(said(&format!("vm{number}"), TunnelState::Up));
        }
        assert_eq!(tunnels.reports().len(), limits::TUNNELS_MAX);
        let long = TunnelReport { last_error: Some("ü".repeat(9999)), ..said("vm0", TunnelState::Up) };
        tunnels.hear(long);
        assert!(tunnels.reports()[0].last_error.as_ref().is_some_and(|error| error.len() < 1000));
    }
}
