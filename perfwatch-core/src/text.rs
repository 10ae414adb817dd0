//! Names from elsewhere within a text for people: a mount, a row, another host's name may hold
//! anything.

use std::borrow::Cow;

/// Whether a terminal or a page would obey the character, or hide it, instead of showing it:
/// controls, and the marks that turn the direction of text around.
pub fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The text with such characters spelled out, as in `\u{1b}`.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_treacherous) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_treacherous(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_obeyed_is_spelled_out() {
        assert_eq!(escape("/mnt/\x1b[2Jx\u{9b}31m"), "/mnt/\\u{1b}[2Jx\\u{9b}31m");
        assert_eq!(escape("a\u{202e}b\nc\u{7f}"), "a\\u{202e}b\\u{a}c\\u{7f}");
        assert!(matches!(escape("/srv/größe"), Cow::Borrowed(_)));
    }
}
