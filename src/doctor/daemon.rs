//! The daemon, and what it knows of its tunnels.

use serde_json::Value;

use super::{Ground, Link, Verdict, port};
use crate::settings::joined;
use crate::terminal::visible;

pub(super) fn daemon(ground: &Ground) -> Link {
    const NAME: &str = "daemon";
    let Some(status) = &ground.status else {
        let taken = port::taken(ground);
        if taken.is_empty() {
            return Link::fail(NAME, "it does not run", ground.typed.start());
        }
        return Link::not_looked_at(NAME, "it does not run, and cannot: see listening");
    };
    let version = status["version"].as_str().unwrap_or_default();
    let parts = status["subsystems"].as_array().map_or(&[][..], Vec::as_slice);
    let down: Vec<&str> =
        parts.iter().filter(|it| it["state"] != "running").filter_map(|it| it["name"].as_str()).collect();
    if !down.is_empty() {
        let detail = format!("being started again: {}", visible(&joined(down)));
        return Link::warn(NAME, detail, format!("tail {}", super::typed::quoted(&ground.folder.proxy_log())));
    }
    if version != env!("CARGO_PKG_VERSION") {
        let detail = format!("it is version {}, this is {}", visible(version), env!("CARGO_PKG_VERSION"));
        return Link::warn(NAME, detail, ground.typed.restart(status));
    }
    let (pid, up) = (&status["pid"], &status["uptime_s"]);
    Link::ok(NAME, format!("version {version}, pid {pid}, up {up} s, {} parts run", parts.len()))
}

/// As their keepers report them.
pub(super) fn tunnels(ground: &Ground) -> Link {
    const NAME: &str = "tunnels";
    let Some(status) = &ground.status else { return Link::not_looked_at(NAME, "the daemon does not run") };
    let all: Vec<(Verdict, String, &str)> = status["tunnels"].as_array().into_iter().flatten().map(tunnel).collect();
    let detail = joined(all.iter().map(|(_, told, _)| told));
    if let Some((_, _, instance)) = all.iter().find(|(verdict, ..)| *verdict == Verdict::Fail) {
        let file = ground.folder.path().join(format!("tunnel-{}.err", visible(instance)));
        return Link::fail(NAME, detail, format!("tail {}", super::typed::quoted(&file)));
    }
    if all.iter().any(|(verdict, ..)| *verdict == Verdict::Warn) {
        return Link { verdict: Verdict::Warn, ..Link::ok(NAME, detail) };
    }
    Link::ok(NAME, if all.is_empty() { "no keeper of a tunnel reports".to_owned() } else { detail })
}

/// A VM that is stopped is nobody's fault.
fn tunnel(tunnel: &Value) -> (Verdict, String, &str) {
    let text = |field: &str| tunnel[field].as_str().unwrap_or_default();
    let verdict = match text("state") {
        "healthy" => Verdict::Ok,
        "starting" | "vm-stopped" | "waiting" => Verdict::Warn,
        _ => Verdict::Fail,
    };
    let error = tunnel["last_error"].as_str().filter(|_| verdict != Verdict::Ok);
    let error = error.map_or_else(String::new, |error| format!(" ({})", visible(error)));
    (verdict, format!("{} {}{error}", visible(text("instance")), visible(text("state"))), text("instance"))
}
