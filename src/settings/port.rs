//! The proxy's default port.

/// The port as a literal, for texts that are put together at build time.
macro_rules! default_port {
    () => {
        17329
    };
}
pub(super) use default_port;

/// The port on 127.0.0.1, on this computer and in VMs, unless a setting or a flag names another one.
pub(crate) const DEFAULT_PORT: u16 = default_port!();
