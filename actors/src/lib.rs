//! The owners of secret-proxy's parts: ownership, questions between owners, restarts.
//!
//! ```text
//! supervisor                       the root
//! ├── audit          permanent     first up, last down
//! ├── status         permanent     may die freely; nobody waits on it
//! ├── secret_store   permanent     starts idle; loads by message
//! ├── authority      permanent     cache lost on restart, key read again
//! ├── upstream       permanent     idle connections lost on restart
//! ├── listener       permanent     the bound sockets are held by the root and lent out
//! └── session*       temporary     one a client connection; never restarted
//! ```
//!
//! Who asks whom; what is not in this table does not compile, because nobody else holds the handle:
//!
//! | from | to | what |
//! |---|---|---|
//! | session | `authority` | a host, for TLS settings with a leaf |
//! | exchange | `secret_store` | a destination and the fields with placeholders; later, its permit |
//! | exchange | `upstream` | a destination, for a verified connection, or for one that is passed through |
//! | exchange | `audit` | a record: names, never values |
//! | `secret_store` | `upstream` | values were wiped: close what carried one |
//! | `status` | `secret_store` | reload |
//! | `status` | `authority` | make the next root, use it |
//! | listener | root | a new session hangs off it |
//! | all | their own part | counts and states, which `status` reads |
//! | `audit` | the mirror | records that stand in the file, for the log |
//!
//! Values exist in three places only: the buffer of a read, the vault of `secret_store`, and the one
//! answer to `Render`, which one exchange uses up.

#![warn(clippy::print_stdout, clippy::print_stderr)]

#[cfg(not(panic = "unwind"))]
compile_error!("supervision rests on unwinding: a panic must end one actor, not the process");

#[macro_use]
mod supervision;

mod audit;
mod authority;
mod boot;
pub mod clock;
mod exchange;
pub mod folder;
mod hex;
pub mod hint;
mod limits;
mod listener;
mod secret_store;
mod session;
pub mod settings;
pub mod status;
pub mod trail;
pub mod tunnels;
mod upstream;
mod wire;

pub use audit::mirror;
pub use authority::{RootCertificate, RootError, Roots, Step, fingerprint, rotate};
pub use boot::{BootError, Daemon};
pub use exchange::constant::NOT_A_PROXY_REQUEST;
pub use listener::bind::{BindError, InheritedSocket};
pub use secret_store::{MountError, MountKind, UnsafeMount, look_at_mount, namespaces, read_source};
pub use supervision::root::Ended;
pub use supervision::runtime;
pub use upstream::{TrustError, count_roots};
pub use wire::tls::provider;
