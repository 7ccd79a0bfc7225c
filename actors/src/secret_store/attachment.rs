//! A source that is attached to a namespace: it is watched, and read when its shelf says so.

use std::sync::Arc;

use policy::name::Namespace;
use ractor::ActorRef;

use super::handle::Msg;
use super::reader::Reader;
use super::settings::{OnePasswordSettings, SourceSettings};
use super::shelf::ReadNumber;
use super::sources::{self, ErrorOutput, Glance, ReadError, Source, Watch};

pub(super) struct Attachment {
    namespace: Namespace,
    settings: SourceSettings,
    source: Box<dyn Source>,
    watch: Watch,
    /// The last read, which may have ended.
    reader: Option<Reader>,
}

impl Attachment {
    pub(super) fn new(
        namespace: Namespace,
        settings: SourceSettings,
        op: &OnePasswordSettings,
        store: ActorRef<Msg>,
    ) -> Self {
        let source = sources::of(&settings, op, ErrorOutput::Discarded);
        let changed = namespace.clone();
        let watch = source.watch(Arc::new(move || drop(store.cast(Msg::Changed(changed.clone())))));
        Self { namespace, settings, source, watch, reader: None }
    }

    pub(super) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    pub(super) fn settings(&self) -> &SourceSettings {
        &self.settings
    }

    /// How the source stands, seen without reading it.
    pub(super) fn look(&mut self) -> Result<Glance, ReadError> {
        self.watch.renew();
        self.source.glance()
    }

    pub(super) fn note_change(&mut self) {
        self.watch.note_change();
    }

    pub(super) fn start_read(&mut self, read: ReadNumber, store: &ActorRef<Msg>) {
        let (to, namespace) = (store.clone(), self.namespace.clone());
        let progressed = move |progress| drop(to.cast(Msg::Progressed(namespace.clone(), read, progress)));
        let (to, namespace) = (store.clone(), self.namespace.clone());
        let ended = move |outcome| drop(to.cast(Msg::Read(namespace, read, outcome)));
        self.reader = Some(Reader::start(self.source.as_ref(), progressed, ended));
    }

    pub(super) fn abort_read(&mut self) {
        self.reader = None;
    }
}
