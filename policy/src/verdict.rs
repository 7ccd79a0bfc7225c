//! The verdict on a request, and the request with the values put in.

pub mod judge;
pub mod refusal;
pub mod render;
pub mod tables;
