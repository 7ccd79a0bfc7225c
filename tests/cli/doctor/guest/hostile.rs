//! `doctor` in a hostile VM: no credential is forwarded, and output is truncated.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::super::{names, with};
use super::Vm;
use crate::cli::bad_input::text;
use crate::support::programs::executable;

/// What an ssh config has for hosts that are trusted must not be had by this one: with the agent it could log in
/// wherever its owner can.
#[test]
fn no_agent_and_no_screen_is_lent_to_a_vm() {
    let vm = Vm::new();
    vm.write("environment", &vm.environment().replace("https_proxy", "other"));
    let (_, fix) = vm.broken("guest-variables");
    vm.mend(&fix);
    let words = fs::read_to_string(PathBuf::from(&vm.lima_home).join("bin/words")).expect("written");
    assert!(words.lines().count() > 3, "{words}");
    for line in words.lines().filter(|line| line.contains("lima-work")) {
        assert!(line.starts_with("-a -k -x "), "{line}");
        assert!(line.contains("sudo tee") || line.contains("PermitLocalCommand=no -o RemoteCommand=none"), "{line}");
    }
}

/// A login shell of the VM that says what it likes.
fn lying(lies: &str) -> Value {
    let vm = Vm::new();
    let ssh = PathBuf::from(&vm.lima_home).join("bin/ssh");
    vm.write("lies", lies);
    executable(&ssh, &format!("cat {}", text(&vm.folder.join("lies"))));
    vm.report()
}

#[test]
fn a_vm_that_lies_about_its_time_is_told_to_be_off() {
    for time in [i64::MIN, i64::MAX] {
        let report =
            lying(&format!("secret-proxy-doctor begin\nsecret-proxy-doctor time {time}\nsecret-proxy-doctor end\n"));
        assert!(names(&with(&report, "fail")).contains(&"guest-clock"), "{report:#}");
    }
}

#[test]
fn what_a_vm_says_fills_no_terminal() {
    let files: Vec<String> = (0..50_000).map(|number| format!("secret-proxy-doctor file /{number}\n")).collect();
    let files = files.concat();
    let long = "x".repeat(1_000_000);
    let report = lying(&format!("secret-proxy-doctor begin\n{files}secret-proxy-doctor end\n"));
    assert!(report.to_string().len() < 10_000, "{} bytes", report.to_string().len());
    let one = format!("secret-proxy-doctor begin\nsecret-proxy-doctor file /{long}\nsecret-proxy-doctor end\n");
    for lies in [one.as_str(), &long] {
        let report = lying(lies);
        assert!(report.to_string().len() < 10_000, "{} bytes", report.to_string().len());
    }
}
