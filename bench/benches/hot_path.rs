//! Times of the pure work of one request: `cargo bench -p secret-proxy-bench`.
//!
//! Minting a leaf is not here: the key never leaves its owner, not for a bench either. The mode `mint` of the
//! end-to-end bench measures it.

use std::alloc::System;
use std::hint::black_box;

use bench::{Broken, hot};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use policy::request::fields::Fields;
use policy::secrets::table::Table;
use zeroizing_alloc::ZeroAlloc;

/// As in the proxy.
#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> Result<(), Broken> {
    let mut criterion = Criterion::default().configure_from_args();
    head(&mut criterion)?;
    record(&mut criterion);
    parse(&mut criterion);
    criterion.final_summary();
    Ok(())
}

/// What is done to a head of ten fields, one of which holds a placeholder.
fn head(criterion: &mut Criterion) -> Result<(), Broken> {
    let table = Table::read(hot::secrets(10, 1).as_bytes())?;
    let (headers, destination) = (hot::head(10)?, hot::destination()?);
    let _ = hot::permit(&table, &headers, &destination)?;
    let mut group = criterion.benchmark_group("head");
    group.bench_function("scan", |bencher| bencher.iter(|| Fields::scan(black_box(&headers))));
    group.bench_function("scan and judge", |bencher| {
        bencher.iter(|| hot::permit(&table, black_box(&headers), &destination));
    });
    group.bench_function("scan, judge and rewrite", |bencher| {
        let all = |mut headers| {
            let permit = hot::permit(&table, &headers, &destination)?;
            hot::fill(&table, permit, &mut headers)?;
            Ok::<_, Broken>(headers)
        };
        bencher.iter_batched(|| headers.clone(), all, BatchSize::SmallInput);
    });
    group.finish();
    Ok(())
}

fn record(criterion: &mut Criterion) {
    let (mut lines, prev) = (Vec::with_capacity(1024), "0".repeat(64));
    criterion.bench_function("record and its hash", |bencher| {
        bencher.iter(|| hot::record(1_000_000, black_box(&prev), &mut lines));
    });
}

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    for secrets in [10, 1_000, 10_000] {
        let text = hot::secrets(secrets, 1);
        group.throughput(Throughput::Elements(secrets as u64));
        group.bench_with_input(BenchmarkId::from_parameter(secrets), text.as_bytes(), |bencher, text| {
            bencher.iter(|| Table::read(black_box(text)));
        });
    }
    group.finish();
}
