//! The source itself: what each part of it may know, and how large its parts may be.

mod imports;
mod shape;
mod sizes;
mod source;
mod values;
