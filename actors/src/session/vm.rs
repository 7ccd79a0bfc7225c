//! The VM that a client connection comes from.

/// Places are shared by VM: one with many connections gives way before one with few.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Vm {
    /// The host itself, and all who come by its own port and socket.
    Local,
}

impl Vm {
    /// Its number among the holders of places.
    pub(super) fn number(self) -> u64 {
        match self {
            Self::Local => 0,
        }
    }
}
