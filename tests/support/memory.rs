//! A search of a process's writable memory, as a debugger or a core dump would show it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

/// The length of one read.
const PIECE: usize = 1024 * 1024;

/// The mappings of a process's writable memory that contain `needle`, by name; `None` if this user may not
/// read the memory: only root may read the daemon's.
pub fn copies_of(needle: &[u8], pid: u32) -> Option<Vec<String>> {
    let memory = File::open(format!("/proc/{pid}/mem")).ok()?;
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let mut found = Vec::new();
    for map in maps.lines() {
        let mut columns = map.split_whitespace();
        let (Some(range), Some(mode)) = (columns.next(), columns.next()) else { continue };
        if !mode.starts_with("rw") {
            continue;
        }
        let name = columns.nth(3).unwrap_or("anonymous").to_owned();
        let (start, end) = range.split_once('-').expect("a range");
        let address = |hex| u64::from_str_radix(hex, 16).expect("an address");
        let count = count_in(&memory, address(start), address(end), needle);
        found.extend(std::iter::repeat_n(name, count));
    }
    Some(found)
}

/// Pieces overlap by the needle's length minus one, so that no match is missed or counted twice.
fn count_in(memory: &File, mut at: u64, end: u64, needle: &[u8]) -> usize {
    let (mut count, mut piece) = (0, vec![0; PIECE]);
    while at < end {
        let wanted = PIECE.min(usize::try_from(end - at).expect("a length"));
        // A mapping may go away while it is read.
        let Ok(read) = memory.read_at(&mut piece[..wanted], at) else { return count };
        count += memchr::memmem::find_iter(&piece[..read], needle).count();
        if read < needle.len() {
            return count;
        }
        at += (read - needle.len() + 1) as u64;
        if read == wanted && wanted < PIECE {
            return count;
        }
    }
    count
}
