//! Medians, and ratios within each round, as Markdown for `docs/performance.md`.

use std::fmt::Write as _;

use crate::drive::{Rest, Sample, median};
use crate::load::Mode;
use crate::meter::Used;

/// The CPU table, with one line for each mode.
pub fn costs(samples: &[Sample], modes: &[Mode]) -> String {
    let mut text = String::from(
        "| mode | CPU of the proxy | of the relay | proxy ÷ relay | relay ÷ relay (noise) | proxy / relay a second | errors |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for mode in modes {
        let of = |name| values(samples, *mode, name, |sample| Some(sample.cpu));
        let rate = |name| median(values(samples, *mode, name, |sample| Some(sample.rate)));
        let errors: u64 = samples.iter().filter(|it| it.mode == *mode).map(|it| it.errors).sum();
        let (proxy, relay) = (median(of("proxy")), median(of("relay")));
        let _ = writeln!(
            text,
            "| `{}` | {proxy:.0} µs/{unit} | {relay:.0} | {} | {} | {:.0} / {:.0} | {errors} |",
            name(*mode),
            ratio(&of("proxy"), &of("relay")),
            ratio(&of("relay again"), &of("relay")),
            rate("proxy"),
            rate("relay"),
            unit = mode.unit(),
        );
    }
    text
}

/// The latency table: the median minus the median without a proxy.
pub fn latencies(samples: &[Sample], modes: &[Mode]) -> String {
    let mut text = String::from(
        "| mode | without a proxy | the proxy adds | the relay adds | the relay again |\n|---|---|---|---|---|\n",
    );
    for mode in modes.iter().filter(|mode| mode.is_paced()) {
        let of = |name| values(samples, *mode, name, |sample| sample.latency);
        let direct = of("direct");
        let added = |name| median(of(name).iter().zip(&direct).map(|(it, direct)| it - direct).collect());
        let _ = writeln!(
            text,
            "| `{}` | {:.0} µs | {:.0} | {:.0} | {:.0} |",
            name(*mode),
            median(direct.clone()),
            added("proxy"),
            added("relay"),
            added("relay again"),
        );
    }
    text
}

/// The memory table.
pub fn memory(rests: &[(&str, Rest, Used)]) -> String {
    let mut text = String::from(
        "| | resident at rest | for each idle tunnel | CPU of 400 idle tunnels | most ever resident |\n|---|---|---|---|---|\n",
    );
    for (name, rest, used) in rests {
        let _ = writeln!(
            text,
            "| {name} | {} MiB | {:.0} KiB | {:.0} µs/s | {} MiB |",
            rest.resident.div_ceil(1024),
            rest.tunnel,
            rest.idle,
            used.peak.div_ceil(1024),
        );
    }
    text
}

fn name(mode: Mode) -> String {
    use clap::ValueEnum as _;
    mode.to_possible_value().map(|it| it.get_name().to_owned()).unwrap_or_default()
}

fn values(samples: &[Sample], mode: Mode, name: &str, figure: impl Fn(&Sample) -> Option<f64>) -> Vec<f64> {
    samples.iter().filter(|it| it.mode == mode && it.name == name).filter_map(figure).collect()
}

/// The median of the ratios within each round, and their spread.
fn ratio(ours: &[f64], theirs: &[f64]) -> String {
    let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    format!("{:.2} [{least:.2}–{most:.2}]", median(ratios))
}
