//! All shelves together: which of them a question needs, and its answer once they have it.
//!
//! A pure machine like each [`shelf`]. A question waits for all its namespaces together. It is answered
//! by all their tables in one pass, so that neither the answer nor its time tells them apart. A namespace that does
//! not exist waits for the default one: so a client sees no difference between a name and a namespace that is missing.

mod event;
mod question;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use policy::destination::allowlist::Allowlist;
use policy::name::Namespace;
use policy::verdict::refusal::Refusal;
use policy::verdict::tables::Tables;

pub(super) use self::event::{Event, Step};
pub(super) use self::question::{Answer, Question};
use super::moment::Moment;
use super::report::Report;
use super::shelf::{self, QuestionId, Settings, Shelf, Want};
use super::vault::Vault;

/// One shelf for each namespace; the default one is always there.
pub(super) struct Shelves {
    settings: Settings,
    by_namespace: BTreeMap<Namespace, Shelf>,
    /// Where the secrets of each namespace may go, by its last confirmed read.
    listed: BTreeMap<Namespace, Arc<Allowlist>>,
    waiting: HashMap<QuestionId, Waiting>,
    is_draining: bool,
    steps: Vec<Step>,
}

/// A question that some shelf has not what it needs for.
struct Waiting {
    question: Question,
    since: Instant,
    /// The shelves that have not answered yet.
    awaited: BTreeSet<Namespace>,
}

impl Shelves {
    /// The shelf of the default namespace.
    pub(super) fn new(report: Report, settings: Settings) -> Self {
        Self {
            settings,
            by_namespace: BTreeMap::from([(Namespace::DEFAULT, Shelf::new(report, settings))]),
            listed: BTreeMap::new(),
            waiting: HashMap::new(),
            is_draining: false,
            steps: Vec::new(),
        }
    }

    /// The namespaces that there are.
    pub(super) fn namespaces(&self) -> impl Iterator<Item = &Namespace> {
        self.by_namespace.keys()
    }

    /// Takes an event in.
    pub(super) fn on(&mut self, event: Event, now: Moment) -> Vec<Step> {
        match event {
            Event::Abandoned(ids) => self.abandoned(&ids, now),
            Event::Appeared(namespace, report) => self.appeared(&namespace, report, now),
            Event::Asked(id, question) => self.asked(id, question, now),
            Event::At(namespace, event) => self.give(&namespace, event, now),
            Event::Draining => self.draining(now),
            Event::Gone(namespace) => self.gone(&namespace, now),
            Event::ReloadAsked(id) => self.reload_asked(id, now),
            Event::Stopping => self.give_to_all(now, || shelf::Event::Stopping),
        }
        std::mem::take(&mut self.steps)
    }

    /// Answers what the last reads can answer, which changes nothing here.
    pub(super) fn answer(&self, question: Question, now: Moment) -> ControlFlow<Answer, Question> {
        let want = question.want();
        self.answer_by(question, |vault| want.is_met_by(vault, now))
    }

    /// Answers by the reads that may be used. Continues with the question if a shelf has none.
    fn answer_by(&self, question: Question, may_use: impl Fn(&Vault) -> bool) -> ControlFlow<Answer, Question> {
        let needed = self.needed(&question);
        let in_force = needed.iter().map(|(namespace, shelf)| {
            shelf.vault().filter(|vault| may_use(vault)).map(|vault| vault.in_force(namespace))
        });
        match in_force.collect::<Option<Vec<_>>>().and_then(Tables::new) {
            Some(tables) => question.answer(&tables),
            None => ControlFlow::Continue(question),
        }
    }

    /// The shelves of a question's namespaces.
    fn needed(&self, question: &Question) -> Vec<(&Namespace, &Shelf)> {
        let mut needed = Vec::new();
        for word in question.namespaces() {
            let known = self.by_namespace.iter().find(|(namespace, _)| namespace.is(word));
            let known = known.or_else(|| self.by_namespace.first_key_value());
            needed.extend(known.filter(|(namespace, _)| needed.iter().all(|(other, _)| other != namespace)));
        }
        needed
    }

    fn asked(&mut self, id: QuestionId, question: Question, now: Moment) {
        match self.answer(question, now) {
            ControlFlow::Break(answer) => self.steps.push(Step::Answer(id, answer)),
            ControlFlow::Continue(question) => self.wait(id, question, now.monotonic, now),
        }
    }

    /// Waits for the shelves that have not what the question needs.
    fn wait(&mut self, id: QuestionId, question: Question, since: Instant, now: Moment) {
        let wants = self.wants(&question, now);
        let awaited = wants.iter().map(|(namespace, _)| namespace.clone()).collect();
        self.waiting.insert(id, Waiting { question, since, awaited });
        for (namespace, want) in wants {
            // A refusal of one of them ends it for all.
            if self.waiting.contains_key(&id) {
                self.give(&namespace, shelf::Event::Asked(id, want, since), now);
            }
        }
    }

    /// What the question needs of whom. If all have a read, the unconfirmed ones stand in its way.
    fn wants(&self, question: &Question, now: Moment) -> Vec<(Namespace, Want)> {
        let needed = self.needed(question);
        let lacking = |want: Want| {
            let lacks = needed.iter().filter(|(_, shelf)| !shelf.vault().is_some_and(|it| want.is_met_by(it, now)));
            lacks.map(|(namespace, _)| ((*namespace).clone(), want)).collect::<Vec<_>>()
        };
        let wants = lacking(question.want());
        if wants.is_empty() { lacking(Want::Confirmed) } else { wants }
    }

    fn abandoned(&mut self, ids: &HashSet<QuestionId>, now: Moment) {
        self.waiting.retain(|id, _| !ids.contains(id));
        self.give_to_all(now, || shelf::Event::Abandoned(ids.clone()));
    }

    fn appeared(&mut self, namespace: &Namespace, report: Report, now: Moment) {
        self.steps.push(Step::Publish(namespace.clone(), report.clone()));
        self.by_namespace.insert(namespace.clone(), Shelf::new(report, self.settings));
        self.list_hosts();
        if self.is_draining {
            self.give(namespace, shelf::Event::Draining, now);
        }
    }

    fn draining(&mut self, now: Moment) {
        self.is_draining = true;
        self.give_to_all(now, || shelf::Event::Draining);
    }

    fn gone(&mut self, namespace: &Namespace, now: Moment) {
        self.give(namespace, shelf::Event::Gone, now);
        // A report would bring the namespace back into the status.
        self.steps.retain(|step| !matches!(step, Step::Publish(of, _) if of == namespace));
        self.by_namespace.remove(namespace);
        self.listed.remove(namespace);
        self.list_hosts();
    }

    fn reload_asked(&mut self, id: Option<QuestionId>, now: Moment) {
        if let Some(id) = id {
            let awaited = self.namespaces().cloned().collect();
            self.waiting.insert(id, Waiting { question: Question::Reload, since: now.monotonic, awaited });
        }
        self.give_to_all(now, || shelf::Event::ReloadAsked(id));
    }

    fn give_to_all(&mut self, now: Moment, event: impl Fn() -> shelf::Event) {
        let namespaces: Vec<_> = self.namespaces().cloned().collect();
        namespaces.iter().for_each(|namespace| self.give(namespace, event(), now));
    }

    /// Has one shelf take an event in. A shelf that is gone has no part in what comes late.
    fn give(&mut self, namespace: &Namespace, event: shelf::Event, now: Moment) {
        let Some(receiver) = self.by_namespace.get_mut(namespace) else { return };
        for step in receiver.on(event, now) {
            self.take(namespace, step, now);
        }
    }

    fn take(&mut self, namespace: &Namespace, step: shelf::Step, now: Moment) {
        let of = || namespace.clone();
        let step = match step {
            shelf::Step::Grant(id) => return self.granted(id, namespace, now),
            shelf::Step::Refuse(id, refusal) => return self.refused(id, namespace, refusal, now),
            shelf::Step::ListHosts(hosts) => {
                self.listed.insert(of(), hosts);
                return self.list_hosts();
            }
            shelf::Step::AbortRead => Step::AbortRead(of()),
            shelf::Step::ForgetSecrets => Step::ForgetSecrets,
            shelf::Step::LookAfter(pause) => Step::LookAfter(of(), pause),
            shelf::Step::Notify => Step::Notify,
            shelf::Step::Publish(report) => Step::Publish(of(), report),
            shelf::Step::StartRead(read) => Step::StartRead(of(), read),
            shelf::Step::TickAfter(pause) => Step::TickAfter(of(), pause),
        };
        self.steps.push(step);
    }

    /// One shelf has what the question needs. Another one may meanwhile have lost it.
    fn granted(&mut self, id: QuestionId, namespace: &Namespace, now: Moment) {
        let Some(waiting) = self.waiting.get_mut(&id) else { return };
        waiting.awaited.remove(namespace);
        if !waiting.awaited.is_empty() {
            return;
        }
        let Some(Waiting { question, since, .. }) = self.waiting.remove(&id) else { return };
        if matches!(question, Question::Reload) {
            return self.steps.push(Step::Answer(id, Answer::Reload));
        }
        // These reads were made for it: with a time to live of zero they are fresh for it alone.
        match self.answer_by(question, |vault| vault.is_held(now)) {
            ControlFlow::Break(answer) => self.steps.push(Step::Answer(id, answer)),
            ControlFlow::Continue(question) => self.wait(id, question, since, now),
        }
    }

    fn refused(&mut self, id: QuestionId, namespace: &Namespace, refusal: Refusal, now: Moment) {
        if matches!(self.waiting.get(&id), Some(Waiting { question: Question::Reload, .. })) {
            return self.granted(id, namespace, now);
        }
        let Some(Waiting { question, awaited, .. }) = self.waiting.remove(&id) else { return };
        self.steps.push(Step::Answer(id, question.refuse(refusal.in_namespace(namespace))));
        for other in awaited.iter().filter(|other| *other != namespace) {
            self.give(other, shelf::Event::Abandoned(HashSet::from([id])), now);
        }
    }

    /// Publishes the lists of all namespaces together; none before each has been read.
    fn list_hosts(&mut self) {
        let all_read = self.listed.len() == self.by_namespace.len();
        let all = all_read.then(|| match self.listed.first_key_value() {
            Some((_, only)) if self.listed.len() == 1 => only.clone(),
            _ => Arc::new(union(self.listed.values())),
        });
        self.steps.push(Step::ListHosts(all));
    }
}

fn union<'a>(lists: impl Iterator<Item = &'a Arc<Allowlist>>) -> Allowlist {
    let mut union = Allowlist::default();
    lists.for_each(|list| union.extend(list));
    union
}

#[cfg(test)]
mod tests;
