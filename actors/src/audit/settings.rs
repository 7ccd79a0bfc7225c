//! Settings of the audit file.

/// Settings of the audit file.
#[derive(Clone, Debug)]
pub struct AuditSettings {
    /// When a record counts as written.
    pub sync: AuditSync,
    /// When the file is rotated, and how many rotated files are kept.
    pub rotation: AuditRotation,
}

/// When a record counts as written, so that its request may go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AuditSync {
    /// Once the system has taken it: it survives a crash of this process, not one of the computer.
    Write,
    /// The same; everything is also synced to the disk once a second.
    Interval,
    /// Once it has been synced to the disk.
    Always,
}

/// When the audit file is rotated, and how many rotated files are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AuditRotation {
    /// The length, in bytes, at which it is rotated.
    pub bytes_max: u64,
    /// Rotated files to keep; all if there is no number.
    pub keep: Option<usize>,
}
