//! Output, errors and hints for people, and escapes for foreign text.

#[macro_use]
pub(crate) mod output;

pub(crate) mod escape;
pub(crate) mod failure;
pub(crate) mod hints;
