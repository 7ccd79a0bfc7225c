//! The audit trail: its records, its files, and the commands that read and verify them.

mod file;
mod log_file;
mod reading;
mod record;
mod verify;
