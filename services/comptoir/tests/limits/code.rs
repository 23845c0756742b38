use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ImplItemFn, ItemConst, ItemImpl, ItemMod, Type};

use crate::expression::{evaluate, fields};
use crate::value::Value;

/// Below these, crates that run in no program of the shop.
const TOOLS: &[&str] = &[
    "adapters/memory",
    "adapters/testkit",
    "services/bench",
    "services/chaos",
    "services/simulation",
    "services/stage",
];

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Every number and time that production code names: `path/of/file.rs NAME`, with `Type::` before what
/// belongs to a type and `.field` behind what is part of a structure. Defaults of settings are among
/// them as `Type::field`; what is 0 is switched off.
pub(crate) fn named() -> BTreeMap<String, Value> {
    let found = crates().into_iter().flat_map(|sources| of_crate(&sources));
    found.filter(|(_, value)| *value != Value::Number(0)).collect()
}

fn crates() -> Vec<PathBuf> {
    let mut all = vec![root().join("domain/src")];
    for group in ["adapters", "adapters/mongodb/tls", "services"] {
        for entry in fs::read_dir(root().join(group)).unwrap() {
            let folder = entry.unwrap().path();
            let tool = TOOLS.iter().any(|tool| folder.ends_with(tool));
            if !tool && folder.join("src").is_dir() {
                all.push(folder.join("src"));
            }
        }
    }
    all
}

fn of_crate(sources: &Path) -> BTreeMap<String, Value> {
    let mut found = Found::default();
    walk(sources, &mut found);
    let mut values = BTreeMap::new();
    for constant in &found.constants {
        let named = |name: &str| found.lookup(&constant.file, name, 0);
        if let Some(value) = evaluate(&constant.value, &named) {
            values.insert(constant.place(), value);
        }
        for (field, value) in fields(&constant.value, &named) {
            // Of settings it is the type that has a name.
            let dot = if constant.name.is_empty() { "" } else { "." };
            values.insert(format!("{}{dot}{field}", constant.place()), value);
        }
    }
    values
}

fn walk(folder: &Path, found: &mut Found) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap_or_default();
        if name == "tests" {
            continue;
        }
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.file = path.strip_prefix(root()).unwrap().display().to_string();
            let text = fs::read_to_string(&path).unwrap();
            found.visit_file(&syn::parse_file(&text).unwrap());
        }
    }
}

struct Constant {
    file: String,
    /// The type that it belongs to, or nothing.
    owner: String,
    /// Empty for the defaults of settings.
    name: String,
    value: Expr,
}

impl Constant {
    fn place(&self) -> String {
        let colons = if self.owner.is_empty() { "" } else { "::" };
        format!("{} {}{colons}{}", self.file, self.owner, self.name)
    }
}

#[derive(Default)]
struct Found {
    file: String,
    owner: String,
    constants: Vec<Constant>,
}

impl Found {
    /// The value of a constant: of the same file, else the only one of that name in the crate.
    fn lookup(&self, file: &str, name: &str, depth: usize) -> Option<Value> {
        let all: HashMap<&str, &Constant> = self
            .constants
            .iter()
            .filter(|constant| constant.name == name)
            .map(|constant| (&*constant.file, constant))
            .collect();
        let only = || if all.len() == 1 { all.values().next().copied() } else { None };
        let constant = all.get(file).copied().or_else(only)?;
        if depth > 8 {
            return None;
        }
        evaluate(&constant.value, &|name| self.lookup(&constant.file, name, depth + 1))
    }

    fn note(&mut self, name: String, value: &Expr) {
        self.constants.push(Constant {
            file: self.file.clone(),
            owner: self.owner.clone(),
            name,
            value: value.clone(),
        });
    }
}

impl<'ast> Visit<'ast> for Found {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !is_test(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_const(&mut self, constant: &'ast ItemConst) {
        if !is_test(&constant.attrs) {
            // Inside of a function, too, it belongs to no type.
            let owner = std::mem::take(&mut self.owner);
            self.note(constant.ident.to_string(), &constant.expr);
            self.owner = owner;
        }
    }

    fn visit_item_impl(&mut self, block: &'ast ItemImpl) {
        if let Type::Path(path) = &*block.self_ty {
            let name = path.path.segments.last().unwrap().ident.to_string();
            let outer = std::mem::replace(&mut self.owner, name);
            visit::visit_item_impl(self, block);
            self.owner = outer;
        }
    }

    fn visit_impl_item_const(&mut self, constant: &'ast syn::ImplItemConst) {
        self.note(constant.ident.to_string(), &constant.expr);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        let settings = ["Settings", "Limits", "Options"].iter().any(|it| self.owner.ends_with(it));
        let makes = ["default", "new"].iter().any(|it| function.sig.ident == it);
        if settings && makes {
            for statement in &function.block.stmts {
                if let syn::Stmt::Expr(made @ Expr::Struct(_), None) = statement {
                    self.note(String::new(), made);
                }
            }
        }
        visit::visit_impl_item_fn(self, function);
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|it| it.is_ident("test"))
    })
}
