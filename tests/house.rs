//! The source itself: what each part of it may know.

mod shape;
