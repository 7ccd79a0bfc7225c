//! Promise: launchd and systemd run the proxy as `install` tells them to, learn when it is ready, and may
//! hold its port for it; `uninstall` takes away what `install` made.

mod account;
mod install;
mod readiness;
mod refusals;
mod sockets;
mod uninstall;
