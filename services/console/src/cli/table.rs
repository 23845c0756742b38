//! Tables and texts for a terminal.

use std::io::{self, Write as _};

use comptoir_runtime::terminal::is_plain;

/// Rows under a head, in columns as wide as they must be. The last column is not filled up.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<_> = head.iter().map(ToString::to_string).collect();
    let all = || std::iter::once(&head).chain(rows);
    let width = |n: usize| all().map(|row| row[n].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    for row in all() {
        let cells = row.iter().zip(&widths);
        let cells: Vec<_> = cells.map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Text of others on one line: what could move the cursor or colour the screen is shown as a dot.
pub(super) fn plain(text: &str, most: usize) -> String {
    let shown = |c: char| if is_harmless(c) { c } else { '·' };
    let mut line: String = text.chars().take(most).map(shown).collect();
    if text.chars().nth(most).is_some() {
        line.push('…');
    }
    line
}

/// Whether it is plain text that takes room: what does not could hide what is there.
fn is_harmless(c: char) -> bool {
    is_plain(c) && !matches!(c, '\u{200b}'..='\u{200d}')
}

/// Prints to standard output. Whoever closed that does not want it.
pub(super) fn print(text: &str) {
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let rows = [vec!["a".to_owned(), "ü".to_owned()], vec!["long".to_owned(), String::new()]];
        assert_eq!(table(&["X", "Y"], &rows), "X     Y\na     ü\nlong\n");
        assert_eq!(table(&["X"], &[]), "X\n");
    }

    #[test]
    fn a_text_cannot_steer_the_terminal() {
        assert_eq!(plain("a\u{1b}[31m\r\n\u{202e}b", 100), "a·[31m···b");
        assert_eq!(plain("abc", 2), "ab…");
    }
}
