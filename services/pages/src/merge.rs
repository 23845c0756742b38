//! Joins a page's own modules into one file: a dozen small files cost a dozen requests.
//!
//! The sources stay modules that a browser can load as they are. Joined, they share one scope:
//! what they import from each other is there already, what they import from libraries moves to
//! the top, and nothing is exported. So a name at the top of a module has to be the only one of
//! its kind on the page, an import stands on one line, and nothing is renamed on its way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// One module out of `modules` (path and text), each of which stands behind those it imports.
///
/// # Errors
///
/// The line that cannot be joined, and why.
pub(crate) fn merge(modules: &[(&str, &str)]) -> Result<String, String> {
    let mut libraries = Libraries::default();
    let mut declared = BTreeSet::new();
    let mut exported = BTreeSet::new();
    let mut body = String::new();
    for (path, text) in modules {
        let _ = writeln!(body, "\n// ---- {path}");
        for line in text.lines() {
            let wrong = |why: &str| format!("{path}: {why}: {line}");
            if line.starts_with("import ") {
                let import = Import::read(line).ok_or_else(|| wrong("not a plain import"))?;
                if !import.from.starts_with('.') {
                    libraries.add(import);
                } else if let Some(name) = import.names.iter().find(|n| !exported.contains(*n)) {
                    return Err(wrong(&format!("nothing before exports {name}")));
                }
                continue;
            }
            let kept = line.strip_prefix("export ").unwrap_or(line);
            let name = declared_by(kept);
            if name.is_some_and(|name| !declared.insert(name)) {
                return Err(wrong("the name is taken"));
            }
            if kept.len() < line.len() {
                exported.insert(name.ok_or_else(|| wrong("not a plain export"))?);
            }
            body.push_str(kept);
            body.push('\n');
        }
    }
    if let Some(name) = libraries.names().find(|name| !declared.insert(name)) {
        return Err(format!("{name} of a library is taken"));
    }
    Ok(libraries.to_string() + &body)
}

/// `import { names } from 'from';`, or `import default from 'from';`.
struct Import<'a> {
    default: Option<&'a str>,
    names: Vec<&'a str>,
    from: &'a str,
}

impl<'a> Import<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (names, from) = line.strip_prefix("import ")?.split_once(" from '")?;
        let from = from.strip_suffix("';")?;
        let listed = names.strip_prefix("{ ").and_then(|names| names.strip_suffix(" }"));
        let import = match listed {
            Some(names) => Self { default: None, names: names.split(", ").collect(), from },
            None => Self { default: Some(names), names: Vec::new(), from },
        };
        let all = import.names.iter().chain(&import.default);
        all.copied().all(is_name).then_some(import)
    }
}

/// What the modules import from libraries, once each.
#[derive(Default)]
struct Libraries<'a> {
    /// Name to library.
    defaults: BTreeMap<&'a str, &'a str>,
    /// Library to names.
    named: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Libraries<'a> {
    fn add(&mut self, import: Import<'a>) {
        if let Some(name) = import.default {
            self.defaults.insert(name, import.from);
        } else {
            let names = self.named.entry(import.from).or_default();
            names.extend(import.names);
        }
    }

    fn names(&self) -> impl Iterator<Item = &'a str> {
        let named = self.named.values().flatten();
        self.defaults.keys().chain(named).copied()
    }
}

impl std::fmt::Display for Libraries<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (name, from) in &self.defaults {
            writeln!(f, "import {name} from '{from}';")?;
        }
        for (from, names) in &self.named {
            let names: Vec<_> = names.iter().copied().collect();
            writeln!(f, "import {{ {} }} from '{from}';", names.join(", "))?;
        }
        Ok(())
    }
}

/// The name that a line at the top of a module declares; an indented line declares nothing there.
fn declared_by(line: &str) -> Option<&str> {
    let kinds = ["const ", "let ", "class ", "function ", "async function "];
    let rest = kinds.iter().find_map(|kind| line.strip_prefix(kind))?;
    let end = rest.find(|c: char| !is_part_of_name(c));
    Some(&rest[..end.unwrap_or(rest.len())]).filter(|name| is_name(name))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_part_of_name)
}

fn is_part_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_come_once_and_own_imports_go() {
        let merged = merge(&[
            ("a.js", "import htm from 'htm';\nimport { h } from 'preact';\nexport const a = h;\n"),
            (
                "b.js",
                "import { h, render } from 'preact';\nimport { a } from './a.js';\n\
                 export function b() {\n  const a = 1;\n}\n",
            ),
        ]);
        let wanted = "import htm from 'htm';\nimport { h, render } from 'preact';\n\
                      \n// ---- a.js\nconst a = h;\n\
                      \n// ---- b.js\nfunction b() {\n  const a = 1;\n}\n";
        assert_eq!(merged.as_deref(), Ok(wanted));
    }

    #[test]
    fn what_would_break_joined_is_refused() {
        for (modules, why) in [
            (&[("a", "const x = 1;"), ("b", "let x = 2;")][..], "taken"),
            (&[("a", "import { x } from 'l';\nclass x {}")], "taken"),
            (&[("a", "import { x } from './b';")], "nothing before"),
            (&[("a", "import { x as y } from 'l';")], "plain import"),
            (&[("a", "import {")], "plain import"),
            (&[("a", "export { x };")], "plain export"),
            (&[("a", "export default 1;")], "plain export"),
        ] {
            let error = merge(modules).expect_err(why);
            assert!(error.contains(why), "{error}");
        }
    }
}
