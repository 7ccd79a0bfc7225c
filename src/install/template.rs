//! Fills in the templates of `launchd/` and `systemd/`, by the rules of their READMEs.

use crate::terminal::failure::Failure;

/// Replaces each `@NAME@` by its value, escaped for the file, in one pass: a value that looks like a placeholder stays
/// as it is.
pub(super) fn fill(
    template: &str,
    values: &[(&str, &str)],
    write: impl Fn(&str) -> Result<String, Failure>,
) -> Result<String, Failure> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('@') {
        text.push_str(before);
        let found = after.split_once('@').and_then(|(name, behind)| {
            let (_, value) = values.iter().find(|(known, _)| *known == name)?;
            Some((*value, behind))
        });
        rest = match found {
            Some((value, behind)) => {
                text.push_str(&write(value)?);
                behind
            }
            // For example in the name of a unit.
            None => {
                text.push('@');
                after
            }
        };
    }
    text.push_str(rest);
    Ok(text)
}

/// Replaces the line that stands for an optional part by the part, or removes it.
pub(super) fn with_part(template: &str, line: &str, part: Option<&str>) -> String {
    template.replace(&format!("{line}\n"), part.unwrap_or_default())
}

/// Text in XML.
pub(super) fn xml(value: &str) -> Result<String, Failure> {
    if value.chars().any(char::is_control) {
        return Err(unusable(value, "a control character"));
    }
    Ok(value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
}

/// A value in a unit, in quotes or without them.
pub(super) fn unit(value: &str) -> Result<String, Failure> {
    let found = value.chars().find(|found| found.is_control() || r#""\$"#.contains(*found));
    match found {
        Some(found) if found.is_control() => Err(unusable(value, "a control character")),
        Some(found) => Err(unusable(value, &format!("the character {found}"))),
        None => Ok(value.replace('%', "%%")),
    }
}

fn unusable(value: &str, what: &str) -> Failure {
    let failure = Failure::usage(format!("{} has {what}, which the file cannot hold", value.escape_debug()));
    failure.hint("choose another path")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_filled_in_once_and_other_signs_stay() {
        let values = [("DIR", "/a/@PORT@/b"), ("PORT", "1")];
        let filled = |template| fill(template, &values, xml).expect("good values");
        assert_eq!(filled("<@DIR@:@PORT@> x@y @OTHER@@PORT@ @"), "</a/@PORT@/b:1> x@y @OTHER@1 @");
    }

    #[test]
    fn table_of_values() {
        let table = [
            ("/a b", Some("/a b"), Some("/a b")),
            ("/R&D <50%>", Some("/R&amp;D &lt;50%&gt;"), Some("/R&D <50%%>")),
            ("/a\nb", None, None),
            ("/a\u{85}b", None, None),
            ("/a\"b", Some("/a\"b"), None),
            ("/a\\b", Some("/a\\b"), None),
            ("/$HOME", Some("/$HOME"), None),
        ];
        for (value, in_xml, in_unit) in table {
            assert_eq!(xml(value).ok().as_deref(), in_xml, "{value:?}");
            assert_eq!(unit(value).ok().as_deref(), in_unit, "{value:?}");
        }
    }
}
