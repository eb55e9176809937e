//! Finds NaN and infinite values in text, as Python and its libraries print them.

/// Spellings of `float`, numpy, pandas and JSON.
const FORMS: [&str; 4] = ["nan", "NaN", "inf", "Infinity"];

/// Whether a text contains such a value as a word of its own, not within a name, a path or another
/// word.
#[must_use]
pub fn stands_in(text: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || matches!(c, '_' | '/' | '\\' | '@');
    // These join words only with a word character on their other side: `-inf` and `nan.` are
    // values.
    let links = |c: char| matches!(c, '.' | '-' | '\'');
    FORMS.iter().flat_map(|form| text.match_indices(form)).any(|(at, form)| {
        let mut before = text[..at].chars().rev();
        let mut after = text[at + form.len()..].chars();
        let joined = |near: Option<char>, far: Option<char>| {
            near.is_some_and(|c| joins(c) || links(c) && far.is_some_and(joins))
        };
        !joined(before.next(), before.next()) && !joined(after.next(), after.next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_and_inf_are_found_as_values_but_not_in_words() {
        for (line, expected) in [
            ("mean nan", true),
            ("mean: nan, max: 3", true),
            ("[1.0, nan]", true),
            ("x=-inf", true),
            ("x = +inf.", true),
            ("inf%", true),
            ("(inf+nanj)", true),
            ("{\"a\": NaN}", true),
            ("Infinity", true),
            ("berlin    NaN  3.5", true),
            ("mean 3.5", false),
            ("nano, banana, info, infinite", false),
            ("Nan Goldin", false),
            ("nan.csv written to out/nan", false),
            ("the inf-norm, nan's bread, a_nan", false),
            ("", false),
        ] {
            assert_eq!(stands_in(line), expected, "{line}");
        }
    }
}
