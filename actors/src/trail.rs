//! The audit files as they stand: for the owner of the live file, for `doctor` and for commands.
//!
//! | module | knows |
//! |---|---|
//! | `names` | the names of the live file and of rotated ones |
//! | `files` | the files in the order of their records |
//! | `lines`, `reader` | their lines, one file after the other, while records are written |
//! | `end` | the last line of a file, and whether part of one follows |
//! | `link`, `digest` | what ties a line to the one before it |
//! | `verify`, `fault`, `pin` | whether the chain is whole, and which line is to blame where it is not |
//! | `kept` | records that outlive their files, in a file of their own |
//! | `space` | how much space is left |

mod digest;
mod end;
mod fault;
mod files;
mod kept;
mod lines;
mod link;
mod names;
mod pin;
mod reader;
mod space;
mod verify;

pub use self::digest::Digest;
pub(crate) use self::end::Tail;
pub use self::end::last_line;
pub use self::fault::Fault;
pub(crate) use self::files::first;
pub(crate) use self::kept::Sum;
pub use self::lines::{Line, Place};
pub use self::link::Head;
pub(crate) use self::names::{beside, kept, rotated, rotated_by_daemon};
pub use self::reader::Trail;
pub use self::space::Space;
pub use self::verify::{Remark, Verification, verify};

#[cfg(test)]
mod tests;
