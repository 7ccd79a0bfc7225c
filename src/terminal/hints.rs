//! The text of hints: commands completed with the folder, and words quoted for a shell.

use std::borrow::Cow;
use std::path::Path;

use actors::folder::Folder;
use actors::hint::Hint;

/// Writes hints for one folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hints {
    /// ` --dir FOLDER`, or nothing for the usual folder.
    dir: String,
}

impl Hints {
    /// `is_usual`: commands use this folder without being told.
    pub(crate) fn new(folder: &Folder, is_usual: bool) -> Self {
        let dir = if is_usual { String::new() } else { format!(" --dir {}", quoted(folder.path())) };
        Self { dir }
    }

    /// Whether commands use the folder without being told.
    pub(crate) fn is_usual(&self) -> bool {
        self.dir.is_empty()
    }

    /// A command of ours, for this folder.
    pub(crate) fn command(&self, words: &str) -> String {
        let (words, into) = words.split_at(words.find(" > ").unwrap_or(words.len()));
        format!("secret-proxy {words}{}{into}", self.dir)
    }

    /// One step, as it can be typed or read.
    pub(crate) fn step<'hint>(&self, hint: &'hint Hint) -> Cow<'hint, str> {
        match hint {
            Hint::Run(words) => self.command(words).into(),
            Hint::Do(words) => words.as_ref().into(),
        }
    }

    /// Several steps, in their order.
    pub(crate) fn steps(&self, hints: &[Hint]) -> String {
        hints.iter().map(|hint| self.step(hint)).collect::<Vec<_>>().join(", then ")
    }
}

/// A path as a shell takes it.
pub(crate) fn quoted(path: &Path) -> String {
    shell(&path.to_string_lossy()).into_owned()
}

/// Any text as a shell takes it.
pub(crate) fn shell(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.into();
    }
    format!("'{}'", text.replace('\'', "'\\''")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_any_text_as_one_word() {
        for (text, word) in [("/a/b-c.env", "/a/b-c.env"), ("a b", "'a b'"), ("it's", "'it'\\''s'"), ("", "''")] {
            assert_eq!(shell(text), word);
        }
    }
}
