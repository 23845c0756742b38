//! Log lines that a value cannot break, forge or bring to life.
//!
//! What is logged comes from clients, brokers and stores as well. A line feed in it would begin a line
//! of its own, and a control character would tell the reader's terminal what to do.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::terminal::is_plain;

/// The escape character, which begins what a terminal understands.
const ESC: char = '\u{1b}';

/// A writer of whole events: each write is one, and becomes one line without control characters.
pub(super) struct Plain<W> {
    inner: W,
    /// Whether the colours are let through that the formatter uses. A value may use them as well, which
    /// does no harm; the formatter writes out only some of what values bring.
    colours: bool,
}

impl<W: Write> Plain<W> {
    pub(super) fn new(inner: W) -> Self {
        Self { inner, colours: false }
    }

    pub(super) fn coloured(inner: W) -> Self {
        Self { inner, colours: true }
    }
}

impl<W: Write> Write for Plain<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let (body, end) = text.strip_suffix('\n').map_or((&*text, ""), |body| (body, "\n"));
        let mut line = String::with_capacity(text.len());
        let mut rest = body.chars();
        while let Some(c) = rest.next() {
            if self.colours && c == ESC && begins_with_colour(rest.as_str()) || is_plain(c) {
                line.push(c);
            } else {
                // Writing to a String cannot fail.
                let _ = write!(line, "{}", c.escape_default());
            }
        }
        line.push_str(end);
        self.inner.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Whether this goes on as one of the colours and styles of the formatter does: from plain to italic,
/// red to cyan. Nothing that hides text is among them.
fn begins_with_colour(rest: &str) -> bool {
    let code = rest.strip_prefix('[').and_then(|rest| rest.split_once('m'));
    let code = code.and_then(|(code, _)| code.parse::<u8>().ok());
    code.is_some_and(|code| matches!(code, 0..=3 | 31..=36))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    /// What was written so far.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged of a value, by its display, by its debug form, as a message and as an error.
    fn logged(value: &str, coloured: bool) -> String {
        fn log<W>(writer: W, coloured: bool, value: &str)
        where
            W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
        {
            let log = tracing_subscriber::fmt().with_writer(writer).with_ansi(coloured).finish();
            tracing::subscriber::with_default(log, || {
                let error = io::Error::other(value.to_owned());
                let error: &(dyn std::error::Error + 'static) = &error;
                let _span = tracing::error_span!("span", %value).entered();
                tracing::error!(value, shown = %value, debug = ?value, error, "message {value}");
            });
        }
        let written = Written::default();
        let out = written.clone();
        if coloured {
            log(move || Plain::coloured(out.clone()), true, value);
        } else {
            log(move || Plain::new(out.clone()), false, value);
        }
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    const HOSTILE: &str = "a\n2026-01-01T00:00:00Z ERROR forged\r\u{1b}[2J\u{1b}]0;title\u{7}\u{8}\
        \u{9b}31m\u{202e}txt.exe\u{2066}\u{2028}\u{0}\u{7f}z";

    #[test]
    fn a_value_cannot_break_its_line_nor_reach_the_terminal() {
        let line = logged(HOSTILE, false);
        let body = line.strip_suffix('\n').unwrap();
        assert!(body.chars().all(is_plain), "{body:?}");
        assert_eq!(body.matches("forged").count(), 6, "{body:?}");
        assert!(body.contains(r"a\n2026"), "{body:?}");
    }

    #[test]
    fn in_colour_nothing_but_colours_gets_through() {
        let line = logged(HOSTILE, true);
        let body = line.strip_suffix('\n').unwrap();
        assert!(body.contains(ESC), "there are colours");
        let mut rest = body;
        while let Some((_, after)) = rest.split_once(ESC) {
            let (code, after) = after.split_once('m').unwrap();
            let code = code.strip_prefix('[').unwrap();
            assert!(["0", "1", "2", "3", "31", "32"].contains(&code), "{code:?}");
            rest = after;
        }
        assert!(body.chars().all(|c| c == ESC || is_plain(c)), "{body:?}");
        assert!(!body.contains("\u{1b}[2J"), "{body:?}");
    }

    #[test]
    fn what_is_plain_stays_as_it_is() {
        for text in ["żółw × 2, 鶴", "a \"quoted\" \\ word", "🏺"] {
            let line = logged(text, false);
            assert!(line.contains(&format!("message {text}")), "{line}");
        }
    }
}
