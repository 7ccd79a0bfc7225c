//! Attacks the promise that a destination is parsed once and strictly, and that an allowlist allows just
//! what is written in it.
//!
//! References: [`reference::authority`] (names letter by letter, addresses by the standard library's
//! parser and their one usual spelling) and [`reference::hosts`] (a place is compared with an entry as
//! text). Both must accept the same texts and allow the same places. Entries in Unicode have no second
//! reading here: what the product makes of them must be ASCII, and read back as the same list.
//!
//! An input is lines: an authority, a `_HOSTS` list, and a second authority that is asked about.

#![no_main]

use libfuzzer_sys::fuzz_target;
use policy::destination::allowlist::Allowlist;
use policy::destination::host::{Authority, Destination, Host, Scheme};
use reference::authority;
use reference::hosts::{self, Entry, Place};

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(3, '\n');
    let (target, list) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let other = lines.next().unwrap_or_default();
    check_host(target);
    check_authority(target);
    check_connect(target);
    check_list(list, &[target, other]);
});

fn check_host(text: &str) {
    let host = Host::parse(text).ok();
    assert_eq!(host.as_ref().map(ToString::to_string), authority::host(text), "{text:?}");
    let Some(host) = host else { return };
    let shown = host.to_string();
    assert_eq!(Host::parse(&shown), Ok(host.clone()));
    assert!(is_plain(&shown), "{shown:?}");
    assert_eq!(host.as_name().is_none(), authority::is_address(&shown));
    assert_eq!(Authority::parse(text), Ok(Authority { host, port: None }));
}

fn check_authority(text: &str) {
    let read = Authority::parse(text).ok();
    let shown = read.as_ref().map(|read| (read.host.to_string(), read.port));
    assert_eq!(shown, authority::parse(text), "{text:?}");
    let Some(read) = read else { return };
    for scheme in [Scheme::Http, Scheme::Https] {
        let destination = read.clone().under(scheme);
        let place = Place::named(text, scheme == Scheme::Https).expect("read above");
        assert_eq!(destination.port, place.port);
        assert_eq!(destination.to_string(), place.to_string());
        // What stands in `Host` names the same place again.
        let again = Authority::parse(&destination.authority()).expect("our own words");
        assert_eq!(again.under(scheme), destination);
        let list = Allowlist::parse(&destination.to_string());
        assert_eq!(list.is_ok(), authority::may_be_listed(&destination.authority()), "{destination}");
        let Ok(list) = list else { continue };
        assert!(list.allows(&destination));
        assert!(!list.allows(&destination.with_scheme(other(scheme))), "another scheme is allowed");
    }
}

fn check_connect(text: &str) {
    let destination = Destination::from_connect(text).ok();
    let expected = authority::parse(text).filter(|(_, port)| port.is_some());
    let shown = destination.as_ref().map(|to| (to.host.to_string(), Some(to.port)));
    assert_eq!(shown, expected, "{text:?}");
    if let Some(destination) = destination {
        assert_eq!(destination.scheme, Scheme::Https);
        let full = format!("{}:{}", destination.host, destination.port);
        assert_eq!(Destination::from_connect(&full), Ok(destination));
    }
}

fn check_list(list: &str, targets: &[&str]) {
    let read = Allowlist::parse(list).ok();
    let entries = if list.is_ascii() {
        let entries = hosts::parse(list);
        assert_eq!(read.is_some(), entries.is_some(), "{list:?}");
        entries
    } else {
        read.as_ref().map(check_converted)
    };
    let (Some(read), Some(entries)) = (read, entries) else { return };
    let examples: Vec<String> = entries.iter().map(|entry| entry.example().to_string()).collect();
    let bare = entries.iter().map(|entry| entry.place.host.clone());
    let longer = entries.iter().map(|entry| format!("x{}", entry.place.host));
    let asked = targets.iter().map(ToString::to_string).chain(examples).chain(bare).chain(longer);
    asked.for_each(|target| check_allowed(&read, &entries, &target));
}

/// A list that held Unicode, by the product's own words for it.
fn check_converted(list: &Allowlist) -> Vec<Entry> {
    let shown = list.entries().join(",");
    assert_eq!(Allowlist::parse(&shown).as_ref(), Ok(list), "{shown}");
    let entries = hosts::parse(&shown).expect("the entries are plain");
    assert!(entries.iter().all(|entry| is_plain(&entry.place.host)), "{shown}");
    entries
}

fn check_allowed(list: &Allowlist, entries: &[Entry], target: &str) {
    for tls in [true, false] {
        let Some(place) = Place::named(target.trim_start_matches("http://"), tls) else { continue };
        let expected = entries.iter().any(|entry| entry.allows(&place));
        assert_eq!(list.allows(&reference::product::destination(&place)), expected, "{place} by {:?}", list.entries());
    }
}

fn other(scheme: Scheme) -> Scheme {
    match scheme {
        Scheme::Http => Scheme::Https,
        Scheme::Https => Scheme::Http,
    }
}

/// No upper case, no userinfo, no percent sign, no space or control: nothing that another parser could
/// read in another way.
fn is_plain(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let name =
        |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || ".-_".contains(character);
    match bare {
        Some(address) => address.chars().all(|character| name(character) || character == ':'),
        None => host.chars().all(name),
    }
}
