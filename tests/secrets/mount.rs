//! 1Password's pipe in every weather, played by a scripted writer: what is shown, what is answered, how it
//! gets well again, and that requests without placeholders never notice.

mod changed_file;
mod crowd;
mod freshness;
mod late;
mod modes;
mod polite;
mod private;
mod replaced;
mod retry;
mod stage;
mod stop;
mod thief;
mod weather;
