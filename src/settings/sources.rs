//! The sources of settings: flag, else environment, else `settings.env`, else default.

use std::collections::HashMap;
use std::path::PathBuf;

use actors::folder::Folder;

use super::declared::ALL;
use super::file;
use super::given::Given;
use super::setting::{About, Setting, Values};
use super::values::Base;
use crate::terminal::failure::Failure;

/// All sources of the settings of one folder.
pub(super) struct Sources<'a> {
    given: &'a Given,
    path: PathBuf,
    /// The lines of `settings.env`, by variable.
    lines: HashMap<String, String>,
}

impl<'a> Sources<'a> {
    pub(super) fn read(given: &'a Given, folder: &Folder) -> Result<Self, Failure> {
        let path = folder.path().join("settings.env");
        let bad = |problem: String| Failure::usage(format!("{}: {problem}", path.display()));
        let lines = file::lines(&path).map_err(bad)?;
        let is_known = |name: &str| ALL.iter().any(|about| about.variable() == name);
        if let Some((name, _)) = lines.iter().find(|(name, _)| !is_known(name)) {
            return Err(bad(format!("{name} is not a setting (see secret-proxy run --help)")));
        }
        Ok(Self { given, lines: lines.into_iter().collect(), path })
    }

    pub(super) fn against(&'a self, base: Base<'a>) -> Parsed<'a> {
        Parsed { sources: self, base }
    }

    /// The text of a setting and its place. An empty text counts as not given.
    fn find(&self, about: &About) -> (&str, Place<'_>) {
        let filled = |text: &&str| !text.is_empty();
        let given = self.given.get(about.name).filter(filled).map(|text| (text, Place::CommandLine));
        let in_file = || self.lines.get(&about.variable()).map(String::as_str).filter(filled);
        let found = given.or_else(|| in_file().map(|text| (text, Place::File(&self.path))));
        found.unwrap_or((about.default.text(), Place::CommandLine))
    }
}

/// The values of the settings.
pub(super) struct Parsed<'a> {
    sources: &'a Sources<'a>,
    base: Base<'a>,
}

impl Values for Parsed<'_> {
    fn get<T>(&self, setting: &Setting<T>) -> Result<T, Failure> {
        let about = &setting.about;
        let (text, place) = self.sources.find(about);
        (setting.parse)(text, &self.base).map_err(|error| {
            let failure = Failure::usage(format!("{}: {error}", place.of(about)));
            match place {
                Place::CommandLine => failure.of_variable(about.variable()),
                Place::File(_) => failure,
            }
        })
    }
}

/// Where a setting was given, for errors.
enum Place<'a> {
    /// A flag or a variable.
    CommandLine,
    File(&'a std::path::Path),
}

impl Place<'_> {
    fn of(&self, about: &About) -> String {
        match self {
            Self::CommandLine => format!("--{} (or {})", about.name, about.variable()),
            Self::File(path) => format!("{} in {}", about.variable(), path.display()),
        }
    }
}
