//! Holds `src/` to the layers that `src/lib.rs` describes.

use super::{code, files};
use std::path::Path;

/// Layers from the bottom, modules from left to right: a module may use lower layers and, within
/// its own, what stands to its left.
const LAYERS: &[(&str, &[&str])] = &[
    ("words", &["lsn", "pgtime", "oid", "record"]),
    (
        "cores",
        &[
            "pgoutput",
            "relation",
            "value",
            "event",
            "envelope",
            "progress",
            "incremental",
            "signal",
            "signal",
            "engine",
            "chunks",
            "query",
            "stage",
            "transform",
        ],
    ),
    (
        "edges",
        &[
            "config",
            "control",
            "telemetry",
            "postgres",
            "log",
            "kafka",
            "offsets",
            "source",
            "sink",
            "spill",
        ],
    ),
    ("flows", &["load", "snapshot", "capture", "tail", "query_flow", "doctor"]),
];

/// What has no place in words and cores: they are told the time and handed the bytes.
const OUTSIDE_WORLD: &[&str] = &[
    "tokio::",
    "tokio_postgres::",
    "rdkafka::",
    "tracing::",
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "Instant::now",
    "SystemTime::now",
];

#[test]
fn modules_import_only_what_stands_above_them() {
    let mut wrong = Vec::new();
    for (path, text) in files("src", "rs") {
        let module = module_of(&path);
        if matches!(module.as_str(), "lib" | "main" | "cli" | "error") {
            continue; // The compiler keeps the library from importing these, but for `error`.
        }
        let Some(own) = place(&module) else {
            panic!("src/{module} is in no layer: give it its place in tests/tidy/layers.rs");
        };
        for (number, line) in code(&path, &text) {
            for target in imports(line).filter(|target| *target != module) {
                if !may_use(own, target) {
                    wrong.push(format!("{}:{number}: `{module}` uses `{target}`", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "against the layers of src/lib.rs:\n{}", wrong.join("\n"));
}

#[test]
fn words_and_cores_do_not_touch_the_outside_world() {
    let mut wrong = Vec::new();
    for (path, text) in files("src", "rs") {
        if place(&module_of(&path)).is_none_or(|(layer, _)| layer >= 2) {
            continue;
        }
        for (number, line) in code(&path, &text) {
            let is_comment = line.trim_start().starts_with("//");
            let used = OUTSIDE_WORLD.iter().find(|outside| !is_comment && line.contains(**outside));
            if let Some(outside) = used {
                wrong.push(format!("{}:{number}: {outside}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "a core must not know:\n{}", wrong.join("\n"));
}

#[test]
fn imports_name_one_module_each() {
    for (path, text) in files("src", "rs") {
        let at = text.lines().position(|line| line.contains("use crate::{"));
        assert!(
            at.is_none(),
            "{}:{}: one `use crate::module` a line",
            path.display(),
            at.unwrap() + 1
        );
    }
}

/// `src/postgres/slot.rs` belongs to `postgres`, `src/lsn.rs` to `lsn`.
fn module_of(path: &Path) -> String {
    let first = path.iter().nth(1).unwrap().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// Layer and position within it.
fn place(module: &str) -> Option<(usize, usize)> {
    LAYERS.iter().enumerate().find_map(|(layer, (_, modules))| {
        modules.iter().position(|known| *known == module).map(|position| (layer, position))
    })
}

/// Modules named in a line behind `crate::`; macros and items of the crate's root are none.
fn imports(line: &str) -> impl Iterator<Item = &str> {
    let line = if line.trim_start().starts_with("//") { "" } else { line };
    line.split("crate::").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        Some(&rest[..end])
    })
}

fn may_use(own: (usize, usize), target: &str) -> bool {
    const FLOWS: usize = 3;
    match place(target) {
        Some((layer, _)) if layer < own.0 => true,
        Some((layer, position)) => layer == own.0 && layer != FLOWS && position < own.1,
        None => target == "error" && own.0 == FLOWS,
    }
}

#[test]
fn rule_knows_left_from_right() {
    let may = |module: &str, target: &str| may_use(place(module).unwrap(), target);
    assert!(may("envelope", "lsn") && may("envelope", "value") && may("sink", "envelope"));
    assert!(may("capture", "sink") && may("capture", "error") && may("offsets", "kafka"));
    assert!(!may("value", "envelope") && !may("lsn", "value") && !may("envelope", "sink"));
    assert!(!may("capture", "load") && !may("load", "capture") && !may("sink", "error"));
    let line = "use crate::lsn::Lsn; // and crate::oid::Oid";
    assert_eq!(imports(line).collect::<Vec<_>>(), ["lsn", "oid"]);
}
