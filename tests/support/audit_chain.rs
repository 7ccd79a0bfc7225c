//! An independent check of the audit files' hash chain, without code of the product.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

use super::canary::hex;

/// The live audit file of a folder and all rotated files, in no order.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("audit.log"));
    named.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file())).map(|entry| entry.path()).collect()
}

/// Reads all audit files of a folder in the order of their numbers. Every line must be whole, every number
/// must occur once, and each line must have the hash of the previous line.
pub fn verify(dir: &Path) -> Result<Vec<Value>, String> {
    let mut lines = BTreeMap::new();
    for path in files(dir) {
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        for line in text.split_inclusive('\n') {
            let (seq, line) = read(line).map_err(|wrong| format!("{}: {wrong}: {line:?}", path.display()))?;
            if let Some((twin, _)) = lines.insert(seq, line) {
                return Err(format!("{}: there are two records {seq}, one of them {twin}", path.display()));
            }
        }
    }
    check(&lines)?;
    Ok(lines.into_values().map(|(_, record)| record).collect())
}

fn read(line: &str) -> Result<(u64, (String, Value)), &'static str> {
    let line = line.strip_suffix('\n').ok_or("the line is not whole")?;
    let record: Value = serde_json::from_str(line).map_err(|_| "the line is not JSON")?;
    let seq = record["seq"].as_u64().ok_or("the record has no number")?;
    Ok((seq, (line.to_owned(), record)))
}

fn check(lines: &BTreeMap<u64, (String, Value)>) -> Result<(), String> {
    let mut before: Option<(u64, String)> = None;
    for (seq, (line, record)) in lines {
        match &before {
            None => begins(*seq, record, lines)?,
            Some((last, _)) if seq - last != 1 => {
                return Err(format!("{} records are missing before {line}", seq - last - 1));
            }
            Some((_, hash)) if record["prev"] != **hash && !starts_anew(record) => {
                return Err(format!("the record before this one was changed: {line}"));
            }
            Some(_) => {}
        }
        before = Some((*seq, hash(line)));
    }
    Ok(())
}

/// The first existing record: the first of all, or the first after the records that a later note names as
/// deleted.
fn begins(seq: u64, record: &Value, lines: &BTreeMap<u64, (String, Value)>) -> Result<(), String> {
    let pruned = |note: &Value| {
        note["outcome"] == "pruned"
            && note["through"]["seq"].as_u64() == Some(seq - 1)
            && note["through"]["hash"] == record["prev"]
    };
    let is_first = seq == 1 && record["prev"] == "";
    if is_first || lines.values().any(|(_, note)| pruned(note)) {
        return Ok(());
    }
    Err(format!("nothing tells what became of the records before {record}"))
}

fn starts_anew(record: &Value) -> bool {
    record["outcome"] == "chain_start" && record["prev"] == ""
}

fn hash(line: &str) -> String {
    hex(digest(&SHA256, line.as_bytes()).as_ref())
}
