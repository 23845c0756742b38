//! What a terminal takes for more than text.

use std::fmt::Write as _;

/// Whether a terminal shows it and does nothing else: it is neither a control character, nor one that
/// ends a line or turns the direction of the text (UAX #9 §2).
pub fn is_plain(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let ends = matches!(c, '\u{2028}' | '\u{2029}');
    !c.is_control() && !turns && !ends
}

/// The same JSON, without anything that a terminal would act on. That stands in texts only, where an
/// escape says the same; line ends between values stay.
pub fn json_escaped(json: String) -> String {
    let stays = |c| c == '\n' || is_plain(c);
    if json.chars().all(stays) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if stays(c) {
            escaped.push(c);
        } else {
            // None of them has more than four hex digits. Writing to a String cannot fail.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_escaped_where_a_terminal_would_act_on_it_and_left_elsewhere() {
        for (json, escaped) in [
            ("{\n  \"ü\": \"😀\\n\"\n}\n", None),
            ("[\"\u{9b}31m\u{7f}\"]", Some(r#"["\u009b31m\u007f"]"#)),
            ("[\"ü\u{202e}\u{61c}\u{2028}\"]\n", Some("[\"ü\\u202e\\u061c\\u2028\"]\n")),
        ] {
            assert_eq!(json_escaped(json.to_owned()), escaped.unwrap_or(json));
        }
    }

    /// Every such character is in the range that an escape of four digits has.
    #[test]
    fn what_is_not_plain_has_four_hex_digits() {
        let longest =
            (0..=u32::from(char::MAX)).filter_map(char::from_u32).filter(|c| !is_plain(*c));
        assert!(longest.max().is_some_and(|c| u32::from(c) <= 0xffff));
    }
}
