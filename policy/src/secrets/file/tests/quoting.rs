//! A value that is written by the rules is read as it was meant, and so are its neighbours.

use proptest::prelude::*;

use super::read;

/// What people and programs put into values: letters of any kind, and all that means something somewhere.
fn a_value() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "\\PC{1,8}",
        prop::sample::select(
            &["\n", "\r\n", "\t", " ", "$HOME", "${X}", "$", "#", " #", "\\", "\\n", "\"", "'", "=", ","][..]
        )
        .prop_map(str::to_owned),
        prop::sample::select(
            &["A=1", "\nB=9\n", "B_HOSTS=evil.example", "{{A}}", "export ", "-----BEGIN KEY-----"][..]
        )
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

/// Reads `written` as the value of `K` between two other lines, which must stay what they are.
fn between(written: &str) -> Result<String, TestCaseError> {
    let entries =
        read(&format!("A=first\nK={written}\nB=last\n")).map_err(|it| TestCaseError::fail(format!("{it:?}")))?;
    let [(a, first), (k, value), (b, last)] = entries.as_slice() else { return Err(TestCaseError::fail("not three")) };
    prop_assert_eq!([a, first, k, b, last], ["A", "first", "K", "B", "last"]);
    Ok(value.clone())
}

/// Writes a value for double quotes; where the rules leave a choice, `escape` takes it in turn.
fn in_double_quotes(value: &str, escape: &[bool]) -> String {
    let mut choices = escape.iter().copied().cycle();
    let written = value.chars().map(|character| match (character, choices.next().unwrap_or(false)) {
        ('\\', _) => "\\\\".to_owned(),
        ('"', _) => "\\\"".to_owned(),
        ('$', true) => "\\$".to_owned(),
        ('\n', true) => "\\n".to_owned(),
        ('\r', true) => "\\r".to_owned(),
        ('\t', true) => "\\t".to_owned(),
        (other, _) => other.to_string(),
    });
    format!("\"{}\"", written.collect::<String>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_value_without_a_single_quote_survives_single_quotes(value in a_value()) {
        let value = value.replace('\'', "");
        prop_assert_eq!(&between(&format!("'{value}'"))?, &value);
        prop_assert_eq!(between(&format!(" '{value}' # 'why'"))?, value);
    }

    #[test]
    fn any_value_survives_double_quotes(value in a_value(), escape in prop::collection::vec(any::<bool>(), 1..8)) {
        prop_assert_eq!(between(&in_double_quotes(&value, &escape))?, value);
    }

    #[test]
    fn a_value_on_one_line_without_spaces_and_outer_quotes_needs_none(value in "[^\\pC\\s'\"]{1,20}|[^\\pC\\s'\"][!-~]{0,20}[^\\pC\\s'\"]") {
        prop_assert_eq!(&between(&value)?, &value);
        prop_assert_eq!(between(&format!("{value} \t\r"))?, value);
    }
}
