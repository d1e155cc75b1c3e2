//! Imports point one way: no circle between the top-level modules of a crate, and no large circle between its files.
//!
//! A parent module and its children may import each other. `make circles` prints the largest circle of each crate.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;
use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, ItemUse, UseTree};

use crate::root;

/// Maximum number of files in a circle.
const MAX_CIRCLE: usize = 5;

/// A crate's files by their module paths, and the modules that each imports.
struct Imports {
    files: BTreeMap<Vec<String>, PathBuf>,
    edges: BTreeSet<(Vec<String>, Vec<String>)>,
}

/// Collects the paths that a file names, as absolute module paths.
struct Paths {
    module: Vec<String>,
    found: Vec<Vec<String>>,
    tests: Vec<String>,
}

impl Paths {
    fn add(&mut self, path: &[String]) {
        let mut base = match path.first().map(String::as_str) {
            Some("crate") => Vec::new(),
            Some("self") => self.module.clone(),
            Some("super") => self.module[..self.module.len() - 1].to_vec(),
            _ => return,
        };
        for part in &path[1..] {
            if part == "super" {
                base.pop();
            } else {
                base.push(part.clone());
            }
        }
        self.found.push(base);
    }

    fn add_tree(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: &syn::Ident| before.iter().cloned().chain([name.to_string()]).collect::<Vec<_>>();
        match tree {
            UseTree::Path(path) => self.add_tree(&with(&path.ident), &path.tree),
            UseTree::Name(name) => self.add(&with(&name.ident)),
            UseTree::Rename(name) => self.add(&with(&name.ident)),
            UseTree::Glob(_) => self.add(before),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_tree(before, tree)),
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_for_tests(&item.attrs) {
            self.add_tree(&[], &item.tree);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if is_for_tests(&item.attrs) {
            self.tests.push(item.ident.to_string());
        } else if item.content.is_some() {
            self.module.push(item.ident.to_string());
            visit::visit_item_mod(self, item);
            self.module.pop();
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.add(&path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>());
        visit::visit_path(self, path);
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    let is_test = |attribute: &Attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    };
    attributes.iter().any(is_test)
}

/// Returns the modules of a crate, without tests.
fn files_of(source: &Path) -> BTreeMap<Vec<String>, PathBuf> {
    let mut files = BTreeMap::new();
    let mut folders = vec![(Vec::new(), source.to_owned())];
    while let Some((module, folder)) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let inner: Vec<_> = module.iter().cloned().chain([stem.clone()]).collect();
            if path.is_dir() {
                folders.push((inner, path));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let is_root = stem == "mod" || (module.is_empty() && (stem == "lib" || stem == "main"));
                files.insert(if is_root { module.clone() } else { inner }, path);
            }
        }
    }
    files
}

fn imports_of(source: &Path) -> Imports {
    let mut files = files_of(source);
    let mut found = BTreeMap::new();
    let mut tests = Vec::new();
    for (module, path) in &files {
        let file = syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap();
        let mut paths = Paths { module: module.clone(), found: Vec::new(), tests: Vec::new() };
        paths.visit_file(&file);
        tests.extend(paths.tests.into_iter().map(|name| [module.clone(), vec![name]].concat()));
        found.insert(module.clone(), paths.found);
    }
    files.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
    let target =
        |path: &[String]| (0..=path.len()).rev().map(|end| path[..end].to_vec()).find(|one| files.contains_key(one));
    let edges = found
        .into_iter()
        .filter(|(module, _)| files.contains_key(module))
        .flat_map(|(module, paths)| paths.into_iter().map(move |path| (module.clone(), path)))
        .filter_map(|(module, path)| Some((module, target(&path)?)))
        .filter(|(from, to)| from != to)
        .collect();
    Imports { files, edges }
}

/// Returns the circles among nodes, which are sets in which each node reaches each other node.
fn circles<'a>(edges: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Vec<String>> {
    let graph: DiGraphMap<&str, ()> = edges.filter(|(from, to)| from != to).map(|(from, to)| (from, to, ())).collect();
    let circles = tarjan_scc(&graph).into_iter().filter(|circle| circle.len() > 1);
    circles.map(|circle| circle.into_iter().map(str::to_owned).collect()).collect()
}

/// Returns the source folders of the workspace's crates.
fn sources() -> Vec<PathBuf> {
    let folders = ["shared", "functions", "patches"].map(|folder| root().join(folder));
    let crates = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    let sources = crates.chain([root().join("agent"), root().join("cli")]).map(|package| package.join("src"));
    let mut sources: Vec<_> = sources.filter(|source| source.is_dir()).collect();
    sources.sort();
    sources
}

#[test]
fn imports_make_no_circle_between_top_level_modules_and_none_of_many_files() {
    let mut wrong = Vec::new();
    let mut files = 0;
    for source in sources() {
        let imports = imports_of(&source);
        files += imports.files.len();
        let name = |module: &Vec<String>| module.join("::");
        let top = |module: &Vec<String>| module.first().cloned().unwrap_or_default();
        let named: Vec<_> = imports.edges.iter().map(|(from, to)| (name(from), name(to))).collect();
        let tops: Vec<_> = imports.edges.iter().map(|(from, to)| (top(from), top(to))).collect();
        let of_files = circles(named.iter().map(|(from, to)| (from.as_str(), to.as_str())));
        let of_tops = circles(tops.iter().map(|(from, to)| (from.as_str(), to.as_str())));
        let largest = of_files.iter().max_by_key(|circle| circle.len()).cloned().unwrap_or_default();
        let package = source.strip_prefix(root()).unwrap().display();
        println!("{package}: {} files, largest circle {}: {}", imports.files.len(), largest.len(), largest.join(", "));
        wrong.extend(of_tops.into_iter().map(|circle| format!("{package}: top-level modules {circle:?}")));
        wrong.extend((largest.len() > MAX_CIRCLE).then(|| format!("{package}: files {largest:?}")));
    }
    assert!(files > 200, "only {files} files were read");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_circle_between_modules_is_found() {
    let source = std::env::temp_dir().join(format!("dicomperf-imports-{}", std::process::id()));
    fs::create_dir_all(source.join("b")).unwrap();
    fs::write(source.join("lib.rs"), "mod a; mod b;").unwrap();
    fs::write(source.join("a.rs"), "use crate::b::B; pub struct A; #[cfg(test)] mod tests { use crate::c::C; }")
        .unwrap();
    fs::write(source.join("b/mod.rs"), "mod inner; pub struct B;").unwrap();
    fs::write(source.join("b/inner.rs"), "fn of(_: super::super::a::A) {}").unwrap();
    let imports = imports_of(&source);
    fs::remove_dir_all(&source).unwrap();
    let edges: Vec<_> = imports.edges.iter().map(|(from, to)| (from.join("::"), to.join("::"))).collect();
    assert_eq!(edges, [("a".to_owned(), "b".to_owned()), ("b::inner".to_owned(), "a".to_owned())]);
}
