use std::{
    fmt::Write as _,
    io::{self, Write as _},
    time::Duration,
};

use serde_json::{Map, Value, json};

use crate::histogram::Histogram;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Markdown,
    Json,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Text(String),
    Count(u64),
    Number(f64),
    Missing,
}

impl From<u64> for Cell {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Cell {
    pub fn ms(time: impl Into<Option<Duration>>) -> Self {
        time.into().map_or(Self::Missing, |time| Self::Number(time.as_secs_f64() * 1e3))
    }

    pub fn us(time: impl Into<Option<Duration>>) -> Self {
        time.into().map_or(Self::Missing, |time| Self::Number(time.as_secs_f64() * 1e6))
    }

    pub fn seconds(time: Duration) -> Self {
        Self::Number(time.as_secs_f64())
    }

    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub fn per_second(count: u64, time: Duration) -> Self {
        if time.is_zero() {
            return Self::Missing;
        }
        Self::Number(count as f64 / time.as_secs_f64())
    }

    /// `n`, p50, p90, p99 and max in milliseconds.
    pub fn latencies(of: &Histogram) -> [Self; 5] {
        let [p50, p90, p99] = [500, 900, 990].map(|per_mille| Self::ms(of.per_mille(per_mille)));
        [Self::Count(of.count()), p50, p90, p99, Self::ms(of.max())]
    }

    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Count(count) => count.to_string(),
            Self::Number(number) if number.abs() >= 1_000.0 => format!("{number:.0}"),
            Self::Number(number) if number.abs() >= 100.0 => format!("{number:.1}"),
            Self::Number(number) => format!("{number:.2}"),
            Self::Missing => "-".to_owned(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Count(count) => json!(count),
            Self::Number(number) => json!((number * 1e3).round() / 1e3),
            Self::Missing => Value::Null,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Table {
    name: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub fn new(name: &'static str, columns: &[&'static str]) -> Self {
        Self { name, columns: columns.to_vec(), rows: Vec::new() }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The cell in a row, by the column's heading.
    pub fn cell(&self, row: usize, column: &str) -> Option<&Cell> {
        let index = self.columns.iter().position(|heading| *heading == column)?;
        self.rows.get(row)?.get(index)
    }

    fn lines(&self, format: Format) -> Vec<String> {
        let texts: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(Cell::text).collect()).collect();
        let width = |column: usize, heading: &str| {
            let cells = texts.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).chain([heading.len()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> =
            self.columns.iter().enumerate().map(|(index, heading)| width(index, heading)).collect();
        let headings: Vec<String> =
            self.columns.iter().map(|&heading| heading.to_owned()).collect();
        let mut lines = vec![line(&headings, &widths, format)];
        if format == Format::Markdown {
            let rules: Vec<String> =
                widths.iter().map(|width| "-".repeat(width - 1) + ":").collect();
            lines.push(line(&rules, &widths, format));
        }
        lines.extend(texts.iter().map(|row| line(row, &widths, format)));
        lines
    }

    fn json(&self) -> Value {
        let row = |cells: &Vec<Cell>| {
            let named = self.columns.iter().zip(cells);
            named.map(|(heading, cell)| (key(heading), cell.json())).collect::<Map<_, _>>()
        };
        json!({ "name": self.name, "rows": self.rows.iter().map(row).collect::<Vec<_>>() })
    }
}

fn line(cells: &[String], widths: &[usize], format: Format) -> String {
    let padded: Vec<String> =
        cells.iter().zip(widths).map(|(cell, width)| format!("{cell:>width$}")).collect();
    match format {
        Format::Markdown => format!("| {} |", padded.join(" | ")),
        Format::Text | Format::Json => padded.join("  "),
    }
}

fn key(heading: &str) -> String {
    heading.replace("/s", "_per_s").replace("/batch", "_per_batch").replace([' ', '-'], "_")
}

/// One measurement: figures, what to know about them, and what makes it a failed one.
#[derive(Debug)]
pub struct Report {
    pub title: String,
    pub tables: Vec<Table>,
    pub notes: Vec<String>,
    pub problems: Vec<String>,
}

impl Report {
    pub fn new(title: String) -> Self {
        Self { title, tables: Vec::new(), notes: Vec::new(), problems: Vec::new() }
    }

    pub fn render(&self, format: Format) -> String {
        if format == Format::Json {
            let tables: Vec<Value> = self.tables.iter().map(Table::json).collect();
            let (title, notes, problems) = (&self.title, &self.notes, &self.problems);
            let whole =
                json!({ "title": title, "tables": tables, "notes": notes, "problems": problems });
            return format!("{whole}\n");
        }
        let mut out = format!("{}\n", self.title);
        for table in &self.tables {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "\n{}", table.lines(format).join("\n"));
        }
        if !self.notes.is_empty() || !self.problems.is_empty() {
            out.push('\n');
        }
        for (mark, text) in self
            .notes
            .iter()
            .map(|note| ("", note))
            .chain(self.problems.iter().map(|problem| ("FAILED: ", problem)))
        {
            let bullet = if format == Format::Markdown { "- " } else { "" };
            let _ = writeln!(out, "{bullet}{mark}{text}");
        }
        out
    }

    /// A reader that has gone away (`| head`) is not a failure.
    pub fn print(&self, format: Format) -> io::Result<()> {
        match io::stdout().lock().write_all(self.render(format).as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::new("pay".to_owned());
        let mut table = Table::new("answers", &["requests/s", "p50 ms"]);
        table.row([Cell::Number(12_345.6), Cell::Number(0.519)]);
        table.row([Cell::Count(7), Cell::Missing]);
        report.tables.push(table);
        report.problems.push("late".to_owned());
        report
    }

    #[test]
    fn text_is_aligned() {
        let expected =
            "pay\n\nrequests/s  p50 ms\n     12346    0.52\n         7       -\n\nFAILED: late\n";
        assert_eq!(report().render(Format::Text), expected);
    }

    #[test]
    fn markdown_is_a_table() {
        let text = report().render(Format::Markdown);
        assert!(text.contains("| requests/s | p50 ms |\n| ---------: | -----: |\n"), "{text}");
    }

    #[test]
    fn json_has_a_row_per_object() {
        let value: Value = serde_json::from_str(&report().render(Format::Json)).unwrap();
        assert_eq!(
            value["tables"][0]["rows"][0],
            json!({"requests_per_s": 12345.6, "p50_ms": 0.519})
        );
        assert_eq!(value["tables"][0]["rows"][1]["p50_ms"], Value::Null);
        assert_eq!(value["problems"], json!(["late"]));
    }
}
