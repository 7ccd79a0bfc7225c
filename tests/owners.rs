//! The owners: crashes, restarts, and a day's traffic, after which nothing is left.

mod chaos;
mod day;
mod supervision;
