//! What the design says, read a second time: slowly, byte by byte, and with no code of the product.
//!
//! The fuzz targets hold the product against these readings. Where both agree on everything that a
//! fuzzer can think of, a mistake would have to be made twice, in two different ways. Only
//! [`product`] calls the product: it is the way of a request through the crate's public functions.
//!
//! | module | reads |
//! |---|---|
//! | [`placeholders`] | `{{NAME}}` in bytes |
//! | [`credentials`] | `Authorization: Basic` |
//! | [`authority`] | hosts and ports |
//! | [`hosts`] | a `_HOSTS` line, and what it allows |
//! | [`secrets_text`] | the secrets file |
//! | [`built_file`] | nothing: it builds a secrets file by rule |
//! | [`world`] | what becomes of a request, given secrets and a destination |
//! | [`json_line`] | the keys of a JSON line, in order |
//! | [`raw_head`] | a request's head, as it came |
//! | [`product`] | nothing: it asks the product |

#![forbid(unsafe_code)]

pub mod authority;
pub mod built_file;
pub mod credentials;
pub mod hosts;
pub mod json_line;
pub mod placeholders;
pub mod product;
pub mod raw_head;
pub mod secrets_text;
pub mod world;
