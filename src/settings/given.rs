//! Settings given by flags and environment variables.

use std::collections::HashMap;
use std::env;

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};

use super::declared::ALL;
use super::setting::{About, Kind};

/// The texts of the settings that were given, by name. clap gives the flag precedence over the variable.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given(HashMap<&'static str, String>);

impl Given {
    /// For commands that do not have the flags of `run`.
    pub(crate) fn by_environment() -> Self {
        let found = |about: &&About| Some((about.name, env::var_os(about.variable())?.to_string_lossy().into_owned()));
        Self(ALL.iter().filter_map(found).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl Args for Given {
    fn augment_args(command: Command) -> Command {
        command.args(ALL.iter().map(|about| argument(about)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Given {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let found = |about: &&About| Some((about.name, matches.get_one::<String>(about.name)?.clone()));
        Ok(Self(ALL.iter().filter_map(found).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn argument(about: &About) -> Arg {
    let argument = Arg::new(about.name).long(about.name).env(about.variable()).hide_env_values(true);
    let argument = argument.value_name(about.value).help(about.help_with_default());
    let argument = argument.help_heading(about.owner.heading());
    match about.kind {
        Kind::Boolean => argument.num_args(0..=1).default_missing_value("true"),
        // A negative number is an error that names the setting, not an unknown flag.
        Kind::Duration | Kind::Size | Kind::Number(_) | Kind::NumberOr(_) => argument.allow_hyphen_values(true),
        Kind::Choice(_) | Kind::List(_) | Kind::File | Kind::Text => argument,
    }
}
