//! `just bench`: the costs of the proxy beside a bare relay, on this machine.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use bench::drive::{Plan, rest};
use bench::load::{HOST, Mode, NEW_HOSTS};
use bench::relay::RelayArgs;
use bench::subject::{Place, Subject};
use bench::{Broken, grow, origin, relay, report, soak};
use clap::{Args, Parser, Subcommand, ValueEnum};
use tokio::runtime::Builder;

#[derive(Debug, Parser)]
#[command(about = "Measure the proxy beside a bare relay, and print tables in Markdown")]
struct Cli {
    #[command(subcommand)]
    command: Option<Also>,
    #[command(flatten)]
    measure: MeasureArgs,
}

#[derive(Debug, Subcommand)]
enum Also {
    /// Run the relay
    #[command(hide = true)]
    Relay(RelayArgs),
    /// Measure the growth of the costs with clients, requests, secrets and open tunnels; `bench/growth` draws the graph
    Grow {
        /// Maximum number of open tunnels; each takes two descriptors of the proxy and one of this program
        #[arg(long, default_value_t = 8000)]
        tunnels: usize,
    },
    /// Apply half of the maximum load for a long time; fail if latency, memory or descriptors grow
    Soak {
        /// Length of the run in minutes
        #[arg(long, default_value_t = 30)]
        minutes: usize,
    },
}

#[derive(Args, Debug)]
struct MeasureArgs {
    /// Program to measure
    #[arg(long, default_value = "target/release/secret-proxy", value_name = "FILE")]
    program: PathBuf,
    /// Kinds of traffic, separated by commas [default: all]
    #[arg(long, value_delimiter = ',', value_name = "MODES")]
    modes: Vec<Mode>,
    /// Number of measurements of each mode; eight resolve differences of about 10 %
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=40))]
    rounds: u8,
    /// Length of each measurement in seconds
    #[arg(long, default_value_t = 1.5)]
    seconds: f64,
    /// Disable the post-quantum key exchange at the load and the origin
    #[arg(long)]
    classic: bool,
}

fn main() -> Result<(), Broken> {
    let cli = Cli::parse();
    match cli.command {
        // One thread, as the proxy has.
        Some(Also::Relay(arguments)) => {
            Builder::new_current_thread().enable_all().build()?.block_on(relay::run(arguments))
        }
        Some(Also::Grow { tunnels }) => load_runtime()?.block_on(grow::run(&cli.measure.program, tunnels)),
        Some(Also::Soak { minutes }) => load_runtime()?.block_on(soak::run(&cli.measure.program, minutes)),
        None => load_runtime()?.block_on(measure(cli.measure)),
    }
}

fn load_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    Builder::new_multi_thread().enable_all().build()
}

async fn measure(arguments: MeasureArgs) -> Result<(), Broken> {
    let modes = if arguments.modes.is_empty() { Mode::value_variants().to_vec() } else { arguments.modes };
    let rounds = usize::from(arguments.rounds);
    let (origin, origin_ca) = origin::start(&[HOST, "*.bench.test"], arguments.classic).await?;
    let place = Place { origin, origin_ca, hosts: rounds * NEW_HOSTS, secrets: 1, classic: arguments.classic };
    let subjects = [
        Subject::direct(&place)?,
        Subject::relay("relay", &place)?,
        Subject::proxy(&arguments.program, &place)?,
        Subject::relay("relay again", &place)?,
    ];
    let mut rests = Vec::new();
    for subject in subjects.iter().filter(|subject| subject.way.is_proxy) {
        rests.push((subject.name, rest(subject).await?));
    }
    let plan = Plan { modes: modes.clone(), rounds, window: Duration::from_secs_f64(arguments.seconds) };
    let samples = plan.run(&subjects).await?;
    let mut memory = Vec::new();
    for (subject, (name, rest)) in subjects.iter().filter(|subject| subject.way.is_proxy).zip(rests) {
        memory.push((name, rest, subject.used()?));
    }
    println!("{}\n", machine(rounds, arguments.seconds, arguments.classic));
    println!(
        "{}\n{}\n{}",
        report::costs(&samples, &modes),
        report::latencies(&samples, &modes),
        report::memory(&memory)
    );
    let errors: u64 = samples.iter().map(|sample| sample.errors).sum();
    if errors == 0 { Ok(()) } else { Err(format!("{errors} errors: no figure above is valid").into()) }
}

/// Date, machine and parameters of the run, above the tables.
fn machine(rounds: usize, seconds: f64, classic: bool) -> String {
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok();
        output.map(|it| String::from_utf8_lossy(&it.stdout).trim().to_owned()).unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let exchange = if classic { "X25519" } else { "X25519MLKEM768" };
    format!(
        "{}, {} {}, {cores} cores, load{}; {rounds} rounds of {seconds} s; key exchange {exchange}",
        said("date", &["-u", "+%Y-%m-%d"]),
        said("uname", &["-sm"]),
        said("rustc", &["--version"]),
        said("uptime", &[]).rsplit_once("average").map_or("", |(_, rest)| rest).trim_start_matches('s'),
    )
}
