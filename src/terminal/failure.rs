//! A failed command: its exit code, the problem in one line, and hints.

use std::fmt;
use std::process::ExitCode;

use actors::hint::{Advise, Hint};

use super::hints::Hints;

/// Why a command failed, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    problem: String,
    hints: Vec<Hint>,
    /// Completes the commands among the hints.
    commands: Hints,
    /// The variable that can hold the wrong setting.
    variable: Option<String>,
}

/// What the exit code says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// The thing asked about is not well, or the daemon cannot start: 1.
    NotWell,
    /// Bad usage or settings: 2, as clap has it.
    Usage,
}

impl Failure {
    pub(crate) fn not_well(problem: impl fmt::Display) -> Self {
        let problem = problem.to_string();
        Self { kind: Kind::NotWell, problem, hints: Vec::new(), commands: Hints::default(), variable: None }
    }

    pub(crate) fn usage(problem: impl fmt::Display) -> Self {
        Self { kind: Kind::Usage, ..Self::not_well(problem) }
    }

    /// The same with exit code 2: the error is about a setting.
    pub(crate) fn into_usage(self) -> Self {
        Self { kind: Kind::Usage, ..self }
    }

    /// The same with one more step to take.
    pub(crate) fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same; the commands among its hints are for this folder.
    pub(crate) fn within(self, commands: &Hints) -> Self {
        Self { commands: commands.clone(), ..self }
    }

    /// The same, about a setting that this variable can hold.
    pub(crate) fn of_variable(self, name: impl Into<String>) -> Self {
        Self { variable: Some(name.into()), ..self }
    }

    pub(crate) fn variable(&self) -> Option<&str> {
        self.variable.as_deref()
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self.kind {
            Kind::NotWell => ExitCode::from(1),
            Kind::Usage => ExitCode::from(2),
        }
    }
}

/// `not_well` with the error's own hints.
impl<E: Advise> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { hints: error.hints(), ..Self::not_well(error) }
    }
}

/// `problem: step, then step`.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)?;
        if self.hints.is_empty() { Ok(()) } else { write!(f, ": {}", self.commands.steps(&self.hints)) }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use actors::folder::Folder;

    use super::*;

    #[test]
    fn the_problem_comes_first_and_then_the_steps_for_the_folder() {
        let failure = || Failure::not_well("it is damaged").hint("remove it").hint(Hint::run("ca rotate"));
        assert_eq!(failure().to_string(), "it is damaged: remove it, then secret-proxy ca rotate");
        let commands = Hints::new(&Folder::at(Path::new("/nowhere")), false);
        let text = failure().within(&commands).to_string();
        assert_eq!(text, "it is damaged: remove it, then secret-proxy ca rotate --dir /nowhere");
        assert_eq!(Failure::usage("it is bad").to_string(), "it is bad");
    }
}
