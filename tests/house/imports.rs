//! Imports: no file stands in a circle of them, and the rooms of `actors` import downwards.
//!
//! An arrow leads from a file to the file that defines the imported name: a name that a module hands on by a `use`
//! of its own is followed to its origin. What a module says of its own children (`mod`, `pub use self::`) is no
//! arrow. Tests may import what they like.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::source::{CRATES, Import, files, imports};

/// The rooms of `actors`, the lowest first: each may import those before it.
const ROOMS: [&str; 20] = [
    "limits",
    "hex",
    "clock",
    "hint",
    "folder",
    "supervision",
    "wire",
    "trail",
    "tunnels",
    "audit",
    "authority",
    "upstream",
    "secret_store",
    "exchange",
    "session",
    "listener",
    "status",
    "settings",
    "boot",
    "lib",
];

/// A file takes names from another one.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Arrow {
    from: String,
    to: String,
    names: BTreeSet<String>,
}

impl std::fmt::Display for Arrow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.names.iter().map(String::as_str).collect();
        write!(f, "{} takes `{}` from {}", self.from, names.join("`, `"), self.to)
    }
}

/// The files of a crate by their module paths, and what each takes.
struct Modules(HashMap<Vec<String>, (String, Vec<Import>)>);

impl Modules {
    fn read(folder: &str) -> Self {
        let sources = files(folder);
        let has_library = sources.iter().any(|source| source.path == "lib.rs");
        let kept = sources.into_iter().filter(|source| !is_program(&source.path, has_library));
        Self(kept.map(|source| (module(&source.path), (source.path, imports(&source.code)))).collect())
    }

    fn arrows(&self) -> BTreeSet<Arrow> {
        let mut arrows = BTreeMap::<_, BTreeSet<_>>::new();
        for (module, (from, imports)) in &self.0 {
            for import in imports {
                let Some(to) = self.origin(module, &import.path, 0).filter(|to| to != from) else { continue };
                let handed_on =
                    import.is_public && self.inside(module, &import.path).is_some_and(|it| it > module.len());
                if !handed_on {
                    let name = import.path.last().cloned().unwrap_or_default();
                    arrows.entry((from.clone(), to)).or_default().insert(name);
                }
            }
        }
        arrows.into_iter().map(|((from, to), names)| Arrow { from, to, names }).collect()
    }

    /// The file that defines what a path in a module names; none outside the crate.
    fn origin(&self, module: &[String], path: &[String], depth: usize) -> Option<String> {
        let (found, item) = self.follow(module, path)?;
        let (file, imports) = self.0.get(&found)?;
        let through = imports.iter().find(|import| item.is_some() && import.name == item);
        match through.filter(|_| depth < 8) {
            Some(import) => self.origin(&found, &import.path, depth + 1),
            None => Some(file.clone()),
        }
    }

    /// How deep the module lies that a path leads to, if it is the given one or one below it.
    fn inside(&self, module: &[String], path: &[String]) -> Option<usize> {
        let (found, _) = self.follow(module, path)?;
        found.starts_with(module).then_some(found.len())
    }

    /// The module that a path leads to, and the name in it.
    fn follow(&self, module: &[String], path: &[String]) -> Option<(Vec<String>, Option<String>)> {
        let mut at = module.to_vec();
        let mut rest = path.iter().peekable();
        match rest.peek()?.as_str() {
            "crate" => at.clear(),
            "self" | "super" => {}
            first if self.0.contains_key(&[module, &[first.to_owned()]].concat()) => {}
            _ => return None,
        }
        while let Some(segment) = rest.next_if(|segment| ["crate", "self", "super"].contains(&segment.as_str())) {
            if segment == "super" {
                at.pop()?;
            }
        }
        while let Some(segment) =
            rest.next_if(|segment| self.0.contains_key(&[&at[..], &[(*segment).clone()]].concat()))
        {
            at.push(segment.clone());
        }
        Some((at, rest.next().cloned()))
    }
}

/// Whether a file is the root of a program beside the library of the same folder: nobody imports it.
fn is_program(path: &str, has_library: bool) -> bool {
    has_library && (path == "main.rs" || path.starts_with("bin/"))
}

/// The module path of a file.
fn module(path: &str) -> Vec<String> {
    let parts = path.trim_end_matches(".rs").split('/').map(str::to_owned);
    parts.filter(|part| part != "lib" && part != "main").collect()
}

/// The shortest way along arrows from one file to another.
fn way(arrows: &BTreeSet<Arrow>, from: &str, to: &str) -> Option<Vec<Arrow>> {
    let mut reached: BTreeMap<&str, Vec<Arrow>> = BTreeMap::from([(from, Vec::new())]);
    let mut next = VecDeque::from([from]);
    while let Some(file) = next.pop_front() {
        if file == to {
            return reached.remove(file);
        }
        for arrow in arrows.iter().filter(|arrow| arrow.from == file) {
            if !reached.contains_key(arrow.to.as_str()) {
                let way = [&reached[file][..], std::slice::from_ref(arrow)].concat();
                reached.insert(&arrow.to, way);
                next.push_back(&arrow.to);
            }
        }
    }
    None
}

/// The shortest circle through each arrow that lies in one, each once.
fn circles(arrows: &BTreeSet<Arrow>) -> BTreeSet<Vec<Arrow>> {
    let through = |arrow: &Arrow| {
        let mut circle = [vec![arrow.clone()], way(arrows, &arrow.to, &arrow.from)?].concat();
        // From its first file on, so that the same circle is found only once.
        let first = circle.iter().enumerate().min_by_key(|(_, arrow)| arrow.from.clone())?.0;
        circle.rotate_left(first);
        Some(circle)
    };
    arrows.iter().filter_map(through).collect()
}

fn shown(circle: &[Arrow]) -> String {
    circle.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[test]
fn no_file_stands_in_a_circle_of_imports() {
    let mut found = Vec::new();
    for folder in CRATES {
        let circles = circles(&Modules::read(folder).arrows());
        found.extend(circles.iter().map(|circle| format!("{folder}: {}", shown(circle))));
    }
    assert!(found.is_empty(), "{} circles of imports:\n{}", found.len(), found.join("\n"));
}

#[test]
fn rooms_of_actors_import_downwards() {
    let room = |path: &str| path.split(['/', '.']).next().unwrap_or_default().to_owned();
    let rank = |path: &str| ROOMS.iter().position(|name| *name == room(path));
    let arrows = Modules::read("actors/src").arrows();
    let is_down = |arrow: &&Arrow| {
        let is_lower = rank(&arrow.from).zip(rank(&arrow.to)).is_some_and(|(from, to)| to < from);
        is_lower || room(&arrow.from) == room(&arrow.to)
    };
    let found: Vec<_> = arrows.iter().filter(|arrow| !is_down(arrow)).map(ToString::to_string).collect();
    assert!(
        found.is_empty(),
        "{} imports that lead up, or have no place in the list:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn arrows_lead_to_where_a_name_is_defined() {
    let file = |path: &str, code: &str| (module(path), (path.to_owned(), imports(code)));
    let parent = "pub(crate) use self::a::A;\nuse std::fmt;\nmod a;\n";
    let modules = [file("lib.rs", "mod b;"), file("b.rs", parent), file("b/a.rs", "use super::P;\nuse super::fmt;")];
    let other = file("c.rs", "use crate::b::{A, P};\n");
    let arrows = Modules(modules.into_iter().chain([other]).collect()).arrows();
    let found: Vec<_> = arrows.iter().map(ToString::to_string).collect();
    let all = ["b/a.rs takes `P` from b.rs", "c.rs takes `P` from b.rs", "c.rs takes `A` from b/a.rs"];
    assert_eq!(found, all);
}

#[test]
fn a_circle_is_shown_once_with_the_names_that_tie_it() {
    let arrow = |from: &str, to: &str, name: &str| Arrow {
        from: from.into(),
        to: to.into(),
        names: BTreeSet::from([name.to_owned()]),
    };
    let arrows = BTreeSet::from([arrow("b", "a", "B"), arrow("a", "b", "A"), arrow("c", "a", "C")]);
    let found: Vec<_> = circles(&arrows).iter().map(|circle| shown(circle)).collect();
    assert_eq!(found, ["a takes `A` from b; b takes `B` from a"]);
}
