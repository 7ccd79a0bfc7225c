//! 1Password's pipe in every state, played by a scripted writer: what is shown, what is answered, how it
//! gets well again, and that requests without placeholders never notice.

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
