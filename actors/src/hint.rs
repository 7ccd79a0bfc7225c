//! Steps that a person can take about an error, as data.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One step. Several are taken in order; alternatives stand in the words of one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Hint {
    /// A command of ours without the program's name, such as `ca rotate`. The one that shows it adds the folder,
    /// which only a command line knows.
    Run(Cow<'static, str>),
    /// In words, such as `chmod 600 it`; or a line for a shell.
    Do(Cow<'static, str>),
}

impl Hint {
    /// A command of ours.
    pub fn run(command: impl Into<Cow<'static, str>>) -> Self {
        Self::Run(command.into())
    }
}

impl From<&'static str> for Hint {
    fn from(step: &'static str) -> Self {
        Self::Do(step.into())
    }
}

impl From<String> for Hint {
    fn from(step: String) -> Self {
        Self::Do(step.into())
    }
}

/// An error that suggests steps. Its `Display` is the problem alone.
pub trait Advise: fmt::Display {
    /// What a person can do about it; empty if nothing is known.
    fn hints(&self) -> Vec<Hint>;
}

/// A problem and its hints, as they are sent over the status socket.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Advice {
    /// The problem.
    pub error: String,
    /// Steps that help.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<Hint>,
}

impl Advise for Advice {
    fn hints(&self) -> Vec<Hint> {
        self.hints.clone()
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error)
    }
}

impl Advice {
    /// A problem without a hint.
    pub(crate) fn none(error: impl fmt::Display) -> Self {
        Self { error: error.to_string(), hints: Vec::new() }
    }

    /// What an error says and suggests.
    pub(crate) fn of(error: &impl Advise) -> Self {
        Self { error: error.to_string(), hints: error.hints() }
    }
}
