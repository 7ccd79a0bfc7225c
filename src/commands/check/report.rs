//! The output of `check`, for people and as JSON.

use std::path::Path;

use actors::MountKind;
use actors::hint::Hint;
use policy::name::Name;
use policy::secrets::lint::{Hosts, Lint, Problem, Severity};
use policy::secrets::table::Secret;
use serde_json::{Value, json};

use crate::secrets_file::SecretsFileError;
use crate::settings::joined;
use crate::terminal::hints::Hints;

/// Everything that is printed.
pub(super) struct Report {
    file: String,
    kind: Option<MountKind>,
    secrets: Vec<Row>,
    told: Vec<Told>,
}

/// A secret.
struct Row {
    name: String,
    line: usize,
    usable: bool,
    hosts: Hosts,
}

/// A problem, of a line or of the file as a whole.
struct Told {
    line: Option<usize>,
    severity: Severity,
    name: Option<String>,
    problem: String,
    fix: Hint,
}

impl Report {
    /// About a file that was read.
    pub(super) fn of(file: &Path, kind: Option<MountKind>, lint: &Lint) -> Self {
        let secrets = lint.secrets().into_iter().map(|(name, secret)| Row::of(lint, name, secret)).collect();
        let mut told: Vec<Told> = lint.problems().iter().map(Told::of).collect();
        if lint.secrets().is_empty() && told.is_empty() {
            told.push(Told::whole(
                Severity::Warning,
                "there is no secret in it",
                "write NAME=value and NAME_HOSTS=host",
            ));
        }
        if kind == Some(MountKind::File) {
            told.push(Told::whole(Severity::Note, "plain text on disk", "mount the file by 1Password if you can"));
        }
        Self { file: file.display().to_string(), kind, secrets, told }
    }

    /// About a file that was not read.
    pub(super) fn unreadable(file: &Path, kind: Option<MountKind>, why: &SecretsFileError) -> Self {
        let told = vec![Told::whole(Severity::Error, &why.problem, why.fix.clone())];
        Self { file: file.display().to_string(), kind, secrets: Vec::new(), told }
    }

    pub(super) fn is_well(&self) -> bool {
        self.count(Severity::Error) == 0
    }

    pub(super) fn print(&self) {
        for Row { name, usable, hosts, .. } in &self.secrets {
            out!("  {:8} {name}  {}", if *usable { "ok" } else { "unusable" }, in_words(hosts));
        }
        for told in &self.told {
            let Told { line, severity, name, problem, .. } = told;
            let line = line.map_or_else(String::new, |line| format!(":{line}"));
            let name = name.as_ref().map_or_else(String::new, |name| format!("{name}: "));
            out!("{}{line}: {}: {name}{problem}; {}", self.file, severity.as_str(), told.fix());
        }
        let usable = self.secrets.iter().filter(|row| row.usable).count();
        let [errors, warnings, notes] = [Severity::Error, Severity::Warning, Severity::Note].map(|it| self.count(it));
        let counts = [(errors, "error"), (warnings, "warning"), (notes, "note")];
        let counts = joined(counts.map(|(count, what)| counted(count, what)));
        out!("{}: {}, {usable} usable; {counts}", self.file, counted(self.secrets.len(), "secret"));
    }

    /// Fields are added and never renamed.
    pub(super) fn print_json(&self) {
        let secrets: Vec<Value> = self.secrets.iter().map(Row::json).collect();
        let problems: Vec<Value> = self.told.iter().map(Told::json).collect();
        out!(
            "{}",
            json!({ "file": self.file, "kind": self.kind.map(MountKind::as_str), "secrets": secrets, "problems": problems })
        );
    }

    fn count(&self, severity: Severity) -> usize {
        self.told.iter().filter(|told| told.severity == severity).count()
    }
}

impl Row {
    fn of(lint: &Lint, name: &Name, secret: &Secret) -> Self {
        Self { name: name.to_string(), line: secret.line, usable: secret.is_usable(), hosts: lint.hosts(name) }
    }

    fn json(&self) -> Value {
        let Self { name, line, usable, hosts } = self;
        let hosts = if let Hosts::Shown(hosts) = hosts { hosts.as_slice() } else { &[] };
        json!({ "name": name, "line": line, "usable": usable, "hosts": hosts })
    }
}

impl Told {
    fn of(problem: &Problem) -> Self {
        Self {
            line: Some(problem.line),
            severity: problem.kind.severity(),
            name: problem.name.as_ref().map(ToString::to_string),
            problem: problem.kind.to_string(),
            fix: Hint::Do(problem.fix()),
        }
    }

    fn whole(severity: Severity, problem: &str, fix: impl Into<Hint>) -> Self {
        Self { line: None, severity, name: None, problem: problem.to_owned(), fix: fix.into() }
    }

    /// In words; none is a command that depends on the folder.
    fn fix(&self) -> String {
        Hints::default().step(&self.fix).into_owned()
    }

    fn json(&self) -> Value {
        let Self { line, severity, name, problem, .. } = self;
        json!({ "line": line, "severity": severity.as_str(), "name": name, "problem": problem, "fix": self.fix() })
    }
}

fn in_words(hosts: &Hosts) -> String {
    match hosts {
        Hosts::Shown(hosts) => joined(hosts),
        Hosts::Missing => "(no hosts)".to_owned(),
        Hosts::Unreadable => "(hosts cannot be read)".to_owned(),
        Hosts::Hidden => "(hosts not shown: they could be the value)".to_owned(),
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
