//! One line of the child list: how an owner is started, asked and, in fault builds, made to misbehave.

use std::pin::Pin;
use std::sync::Arc;

use ractor::{Actor, ActorCell, SpawnErr};
use tokio::sync::oneshot;

use crate::supervision::heartbeat::Beat;
use crate::supervision::progress::{Counted, Progress};
use crate::supervision::slot::Publisher;

/// Starts one owner under the root and publishes its address.
type Start = Box<dyn Fn(ActorCell) -> Pin<Box<dyn Future<Output = Result<ActorCell, SpawnErr>> + Send>> + Send + Sync>;

/// Makes an owner misbehave.
#[cfg(feature = "faults")]
type Strike = Box<dyn Fn(&ActorCell, crate::supervision::faults::Fault) + Send + Sync>;

/// Asks an owner whether it answers.
type Ask = Box<dyn Fn(&ActorCell) -> oneshot::Receiver<()> + Send + Sync>;

/// One line of the child list.
pub(crate) struct Child {
    pub(super) name: &'static str,
    pub(super) start: Start,
    pub(super) ask: Ask,
    pub(super) progress: Progress,
    pub(super) empty_slot: Box<dyn Fn() + Send + Sync>,
    #[cfg(feature = "faults")]
    pub(super) fault: Strike,
}

#[cfg(not(feature = "faults"))]
/// What every owner's messages can be: a heartbeat among them.
pub(crate) trait OwnerMessage: ractor::Message + From<Beat> {}
#[cfg(not(feature = "faults"))]
impl<M: ractor::Message + From<Beat>> OwnerMessage for M {}
#[cfg(feature = "faults")]
/// What every owner's messages can be: a heartbeat among them and, in fault builds, a fault.
pub(crate) trait OwnerMessage: ractor::Message + From<Beat> + From<crate::supervision::faults::Fault> {}
#[cfg(feature = "faults")]
impl<M: ractor::Message + From<Beat> + From<crate::supervision::faults::Fault>> OwnerMessage for M {}

/// An owner that is started again whenever it ends, each time with the same arguments.
pub(crate) fn permanent<A>(publisher: Publisher<A::Msg>, actor: fn() -> A, arguments: A::Arguments) -> Child
where
    A: Actor,
    A::Msg: OwnerMessage,
    A::Arguments: Clone + Sync,
{
    let (publisher, progress) = (Arc::new(publisher), Progress::default());
    let (slot, counted) = (publisher.clone(), progress.clone());
    let start = move |root: ActorCell| -> Pin<Box<dyn Future<Output = Result<ActorCell, SpawnErr>> + Send>> {
        let (arguments, slot, progress) = (arguments.clone(), slot.clone(), counted.clone());
        Box::pin(async move {
            let counted = Counted { actor: actor(), progress };
            let (address, _) = Actor::spawn_linked(None, counted, arguments, root).await?;
            slot.publish(Some(address.clone()));
            Ok(address.get_cell())
        })
    };
    Child {
        name: publisher.owner(),
        start: Box::new(start),
        ask: Box::new(|cell| {
            let (beat, answer) = Beat::new();
            let _ = cell.send_message::<A::Msg>(beat.into());
            answer
        }),
        progress,
        empty_slot: Box::new(move || publisher.publish(None)),
        #[cfg(feature = "faults")]
        fault: Box::new(|cell, fault| {
            let _ = cell.send_message::<A::Msg>(fault.into());
        }),
    }
}
