//! The way to have a record written, and how fast that goes.
//!
//! Nobody waits for a refusal: beyond its pace it is counted. A permitted request waits, so that no client fills the disk
//! with them; its pace is far beyond what programs do.

use std::sync::Arc;

use policy::record::{Attempt, Event};
use ractor::RpcReplyPort;
use tokio::time::timeout;

use super::Msg;
use super::pace::PermitPace;
use super::reply::{NotWritten, Obligation, Reply};
use super::report::Part;
use crate::hex::RecordId;
use crate::limits;
use crate::supervision::slot::{Slot, Unavailable};

/// Where records are written.
#[derive(Clone)]
pub(crate) struct AuditHandle {
    slot: Slot<Msg>,
    part: Part,
    permits: Arc<PermitPace>,
}

impl AuditHandle {
    pub(crate) fn new(slot: Slot<Msg>, part: Part) -> Self {
        Self { slot, part, permits: Arc::default() }
    }

    /// Writes the record of a permit; once this returns, it stands in the file. Waits while too many are written.
    pub(crate) async fn permit(&self, attempt: Attempt<'static>) -> Result<(), Unavailable> {
        let paced = self.permits.acquire(attempt_bytes_max(&attempt), self.is_low());
        let paced = timeout(limits::PERMIT_WAIT, paced).await;
        paced.map_err(|_| Unavailable("space for records"))?;
        let question = |reply: RpcReplyPort<_>| Msg::Append(Event::Attempt(attempt), reply.into());
        self.slot.call(question, limits::ANSWER_TIMEOUT).await?.map_err(|NotWritten| Unavailable("audit"))
    }

    /// Records a refusal: by itself or, if there are too many, together with others. Returns the id that it is found
    /// under. If it cannot be written it is counted, even if the caller goes away.
    pub(crate) async fn refuse(&self, attempt: Attempt<'static>) -> Result<RecordId, Unavailable> {
        let obligation = Obligation::by(&self.part);
        let question = |port| Msg::Refuse(attempt, (obligation, Some(port)));
        self.slot.call(question, limits::ANSWER_TIMEOUT).await?.map_err(|NotWritten| Unavailable("audit"))
    }

    /// The same without waiting.
    pub(crate) fn refuse_detached(&self, attempt: Attempt<'static>) {
        let _ = self.slot.cast(Msg::Refuse(attempt, (Obligation::by(&self.part), None)));
    }

    /// Writes a record about a permitted request. It is counted if it cannot be written, even if the caller goes away.
    pub(crate) async fn append_or_count(&self, event: Event<'static>) -> Result<(), Unavailable> {
        self.permits.charge(bytes_max(&event), self.is_low());
        let obligation = Obligation::by(&self.part);
        let question = |reply| Msg::Append(event, Reply::Required(obligation, Some(reply)));
        self.slot.call(question, limits::ANSWER_TIMEOUT).await?.map_err(|NotWritten| Unavailable("audit"))
    }

    /// The same without waiting.
    pub(crate) fn append_detached(&self, event: Event<'static>) {
        self.permits.charge(bytes_max(&event), self.is_low());
        let _ = self.slot.cast(Msg::Append(event, Reply::Required(Obligation::by(&self.part), None)));
    }

    /// Counts a record that nobody will write.
    pub(crate) fn count_unrecorded(&self) {
        self.part.counters().unrecorded.add_one();
    }

    fn is_low(&self) -> bool {
        self.part.report().low_space
    }
}

/// A bound on the length of a record about a permitted request.
fn bytes_max(event: &Event<'_>) -> u32 {
    match event {
        Event::Attempt(attempt) => attempt_bytes_max(attempt),
        Event::Notice(notice) => bytes(240 + 2 * notice.reason.len()),
    }
}

fn attempt_bytes_max(attempt: &Attempt<'_>) -> u32 {
    let names: usize = attempt.secrets.iter().map(|name| name.len() + 3).sum();
    // An escape has at most three times the bytes of its character.
    bytes(320 + names + attempt.host.len() + 3 * attempt.path.len())
}

fn bytes(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
