use std::path::Path;

use crate::value::Value;

/// A limit as it is documented.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its file, a space, its name.
    pub(crate) place: String,
    pub(crate) value: Value,
    /// What happens at it.
    pub(crate) at_it: String,
}

/// Every row of the tables: what, how much, by which variable, what happens at it, where it is named.
pub(crate) fn read(document: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(document).unwrap();
    let cells = |line: &str| -> Vec<String> {
        let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
        inner.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let row = |line: &str| {
        let [_, limit, _, at_it, place] = <[String; 5]>::try_from(cells(line)).ok()?;
        // The head of a table, and the line below it, name no place.
        let place = place.strip_prefix('`')?.strip_suffix('`')?.to_owned();
        let value = Value::read(&limit);
        let value =
            value.unwrap_or_else(|| panic!("{place}: {limit:?} is neither number nor time"));
        Some(Row { place, value, at_it })
    };
    text.lines().filter(|line| line.starts_with('|')).filter_map(row).collect()
}
