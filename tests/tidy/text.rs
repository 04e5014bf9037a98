//! Lines that must not be there, and files that grow long.

use super::{code, files, root};
use std::fs;

/// A file of more lines than this probably holds a second idea.
const LONG: usize = 400;

#[test]
fn no_shortcuts_outside_tests() {
    const SHORTCUTS: &[&str] =
        &[".unwrap()", "todo!(", "unimplemented!(", "dbg!(", "panic!(", "#[allow(dead_code"];
    let mut found = Vec::new();
    for (path, text) in files("src", "rs") {
        for (number, line) in code(&path, &text) {
            let is_comment = line.trim_start().starts_with("//");
            let shortcut = SHORTCUTS.iter().find(|shortcut| line.contains(**shortcut));
            if let Some(shortcut) = shortcut.filter(|_| !is_comment) {
                found.push(format!("{}:{number}: {shortcut}", path.display()));
            }
        }
    }
    assert!(found.is_empty(), "outside tests:\n{}", found.join("\n"));
}

#[test]
fn nothing_names_the_machine_it_was_written_on() {
    let here = format!("{}/", root().display());
    let homes = ["/home/", "/root/", "/Users/"].map(|home| format!("\"{home}"));
    let mut all = Vec::new();
    for (folder, extension) in
        [("src", "rs"), ("tests/it", "rs"), ("scripts", "sh"), ("scripts/servers", "conf")]
    {
        all.extend(files(folder, extension));
    }
    for name in ["README.md", "ARCHITECTURE.md", "Dockerfile", "docker-compose.yml", "Cargo.toml"] {
        if let Ok(text) = fs::read_to_string(root().join(name)) {
            all.push((name.into(), text));
        }
    }
    for (path, text) in all {
        for (index, line) in text.lines().enumerate() {
            let named = homes.iter().chain([&here]).find(|place| line.contains(*place));
            assert!(named.is_none(), "{}:{}: {}", path.display(), index + 1, named.unwrap());
        }
    }
}

/// A notice and no failure: a long file may well hold one idea.
#[test]
fn long_files_are_listed() {
    for (path, text) in files("src", "rs") {
        let lines = code(&path, &text).len();
        if lines > LONG {
            println!(
                "{}: {lines} lines in front of its tests, is there a second idea?",
                path.display()
            );
        }
    }
}
