//! Promise: a VM is called and found by one rule, whichever command looks for it.

use std::fs;

use crate::cli::bad_input::text;
use crate::support::Proxy;

/// A proxy, and a folder of VMs that is named from the home folder; nothing is reached by its ssh.
fn scene() -> Proxy {
    let proxy = Proxy::builder().start();
    let vm = proxy.dir().with_file_name("home").join("vms/work");
    fs::create_dir_all(&vm).expect("made");
    fs::write(vm.join("ssh.config"), "Host *\n  ProxyCommand false\n").expect("written");
    proxy
}

/// The exit code, and all that is said.
fn said(proxy: &Proxy, line: &str) -> (Option<i32>, String) {
    let output = proxy.typed(&format!("cd ~ && {line}"), &[]);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).expect("text"))
}

#[test]
fn a_folder_of_vms_that_is_named_from_here_is_the_same_for_all() {
    let proxy = scene();
    let vms = text(&proxy.dir().with_file_name("home").join("vms"));
    let (code, shown) = said(&proxy, "LIMA_HOME=vms secret-proxy install work --print --platform linux");
    assert!(code == Some(0) && shown.contains(&format!("LIMA_HOME={vms}")), "{shown}");
    let (code, told) = said(&proxy, "LIMA_HOME=vms PATH=${PATH%%:*}:/usr/bin:/bin secret-proxy tunnel other");
    assert!(code == Some(1) && told.contains(&format!("no Lima VM is called other in {vms}")), "{told}");
    let (code, shown) = said(&proxy, "LIMA_HOME=vms secret-proxy doctor work");
    assert!(code == Some(1) && !shown.contains("no ssh configuration"), "{shown}");
}

#[test]
fn the_home_folder_is_the_systems_if_the_variable_is_not_set() {
    let proxy = scene();
    let (code, shown) = said(&proxy, "env -u HOME secret-proxy doctor no-such-vm");
    assert!(code == Some(1) && shown.contains("no ssh configuration for no-such-vm"), "{shown}");
}

#[test]
fn a_host_may_have_a_user_and_a_name_has_a_bound() {
    let proxy = scene();
    let way = "--ssh-config vms/work/ssh.config --host me@build";
    let (code, shown) = said(&proxy, &format!("secret-proxy install build {way} --print --platform linux"));
    assert!(code == Some(0) && shown.contains("me@build"), "{shown}");
    let (code, shown) = said(&proxy, &format!("secret-proxy doctor {way}"));
    assert!(code == Some(1) && shown.contains("build"), "{shown}");
    let long = "x".repeat(101);
    for command in ["install", "uninstall", "tunnel", "doctor"] {
        let (code, told) = said(&proxy, &format!("secret-proxy {command} {long}"));
        assert!(code == Some(2) && told.contains("is not the name of a VM"), "{command}: {told}");
    }
}
