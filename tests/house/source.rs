//! Rust source as text: files by module path, their code, and their imports.
//!
//! It reads what rustfmt lays out, and no more: items begin a line, and an item's last line has its indentation.

use std::fs;
use std::path::{Path, PathBuf};

/// The crates of the workspace, by the folders of their source.
pub(super) const CRATES: [&str; 4] = ["policy/src", "actors/src", "src", "bench/src"];

/// One file of production code.
pub(super) struct Source {
    /// Relative to the folder of the crate's source.
    pub(super) path: String,
    /// The whole text.
    pub(super) text: String,
    /// The text without comments, literals and tests; lines stay where they are.
    pub(super) code: String,
}

/// A `use` declaration, one name of it; or a path in the code.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Import {
    pub(super) path: Vec<String>,
    /// The name that it has here; none for a path in the code, a glob and `_`.
    pub(super) name: Option<String>,
    pub(super) is_public: bool,
}

/// The production code of a crate, in the order of its paths.
pub(super) fn files(folder: &str) -> Vec<Source> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths = Vec::new();
    walk(&folder, &mut paths);
    paths.sort();
    let sources = paths.iter().map(|path| {
        let text = fs::read_to_string(path).expect("text");
        let relative = path.strip_prefix(&folder).expect("below it").to_str().expect("text");
        Source { path: relative.to_owned(), code: without_tests(&bare(&text)), text }
    });
    sources.filter(|source| !is_test(&source.path)).collect()
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn is_test(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs")
}

/// Blanks comments, strings and characters.
fn bare(text: &str) -> String {
    let (mut code, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(first) = rest.chars().next() {
        let length = not_code(rest, code.chars().next_back());
        let taken = if length == 0 { first.len_utf8() } else { length };
        let (piece, after) = rest.split_at(taken);
        let blank = |it: char| if it == '\n' { '\n' } else { ' ' };
        code.extend(piece.chars().map(|it| if length == 0 { it } else { blank(it) }));
        rest = after;
    }
    code
}

/// How many bytes at the beginning of `text` are a comment or a literal.
fn not_code(text: &str, before: Option<char>) -> usize {
    let to = |mark: &str, from: usize| text[from..].find(mark).map_or(text.len(), |at| from + at + mark.len());
    let in_word = before.is_some_and(|it| it.is_alphanumeric() || it == '_');
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return to("*/", 2);
    }
    if let Some(quoted) = text.strip_prefix('"') {
        return 1 + escaped(quoted, '"');
    }
    let raw =
        text.strip_prefix('r').filter(|_| !in_word || before == Some('b')).map(|rest| rest.trim_start_matches('#'));
    if let Some(rest) = raw.filter(|rest| rest.starts_with('"')) {
        let hashes = text.len() - 1 - rest.len();
        return to(&format!("\"{}", "#".repeat(hashes)), 2 + hashes);
    }
    let mut quoted = text.strip_prefix('\'').into_iter().flat_map(str::chars);
    match (quoted.next(), quoted.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => 1 + escaped(&text[1..], '\''),
        _ => 0,
    }
}

/// The length up to and with an end that no backslash precedes.
fn escaped(text: &str, end: char) -> usize {
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            _ if letter == end => return at + letter.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// Blanks the items that only tests have.
fn without_tests(code: &str) -> String {
    let (mut kept, mut lines) = (String::new(), code.lines());
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            kept.push('\n');
            for line in lines.by_ref().map(|inside| (inside, is_end(inside, indentation(line)))) {
                kept.push('\n');
                if line.1 {
                    break;
                }
            }
        } else {
            kept += line;
            kept.push('\n');
        }
    }
    kept
}

/// Whether an item with this indentation ends with this line.
pub(super) fn is_end(line: &str, indent: usize) -> bool {
    indentation(line) == indent && line.trim_end().ends_with(['}', ';'])
}

pub(super) fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// What a file takes from elsewhere: its `use` declarations, and the paths in its code that begin in its crate.
pub(super) fn imports(code: &str) -> Vec<Import> {
    let (mut imports, mut rest) = (Vec::new(), String::new());
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let words = line.trim_start();
        let visible = words.split_once("use ").filter(|(before, _)| before.is_empty() || before.starts_with("pub"));
        let Some((before, tree)) = visible.filter(|(before, _)| before.is_empty() || before.ends_with(' ')) else {
            rest += line;
            rest.push('\n');
            continue;
        };
        let mut tree = tree.to_owned();
        while !tree.contains(';') {
            tree += lines.next().expect("a declaration has an end");
        }
        expand(&[], tree.trim_end_matches([';', ' ']), !before.is_empty(), &mut imports);
    }
    imports.extend(paths(&rest));
    imports
}

/// Takes a tree of a `use` declaration apart.
fn expand(before: &[String], tree: &str, is_public: bool, imports: &mut Vec<Import>) {
    let tree = tree.trim();
    if let Some((head, inner)) = tree.split_once('{') {
        let before = [before, &segments(head)].concat();
        let inner = inner.trim_end().strip_suffix('}').expect("a brace is closed");
        branches(inner).iter().for_each(|branch| expand(&before, branch, is_public, imports));
        return;
    }
    let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias.trim())));
    let mut path = [before, &segments(path)].concat();
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let name = alias.map(str::to_owned).or_else(|| path.last().cloned()).filter(|name| name != "*" && name != "_");
    imports.push(Import { path, name, is_public });
}

fn segments(path: &str) -> Vec<String> {
    path.split("::").map(|segment| segment.trim().to_owned()).filter(|segment| !segment.is_empty()).collect()
}

/// The parts between commas that stand in no braces.
fn branches(inner: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for letter in inner.chars() {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        if letter == ',' && depth == 0 {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(letter);
        }
    }
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// The paths in code that begin with `crate`, `super` or `self`.
fn paths(code: &str) -> Vec<Import> {
    let is_word = |it: char| it.is_alphanumeric() || it == '_' || it == ':';
    let words = code.split(|it| !is_word(it)).filter(|word| {
        let first = word.split("::").next().unwrap_or_default();
        ["crate", "super", "self"].contains(&first) && word.contains("::")
    });
    words.map(|word| Import { path: segments(word), name: None, is_public: false }).collect()
}

#[test]
fn literals_comments_and_tests_are_no_code() {
    let text = "a(\"use x;\", 'u', b'\\'', r#\"crate::y\"#); // super::z\n#[cfg(test)]\nmod tests {\n    x;\n}\nfn f<'a>() {}\n";
    let code = without_tests(&bare(text));
    assert!(code.starts_with("a(") && code.ends_with("fn f<'a>() {}\n"), "{code}");
    assert!(!["use", "crate", "super", "x;"].iter().any(|word| code.contains(word)), "{code}");
    assert_eq!(code.lines().count(), text.lines().count());
}

#[test]
fn imports_are_taken_apart() {
    let code = "pub(crate) use self::a::{B, c::{self, D as E}};\nfn f() { super::g::h(); crate::i::<J>() }\n";
    let found: Vec<_> = imports(code).iter().map(|it| (it.path.join("::"), it.name.clone(), it.is_public)).collect();
    let named = |path: &str, name: &str| (path.to_owned(), Some(name.to_owned()), true);
    let bare = |path: &str| (path.to_owned(), None, false);
    let all = [named("self::a::B", "B"), named("self::a::c", "c"), named("self::a::c::D", "E")];
    assert_eq!(found, [&all[..], &[bare("super::g::h"), bare("crate::i")]].concat());
}
