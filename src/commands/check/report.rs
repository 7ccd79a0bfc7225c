//! The output of `check`, for people and as JSON.

use actors::MountKind;
use actors::hint::Hint;
use policy::name::{Name, Namespace};
use policy::secrets::lint::{Hosts, Lint, Problem, Severity};
use policy::secrets::table::Secret;
use serde_json::{Map, Value, json};

use crate::secrets_file::SecretsFileError;
use crate::settings::joined;
use crate::terminal::hints::Hints;
use crate::terminal::output;

/// What is checked.
pub(super) struct About {
    pub(super) namespace: Namespace,
    pub(super) source: String,
    /// In the words of `status`; `None` if nothing usable is there.
    pub(super) kind: Option<&'static str>,
}

/// Everything that is printed of one namespace.
pub(super) struct Report {
    about: About,
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
    pub(super) fn of(about: About, lint: &Lint) -> Self {
        let secrets = lint.secrets().into_iter().map(|(name, secret)| Row::of(lint, name, secret)).collect();
        let mut told: Vec<Told> = lint.problems().iter().map(Told::of).collect();
        if lint.secrets().is_empty() && told.is_empty() {
            told.push(Told::whole(
                Severity::Warning,
                "there is no secret in it",
                "write NAME=value and NAME_HOSTS=host",
            ));
        }
        if about.kind == Some(MountKind::File.as_str()) {
            told.push(Told::whole(Severity::Note, "plain text on disk", "mount the file by 1Password if you can"));
        }
        Self { about, secrets, told }
    }

    /// About a file that was not read.
    pub(super) fn unreadable(about: About, why: &SecretsFileError) -> Self {
        let told = vec![Told::whole(Severity::Error, &why.problem, why.fix.clone())];
        Self { about, secrets: Vec::new(), told }
    }

    pub(super) fn is_well(&self) -> bool {
        self.count(Severity::Error) == 0
    }

    pub(super) fn print(&self) {
        let About { namespace, source, .. } = &self.about;
        if !namespace.is_default() {
            out!("namespace {namespace}");
        }
        for Row { name, usable, hosts, .. } in &self.secrets {
            out!("  {:8} {name}  {}", if *usable { "ok" } else { "unusable" }, in_words(hosts));
        }
        for told in &self.told {
            let Told { line, severity, name, problem, .. } = told;
            let line = line.map_or_else(String::new, |line| format!(":{line}"));
            let name = name.as_ref().map_or_else(String::new, |name| format!("{name}: "));
            out!("{source}{line}: {}: {name}{problem}; {}", severity.as_str(), told.fix());
        }
        let usable = self.secrets.iter().filter(|row| row.usable).count();
        let [errors, warnings, notes] = [Severity::Error, Severity::Warning, Severity::Note].map(|it| self.count(it));
        let counts = [(errors, "error"), (warnings, "warning"), (notes, "note")];
        let counts = joined(counts.map(|(count, what)| counted(count, what)));
        out!("{source}: {}, {usable} usable; {counts}", counted(self.secrets.len(), "secret"));
    }

    fn json(&self) -> Map<String, Value> {
        let About { namespace, source, kind } = &self.about;
        let secrets: Vec<Value> = self.secrets.iter().map(Row::json).collect();
        let problems: Vec<Value> = self.told.iter().map(Told::json).collect();
        let namespace = namespace.as_str();
        let fields = [
            ("namespace", json!(namespace)),
            ("file", json!(source)),
            ("kind", json!(kind)),
            ("secrets", json!(secrets)),
            ("problems", json!(problems)),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn count(&self, severity: Severity) -> usize {
        self.told.iter().filter(|told| told.severity == severity).count()
    }
}

/// One object: the first namespace, with the others in a field of it. Fields are added and never renamed.
pub(super) fn print_json(reports: &[Report]) {
    let [first, others @ ..] = reports else { return };
    let mut object = first.json();
    object.insert("namespaces".to_owned(), others.iter().map(Report::json).collect::<Vec<_>>().into());
    output::json(&Value::Object(object));
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
