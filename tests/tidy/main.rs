//! Tests of the source text and of the dependencies: what reviewers would otherwise have to watch.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly anywhere")]

mod dependencies;
mod layers;
mod text;

use std::fs;
use std::path::{Path, PathBuf};

/// The project's directory.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a directory of the project, with their text, in a stable order.
fn files(below: &str, extension: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(below)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|found| found == extension) {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
        }
    }
    found.sort();
    found
}

/// The lines of a file in front of its inline tests, numbered from 1; none for a file of tests.
fn code<'a>(path: &Path, text: &'a str) -> Vec<(usize, &'a str)> {
    let is_tests = path.iter().any(|part| {
        let part = part.to_string_lossy();
        part == "tests" || part == "tests.rs" || part.ends_with("_tests.rs")
    });
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    if is_tests { Vec::new() } else { lines.take_while(|(_, l)| *l != "#[cfg(test)]").collect() }
}
