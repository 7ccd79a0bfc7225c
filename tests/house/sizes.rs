//! Sizes of production code: functions and files.

use super::source::{CRATES, files, indentation, is_end};

/// Lines of a function, from its name to its closing brace.
const FUNCTION_LINES_MAX: usize = 40;

/// Lines of a file, with its tests.
const FILE_LINES_MAX: usize = 300;

/// The name of a function that begins with this line.
fn name(line: &str) -> Option<&str> {
    let words = line.trim_start();
    let (before, rest) = words.split_once("fn ")?;
    let qualifiers = ["", "pub", "pub(crate)", "pub(super)", "const", "async", "extern"];
    let is_declaration = before.split(' ').all(|word| qualifiers.contains(&word));
    rest.split(['(', '<']).next().filter(|_| is_declaration)
}

/// The functions of a file, and how many lines each has.
fn functions(code: &str) -> Vec<(String, usize)> {
    let lines: Vec<_> = code.lines().collect();
    let begins = lines.iter().enumerate().filter_map(|(at, line)| Some((at, name(line)?)));
    let length = |at: usize| lines[at..].iter().position(|line| is_end(line, indentation(lines[at])));
    begins.map(|(at, name)| (name.to_owned(), 1 + length(at).expect("a function has an end"))).collect()
}

#[test]
fn no_function_has_more_than_40_lines() {
    let mut found = Vec::new();
    for (folder, source) in CRATES.iter().flat_map(|folder| files(folder).into_iter().map(move |it| (folder, it))) {
        let long = functions(&source.code).into_iter().filter(|(_, lines)| *lines > FUNCTION_LINES_MAX);
        found.extend(long.map(|(name, lines)| format!("{folder}/{}: `{name}` has {lines}", source.path)));
    }
    assert!(found.is_empty(), "functions of more than {FUNCTION_LINES_MAX} lines:\n{}", found.join("\n"));
}

#[test]
fn no_file_has_more_than_300_lines() {
    let mut found = Vec::new();
    for (folder, source) in CRATES.iter().flat_map(|folder| files(folder).into_iter().map(move |it| (folder, it))) {
        let lines = source.text.lines().count();
        found.extend((lines > FILE_LINES_MAX).then(|| format!("{folder}/{} has {lines}", source.path)));
    }
    assert!(found.is_empty(), "files of more than {FILE_LINES_MAX} lines:\n{}", found.join("\n"));
}

#[test]
fn lines_are_counted_from_the_name_to_the_closing_brace() {
    let code = "impl A {\n    pub(crate) async fn b(\n        c: u8,\n    ) -> u8 {\n        d;\n    }\n\n    fn e();\n    fn f() {}\n}\n";
    let found = functions(code);
    assert_eq!(found, [("b".to_owned(), 5), ("e".to_owned(), 1), ("f".to_owned(), 1)]);
}
