//! `instructions PART TIMES`: repeats one part of the work, for an instruction counter.
//!
//! It has no clock, and no randomness but the hash map's. The difference of two runs with different TIMES is the cost
//! of one repetition; `.ci/instructions` computes it.

use std::alloc::System;
use std::hint::black_box;

use bench::{Broken, hot};
use http::{HeaderMap, HeaderValue};
use policy::secrets::table::Table;
use zeroizing_alloc::ZeroAlloc;

/// As in the proxy: wiping freed memory is part of a request's cost.
#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> Result<(), Broken> {
    let mut arguments = std::env::args().skip(1);
    let part = arguments.next().ok_or("which part?")?;
    let times = arguments.next().ok_or("how many times?")?.parse()?;
    let (name, size) =
        part.rsplit_once('-').map_or((part.as_str(), 1), |(name, size)| (name, size.parse().unwrap_or(1)));
    match name {
        "request" => request(times, size, 10, 1),
        "fields" => request(times, 10, size, 1),
        "hosts" => request(times, 10, 10, size),
        "untouched" => untouched(times, size),
        "braces" => braces(times),
        "record" => {
            record(times);
            Ok(())
        }
        "parse" => parse(times, size),
        _ => Err("request-SECRETS, fields-N, hosts-N, untouched-FIELDS, braces, record or parse-SECRETS".into()),
    }
}

/// Scan, judge and rewrite of a request's head.
fn request(times: usize, secrets: usize, fields: usize, hosts: usize) -> Result<(), Broken> {
    let table = Table::read(hot::secrets(secrets, hosts).as_bytes())?;
    let (headers, destination) = (hot::head(fields)?, hot::destination()?);
    for _ in 0..times {
        let mut headers = black_box(headers.clone());
        let permit = hot::permit(&table, &headers, &destination)?;
        hot::fill(&table, permit, &mut headers)?;
        black_box(&headers);
    }
    Ok(())
}

/// The scan of a head without a placeholder.
fn untouched(times: usize, fields: usize) -> Result<(), Broken> {
    let mut headers = hot::head(fields)?;
    headers.remove("x-api-key");
    for _ in 0..times {
        black_box(policy::request::fields::Fields::scan(black_box(&headers)));
    }
    Ok(())
}

/// The scan of the largest head, full of text that begins like a placeholder and is none.
fn braces(times: usize) -> Result<(), Broken> {
    let mut headers = HeaderMap::new();
    for piece in ["{", "{{", "{a", "{{a", "{{a}"] {
        headers.append("x-braces", HeaderValue::try_from(piece.repeat(12 * 1024 / piece.len()))?);
    }
    for _ in 0..times {
        black_box(policy::request::fields::Fields::scan(black_box(&headers)));
    }
    Ok(())
}

/// A record and its hash, in a chain.
fn record(times: usize) {
    let (mut hash, mut lines) = (hot::record(1, "", &mut Vec::new()), Vec::with_capacity(1024));
    for seq in 0..times {
        hash = hot::record(1_000_000 + seq as u64, &hash, &mut lines);
        black_box(&lines);
    }
}

/// A secrets file, from its text to the table.
fn parse(times: usize, secrets: usize) -> Result<(), Broken> {
    let text = hot::secrets(secrets, 1);
    for _ in 0..times {
        black_box(Table::read(black_box(text.as_bytes()))?);
    }
    Ok(())
}
