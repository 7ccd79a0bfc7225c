//! The proxy's work for a request without I/O, with equal inputs in every run.

use aws_lc_rs::digest::{SHA256, digest};
use http::{HeaderMap, HeaderName, HeaderValue};
use policy::destination::host::Destination;
use policy::record::{Attempt, Event, Record};
use policy::request::fields::Fields;
use policy::secrets::table::Table;
use policy::verdict::judge::{InjectionRequest, Permit, Verdict, judge};
use policy::verdict::refusal::Refusal;
use policy::verdict::render::render;
use policy::verdict::tables::Tables;

use crate::Broken;

/// A secrets file with this many secrets, each for this many hosts. The first is `KEY_0`; its last host is
/// `api0.example`.
pub fn secrets(count: usize, hosts: usize) -> String {
    let secret = |n: usize| {
        let listed: Vec<_> = (0..hosts).rev().map(|host| format!("api{}.example", n + host)).collect();
        format!("KEY_{n}=sk-{n:032x}\nKEY_{n}_HOSTS={}\n", listed.join(","))
    };
    (0..count).map(secret).collect()
}

/// The head of a request as an SDK sends it, with this many fields; the last field holds a placeholder.
///
/// # Errors
/// Never: the fields are well-formed.
pub fn head(fields: usize) -> Result<HeaderMap, Broken> {
    let mut headers = HeaderMap::with_capacity(fields);
    for n in 1..fields {
        let name = HeaderName::try_from(format!("x-field-{n}"))?;
        headers.insert(name, HeaderValue::try_from(format!("application/json; n={n}; charset=utf-8"))?);
    }
    headers.insert("x-api-key", HeaderValue::from_static("{{KEY_0}}"));
    Ok(headers)
}

/// The destination of requests.
///
/// # Errors
/// Never: the name is well-formed.
pub fn destination() -> Result<Destination, Broken> {
    Ok(Destination::from_connect("api0.example:443").map_err(|_| "not a destination")?)
}

/// Finds the placeholders of a head and judges them.
///
/// # Errors
/// The secret may not go there.
pub fn permit(table: &Table, headers: &HeaderMap, destination: &Destination) -> Result<Permit, Broken> {
    let fields = Fields::scan(headers).ok_or("no placeholder")?;
    fields.check_places(headers).map_err(|misplaced| Refusal::from(misplaced).to_string())?;
    match judge(&Tables::default_only(table, None), InjectionRequest { destination: destination.clone(), fields }) {
        Verdict::Permit(permit) => Ok(permit),
        Verdict::Refuse(refusal) => Err(refusal.to_string().into()),
    }
}

/// Replaces placeholders by values.
///
/// # Errors
/// The secret may no longer go there.
pub fn fill(table: &Table, permit: Permit, headers: &mut HeaderMap) -> Result<(), Broken> {
    render(&Tables::default_only(table, None), permit).map_err(|refusal| refusal.to_string())?.apply(headers);
    Ok(())
}

/// Appends a record to `lines`, and returns its hash for the next record. The owner of the audit file does the same
/// in these two steps.
pub fn record(seq: u64, prev: &str, lines: &mut Vec<u8>) -> String {
    let attempt = Attempt {
        secrets: vec!["KEY_0".into()],
        method: "POST".into(),
        host: "api0.example".into(),
        path: "/v1/messages".into(),
        blocked: false,
        reason: None,
        id: "554d43ca7fa85bbf".into(),
        port: Some(443),
        scheme: "https".into(),
        ..Attempt::default()
    };
    let record = Record::new("2026-02-04T12:34:57Z", Event::Attempt(attempt));
    lines.clear();
    Record { seq: Some(seq), prev: Some(prev.into()), ..record }.add_line(lines);
    let hash = digest(&SHA256, lines.strip_suffix(b"\n").unwrap_or(lines));
    hash.as_ref()
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|it| char::from_digit(it.into(), 16))
        .collect()
}
