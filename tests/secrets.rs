//! What a value is for: where it goes, where it never goes, and when it is there at all.

mod destination;
mod fail_closed;
mod hygiene;
mod injection;
mod memory;
mod mount;
mod spellings;
