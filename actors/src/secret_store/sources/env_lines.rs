//! The environment that a program prints, as the lines of a secrets file.

use policy::name::Name;

use super::program::VARIABLES;
use super::text::{Text, buffer, make_room};

/// Variables that a shell or `env` sets by itself.
const OTHERS: [&str; 4] = ["PWD", "OLDPWD", "SHLVL", "_"];

/// Reads what `env -0` prints: `NAME=VALUE`, each with a NUL at its end. Leaves out what the program was given itself.
pub(super) fn from_nul_separated(printed: &[u8], given: &[&str]) -> Text {
    let mut lines = buffer(2 * printed.len());
    for entry in printed.split(|byte| *byte == 0) {
        let Some(at) = entry.iter().position(|byte| *byte == b'=') else { continue };
        let (name, value) = (entry.get(..at).unwrap_or_default(), entry.get(at + 1..).unwrap_or_default());
        let is_given = VARIABLES.iter().chain(&OTHERS).chain(given).any(|it| it.as_bytes() == name);
        if !is_given && Name::parse(name).is_some() {
            add_line(&mut lines, name, value);
        }
    }
    lines
}

/// In double quotes, since a value may hold any byte.
fn add_line(lines: &mut Text, name: &[u8], value: &[u8]) {
    make_room(lines, name.len() + 2 * value.len() + "=\"\"\n".len());
    lines.extend_from_slice(name);
    lines.extend_from_slice(b"=\"");
    for byte in value {
        match byte {
            b'\n' => lines.extend_from_slice(b"\\n"),
            b'\r' => lines.extend_from_slice(b"\\r"),
            b'\t' => lines.extend_from_slice(b"\\t"),
            b'\\' | b'"' | b'$' => lines.extend_from_slice(&[b'\\', *byte]),
            byte => lines.push(*byte),
        }
    }
    lines.extend_from_slice(b"\"\n");
}

#[cfg(test)]
mod tests {
    use policy::secrets::table::Table;

    use super::*;

    #[test]
    fn values_survive_and_what_was_given_is_left_out() {
        let printed = b"HOME=/home/me\0OP_SERVICE_ACCOUNT_TOKEN=ops_t\0KEY=a\"b\\c$d\te #f'\0KEY_HOSTS=api.example\0\
                        BASH_FUNC_x%%=() { :; }\0_=/usr/bin/env\0EMPTY=\0";
        let lines = from_nul_separated(printed, &["OP_SERVICE_ACCOUNT_TOKEN"]);
        let text = String::from_utf8_lossy(&lines);
        assert_eq!(text, "KEY=\"a\\\"b\\\\c\\$d\\te #f'\"\nKEY_HOSTS=\"api.example\"\nEMPTY=\"\"\n");
        let table = Table::read(&lines).expect("well-formed");
        assert!(table.secret("KEY").is_some_and(policy::secrets::table::Secret::is_usable));
    }

    #[test]
    fn a_value_of_many_lines_stays_one_entry() {
        let lines = from_nul_separated(b"PEM=-----BEGIN\nx\n-----END\n\0PEM_HOSTS=a.example\0", &[]);
        let table = Table::read(&lines).expect("well-formed");
        assert_eq!(table.secrets().len(), 1);
    }
}
