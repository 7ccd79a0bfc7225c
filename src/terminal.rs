//! What a person sees: output, errors, suggested commands, and text of others made harmless.

#[macro_use]
pub(crate) mod output;

pub(crate) mod escape;
pub(crate) mod failure;
pub(crate) mod hints;
