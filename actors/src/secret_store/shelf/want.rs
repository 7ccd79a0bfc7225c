//! What a question needs of a shelf before it can be answered.

use crate::secret_store::moment::Moment;
use crate::secret_store::vault::Vault;

/// A question that waits.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct QuestionId(pub(crate) u64);

/// What it needs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Want {
    /// A read that is recent enough to judge by.
    Fresh,
    /// A read that is recent enough to fill by what was judged.
    Held,
    /// A read that another one has confirmed.
    Confirmed,
    /// A read from now on, however it goes.
    Reload,
}

impl Want {
    /// Whether an earlier read will do.
    pub(crate) fn is_met_by(self, vault: &Vault, now: Moment) -> bool {
        match self {
            Self::Fresh => vault.is_fresh(now),
            Self::Held => vault.is_held(now),
            Self::Confirmed => vault.is_fresh(now) && !vault.is_restricted(),
            Self::Reload => false,
        }
    }

    /// Whether a read that has just ended will do.
    pub(super) fn is_met_by_new(self, vault: &Vault) -> bool {
        match self {
            Self::Fresh | Self::Held => true,
            Self::Confirmed => !vault.is_restricted(),
            Self::Reload => false,
        }
    }

    /// A request waits, and not only a person who has typed `reload`.
    pub(super) fn is_request(self) -> bool {
        self != Self::Reload
    }
}
