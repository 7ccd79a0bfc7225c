//! What becomes of a request, by the letter of the design.

use crate::hosts::{self, Place};
use crate::{credentials, placeholders, secrets_text};

/// The most placeholders of one request.
const PLACEHOLDERS_MAX: usize = 32;
/// The longest value that is sent.
pub const VALUE_BYTES_MAX: usize = 16 * 1024;
const ROUTING: &str = " host connection keep-alive content-length transfer-encoding te trailer upgrade expect via \
                       forwarded ";

/// A secret and its `_HOSTS` line.
#[derive(Clone, Debug)]
pub struct Secret {
    /// Its name.
    pub name: String,
    /// Its value, whether or not it can be sent.
    pub value: Vec<u8>,
    /// The text of its `_HOSTS` line, if there is one.
    pub hosts: Option<String>,
}

impl Secret {
    /// Why it may not be sent there, if so.
    fn refusal(&self, place: &Place) -> Option<String> {
        let name = &self.name;
        let Some(list) = &self.hosts else {
            return Some(format!("No allowed hosts defined for: {name} (missing {name}_HOSTS)"));
        };
        let Some(entries) = hosts::parse(list) else {
            return Some(format!("Allowed hosts for {name} cannot be read (run secret-proxy check)"));
        };
        if !entries.iter().any(|entry| entry.allows(place)) {
            return Some(format!("Host '{place}' not allowed for {name}"));
        }
        let refusal = || format!("Value of {name} is empty, too long or not legal in a header");
        (!is_sendable(&self.value)).then(refusal)
    }
}

/// Whether a header may hold the value, and it is neither empty nor too long.
pub fn is_sendable(value: &[u8]) -> bool {
    let legal = value.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f));
    (1..=VALUE_BYTES_MAX).contains(&value.len()) && legal
}

/// The secrets as a file.
pub fn file(secrets: &[Secret]) -> Vec<u8> {
    let mut text = Vec::new();
    for secret in secrets {
        text.extend([secret.name.as_bytes(), b"=", &secrets_text::quoted(&secret.value), b"\n"].concat());
        if let Some(list) = &secret.hosts {
            text.extend([secret.name.as_bytes(), b"_HOSTS=", list.as_bytes(), b"\n"].concat());
        }
    }
    text
}

/// Header fields: names in lower case, and values.
pub type Headers = Vec<(String, Vec<u8>)>;

/// What becomes of a request.
#[derive(Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It holds no placeholder.
    Plain,
    /// It is refused, for this reason.
    Refused(String),
    /// It is sent with these fields.
    Sent(Headers),
}

/// Puts the fields into the order in which they are judged: those of one name together.
pub fn grouped(headers: &[(String, Vec<u8>)]) -> Headers {
    let mut grouped = Headers::new();
    for (name, _) in headers {
        if grouped.iter().all(|(known, _)| known != name) {
            grouped.extend(headers.iter().filter(|(other, _)| other == name).cloned());
        }
    }
    grouped
}

/// The names that placeholders ask for, each once, in order; of the first 32 placeholders alone.
pub fn names(headers: &[(String, Vec<u8>)]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let found = grouped(headers).into_iter().flat_map(|(name, value)| in_value(&name, &value));
    for text in found.take(PLACEHOLDERS_MAX) {
        let name = in_default(&text).map_or_else(|_| text.clone(), str::to_owned);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The name, if it is one of the default namespace, which is the only one here; else its namespace.
fn in_default(text: &str) -> Result<&str, &str> {
    match text.split_once(':') {
        None | Some(("default", _)) => Ok(text.rsplit(':').next().unwrap_or(text)),
        Some((namespace, _)) => Err(namespace),
    }
}

/// What becomes of these fields on the way to `place`.
pub fn outcome(secrets: &[Secret], place: &Place, headers: &[(String, Vec<u8>)]) -> Outcome {
    let headers = grouped(headers);
    let all: Vec<String> = headers.iter().flat_map(|(name, value)| in_value(name, value)).collect();
    if all.is_empty() {
        return Outcome::Plain;
    }
    if all.len() > PLACEHOLDERS_MAX {
        return Outcome::Refused("Too many placeholders".to_owned());
    }
    let connection = named_by_connection(&headers);
    for (name, value) in &headers {
        if (is_routing(name) || connection.contains(name)) && !in_value(name, value).is_empty() {
            return Outcome::Refused(format!("Placeholder in header '{name}', which routes or frames the request"));
        }
    }
    let refused = all.iter().find_map(|text| match in_default(text) {
        Err(namespace) => Some(format!("Namespace not found: {namespace} (for {text})")),
        Ok(name) => match secrets.iter().find(|secret| secret.name == name) {
            Some(secret) => secret.refusal(place),
            None => Some(format!("Secret not found: {name}")),
        },
    });
    if let Some(reason) = refused {
        return Outcome::Refused(reason);
    }
    Outcome::Sent(headers.iter().map(|(name, value)| (name.clone(), filled(secrets, name, value))).collect())
}

/// Whether the field says where the request goes or where it ends.
pub fn is_routing(name: &str) -> bool {
    ROUTING.contains(&format!(" {name} ")) || name.starts_with("x-forwarded-") || name.starts_with("proxy-")
}

fn named_by_connection(headers: &[(String, Vec<u8>)]) -> Vec<String> {
    let lines = headers.iter().filter(|(name, _)| name == "connection");
    let text: Vec<String> = lines.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect();
    text.iter()
        .flat_map(|text| text.split(','))
        .map(|name| name.trim_matches([' ', '\t']).to_ascii_lowercase())
        .collect()
}

/// The names that a value asks for: as it stands, or else in its credentials.
fn in_value(name: &str, value: &[u8]) -> Vec<String> {
    let open = placeholders::find(value);
    let found = if open.is_empty() { hidden(name, value).map_or(open, |text| placeholders::find(&text)) } else { open };
    found.into_iter().map(|found| found.name).collect()
}

/// The credentials, in the one field that has them.
fn hidden(name: &str, value: &[u8]) -> Option<Vec<u8>> {
    if name == "authorization" { credentials::decoded(value) } else { None }
}

fn filled(secrets: &[Secret], name: &str, value: &[u8]) -> Vec<u8> {
    if !placeholders::find(value).is_empty() {
        return expanded(secrets, value);
    }
    match hidden(name, value) {
        Some(text) if !placeholders::find(&text).is_empty() => credentials::encoded(&expanded(secrets, &text)),
        _ => value.to_vec(),
    }
}

/// From the right to the left, so that no position moves.
fn expanded(secrets: &[Secret], text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    for found in placeholders::find(&text).into_iter().rev() {
        if let Some(secret) = secrets.iter().find(|secret| in_default(&found.name) == Ok(&secret.name)) {
            text.splice(found.start..found.end, secret.value.iter().copied());
        }
    }
    text
}
