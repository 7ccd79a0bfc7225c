//! 1Password's pipe in every state, with a scripted writer.
//!
//! The tests cover the shown state, the answers, the recovery, and requests without placeholders, which are not affected.

mod bystander;
mod changed_file;
mod crowd;
mod freshness;
mod late;
mod modes;
mod private;
mod replaced;
mod retry;
mod second_reader;
mod stage;
mod states;
mod stop;
mod ways;
