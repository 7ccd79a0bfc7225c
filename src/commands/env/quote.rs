//! Assignments in each shell, of values without control characters.

use clap::ValueEnum;

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Shell {
    /// sh, bash, zsh, and /etc/environment
    Sh,
    /// fish
    Fish,
    /// A Nix attribute set, for example for environment.sessionVariables
    Nix,
}

/// What stands before and after all of it.
pub(super) const fn frame(shell: Shell) -> (Option<&'static str>, Option<&'static str>) {
    match shell {
        Shell::Sh | Shell::Fish => (None, None),
        Shell::Nix => (Some("{"), Some("}")),
    }
}

pub(super) fn assignment(shell: Shell, name: &str, value: &str) -> String {
    match shell {
        Shell::Sh => format!("export {name}={}", word(value)),
        Shell::Fish => format!("set -gx {name} {}", fish(value)),
        Shell::Nix => format!("  {name} = {};", nix(value)),
    }
}

pub(super) fn comment(shell: Shell, text: &str) -> String {
    match shell {
        Shell::Sh | Shell::Fish => format!("# {text}"),
        Shell::Nix => format!("  # {text}"),
    }
}

/// A word of sh.
pub(super) fn word(value: &str) -> String {
    if is_plain(value) { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}

fn fish(value: &str) -> String {
    if is_plain(value) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
}

fn nix(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', r"\\").replace('"', "\\\"").replace("${", r"\${"))
}

/// Means itself in both shells.
fn is_plain(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|it| it.is_ascii_alphanumeric() || "/:.,_-".contains(it))
}
