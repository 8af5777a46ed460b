//! Spelling suggestions: "did you mean ...?".

/// `; did you mean ...?` with the nearest known word, or an empty text if no word is near.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 3)
        .map_or_else(String::new, |(_, candidate)| format!("; did you mean `{candidate}`?"))
}

/// The suggestion for a serde message about an unknown field or variant, or an empty text for other messages.
///
/// Such a message has the unknown word in backticks, followed by the known words.
pub fn nearest_of_message(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let is_unknown = message.contains("unknown field") || message.contains("unknown variant");
    quoted.next().filter(|_| is_unknown).map_or_else(String::new, |unknown| nearest(unknown, quoted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_hinted_at_where_it_is_near() {
        assert_eq!(nearest("epoch", ["seed", "epochs"]), "; did you mean `epochs`?");
        assert_eq!(nearest("epochs", []), "");
        assert_eq!(nearest("colour", ["seed", "epochs"]), "");
    }

    #[test]
    fn messages_on_what_is_unknown_have_a_hint() {
        let message = "unknown field `frm`, expected one of `to`, `from`";
        assert_eq!(nearest_of_message(message), "; did you mean `from`?");
        assert_eq!(nearest_of_message("invalid type `frm`, expected `from`"), "");
    }
}
