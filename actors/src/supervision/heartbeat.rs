//! A question that every owner answers at once, if it still answers anything.

use tokio::sync::oneshot;

/// Lets an owner's messages be a heartbeat and, in fault builds, a fault.
macro_rules! owner_message {
    ($message:ty) => {
        impl From<$crate::supervision::heartbeat::Beat> for $message {
            fn from(beat: $crate::supervision::heartbeat::Beat) -> Self {
                Self::Beat(beat)
            }
        }

        #[cfg(feature = "faults")]
        impl From<$crate::supervision::faults::Fault> for $message {
            fn from(fault: $crate::supervision::faults::Fault) -> Self {
                Self::Fault(fault)
            }
        }
    };
}

/// Are you there? One that is not answered is dropped with the owner, or hangs with it.
#[derive(Debug)]
pub(crate) struct Beat(oneshot::Sender<()>);

impl Beat {
    /// A heartbeat, and where its answer comes.
    pub(crate) fn new() -> (Self, oneshot::Receiver<()>) {
        let (sender, answer) = oneshot::channel();
        (Self(sender), answer)
    }

    pub(crate) fn answer(self) {
        let _ = self.0.send(());
    }
}
