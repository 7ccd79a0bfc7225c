//! Secrets: the destinations of a value, and the states of its source.

mod destination;
mod fail_closed;
mod hygiene;
mod injection;
mod large_file;
mod memory;
mod mount;
mod namespaces;
mod programs;
mod spellings;
