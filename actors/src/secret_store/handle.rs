//! The handle of the secret store, and the messages that it and the store's own tasks send.

use policy::name::Namespace;
use policy::verdict::judge::{InjectionRequest, Permit};
use policy::verdict::refusal::Refusal;
use policy::verdict::render::Rendered;
use ractor::RpcReplyPort;

use super::shelf::ReadNumber;
use super::sources::{Content, Progress, ReadError};
use crate::limits;
use crate::supervision::heartbeat::Beat;
use crate::supervision::slot::{Slot, Unavailable};

#[derive(Clone)]
pub(crate) struct SecretStoreHandle(Slot<Msg>);

impl SecretStoreHandle {
    pub(crate) fn new(slot: Slot<Msg>) -> Self {
        Self(slot)
    }

    /// Judges whether the fields may be filled for the destination. May wait for the mount.
    pub(crate) async fn judge(&self, request: InjectionRequest) -> Result<Permit, Refusal> {
        let limit = limits::REQUEST_WAIT + limits::ANSWER_TIMEOUT;
        flatten(self.0.call(|reply| Msg::Judge(request, reply), limit).await)
    }

    /// Fills the fields, if the table in force still allows the secrets.
    pub(crate) async fn render(&self, permit: Permit) -> Result<Rendered, Refusal> {
        let limit = limits::REQUEST_WAIT + limits::ANSWER_TIMEOUT;
        flatten(self.0.call(|reply| Msg::Render(permit, reply), limit).await)
    }

    /// Reads the mount now, and waits for the end of the read up to a limit.
    pub(crate) async fn reload(&self) -> Result<(), Unavailable> {
        self.0.call(|reply| Msg::Reload(Some(reply)), limits::ANSWER_TIMEOUT).await
    }

    /// The daemon is about to end: no request waits long for the mount any more.
    pub(crate) fn drain(&self) {
        let _ = self.0.cast(Msg::Drain);
    }

    /// Reads the mount soon.
    pub(crate) fn reload_soon(&self) {
        let _ = self.0.cast(Msg::Reload(None));
    }
}

fn flatten<T>(answer: Result<Result<T, Refusal>, Unavailable>) -> Result<T, Refusal> {
    answer.unwrap_or_else(|Unavailable(owner)| Err(Refusal::Unavailable(owner)))
}

pub(crate) enum Msg {
    /// Something may have changed at a source.
    Changed(Namespace),
    /// The daemon is about to end.
    Drain,
    /// May these fields be filled?
    Judge(InjectionRequest, RpcReplyPort<Result<Permit, Refusal>>),
    /// Look for namespaces, and at all sources, without opening them.
    Look,
    /// Look at one source.
    LookAt(Namespace),
    /// How a read goes.
    Progressed(Namespace, ReadNumber, Progress),
    /// A read has ended.
    Read(Namespace, ReadNumber, Result<Content, ReadError>),
    /// Read all sources now.
    Reload(Option<RpcReplyPort<()>>),
    /// Fill the fields of a permit.
    Render(Permit, RpcReplyPort<Result<Rendered, Refusal>>),
    /// Look through the requests that wait for a namespace.
    Tick(Namespace),
    Beat(Beat),
    #[cfg(feature = "faults")]
    Fault(crate::supervision::faults::Fault),
}

owner_message!(Msg);
