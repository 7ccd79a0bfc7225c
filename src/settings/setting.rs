//! The form of a setting's declaration.

use super::values::Base;
use crate::terminal::failure::Failure;

/// A setting whose value is a `T`.
pub(crate) struct Setting<T: 'static> {
    pub(super) about: About,
    /// Reads the value, or says what is wrong with the text.
    pub(super) parse: fn(&str, &Base<'_>) -> Result<T, String>,
}

/// What gives each setting its value.
pub(super) trait Values {
    fn get<T>(&self, setting: &Setting<T>) -> Result<T, Failure>;
}

/// Everything about a setting that does not depend on the type of its value.
#[derive(Debug)]
pub(super) struct About {
    /// The flag without its hyphens.
    pub(super) name: &'static str,
    /// What the help calls the value.
    pub(super) value: &'static str,
    pub(super) kind: Kind,
    pub(super) default: Default,
    pub(super) help: &'static str,
    pub(super) owner: Owner,
}

impl About {
    /// The name in the environment and in `settings.env`.
    pub(super) fn variable(&self) -> String {
        format!("SECRET_PROXY_{}", self.name.replace('-', "_").to_uppercase())
    }

    /// The help with the default.
    pub(super) fn help_with_default(&self) -> String {
        match self.default.shown() {
            Some(default) => format!("{} [default: {default}]", self.help),
            None => self.help.to_owned(),
        }
    }
}

/// The form of a value, which decides how its flag is parsed and which type its Nix option has.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "a test writes the files for Nix and the documentation"))]
pub(super) enum Kind {
    /// The flag alone means true.
    Boolean,
    Duration,
    /// A number of bytes, with a unit or without.
    Size,
    /// From 1 to this.
    Number(usize),
    /// A number from 1 on, or this word.
    NumberOr(&'static str),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Entries separated by commas, with an example of one.
    List(&'static str),
    /// A file that holds nothing secret.
    File,
    Text,
}

/// The value of a setting that is not given.
#[derive(Clone, Copy, Debug)]
pub(super) enum Default {
    /// Written like any other value.
    Text(&'static str),
    /// Chosen by the parser, which is given an empty text; the help describes it in these words.
    Described(&'static str),
    /// None: the parser is given an empty text.
    Nothing,
}

impl Default {
    /// What the parser is given.
    pub(super) const fn text(self) -> &'static str {
        if let Self::Text(text) = self { text } else { "" }
    }

    /// What a reader is shown.
    pub(super) const fn shown(self) -> Option<&'static str> {
        match self {
            Self::Text(text) | Self::Described(text) => Some(text),
            Self::Nothing => None,
        }
    }
}

/// The part of the daemon that a setting belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Owner {
    Listener,
    SecretStore,
    Upstream,
    Session,
    Audit,
    Process,
}

impl Owner {
    /// Its heading in the help and in the documentation.
    pub(super) const fn heading(self) -> &'static str {
        match self {
            Self::Listener => "Listener",
            Self::SecretStore => "Secret store",
            Self::Upstream => "Upstream connections",
            Self::Session => "Sessions",
            Self::Audit => "Audit",
            Self::Process => "Process",
        }
    }
}
