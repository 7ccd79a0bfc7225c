//! `host` and `host:port`, by the letter of the design: names are lower-case letters, digits, hyphens, underscores and
//! dots; an address of version 6 may be written in any legal way.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A host as it is compared, and the port if one was written.
pub fn parse(text: &str) -> Option<(String, Option<u16>)> {
    let host_end = match text.strip_prefix('[') {
        Some(_) => text.find(']')? + 1,
        None => text.find(':').unwrap_or(text.len()),
    };
    let (head, tail) = text.split_at(host_end);
    let number = match tail.strip_prefix(':') {
        Some(digits) => Some(port(digits)?),
        None if tail.is_empty() => None,
        None => return None,
    };
    Some((host(head)?, number))
}

/// A host in the form in which it is compared; addresses of version 6 keep their brackets.
pub fn host(text: &str) -> Option<String> {
    if let Some(inner) = text.strip_prefix('[') {
        let ip: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
        return Some(format!("[{ip}]"));
    }
    if text.parse::<Ipv4Addr>().is_ok_and(|ip| ip.to_string() == text) {
        return Some(text.to_owned());
    }
    let name = text.to_ascii_lowercase();
    let name = name.strip_suffix('.').unwrap_or(&name);
    (is_name(name) && !ends_in_a_number(name)).then(|| name.to_owned())
}

/// Whether a list may name this text: hyphens stand inside labels, and addresses are short.
pub fn may_be_listed(text: &str) -> bool {
    let Some((host, _)) = parse(text) else { return false };
    let has_edge = host.split('.').any(|label| label.trim_matches('-').len() < label.len());
    !has_edge && (!is_address(&host) || text.get(..host.len()).is_some_and(|start| start.eq_ignore_ascii_case(&host)))
}

/// Whether the host in this form is an address.
pub fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok()
}

fn is_name(name: &str) -> bool {
    let mut label = 0;
    for character in name.chars() {
        match character {
            '.' if label == 0 => return false,
            '.' => label = 0,
            'a'..='z' | '0'..='9' | '-' | '_' => label += 1,
            _ => return false,
        }
        if label > 63 {
            return false;
        }
    }
    label > 0 && name.len() <= 253
}

/// `127.1`, `0x7f.1` and `2130706433` are addresses to the C library.
fn ends_in_a_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_decimal = last.chars().all(|character| character.is_ascii_digit());
    is_decimal || (last.starts_with("0x") && last[2..].chars().all(|character| character.is_ascii_hexdigit()))
}

fn port(digits: &str) -> Option<u16> {
    let mut number: u32 = 0;
    for digit in digits.chars() {
        number = number * 10 + digit.to_digit(10)?;
        if number == 0 || number > u32::from(u16::MAX) {
            return None;
        }
    }
    u16::try_from(number).ok().filter(|number| *number > 0)
}
