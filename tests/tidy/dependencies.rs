//! Licences and sources of everything that is linked, by the rules of `deny.toml`.
//!
//! cargo-deny does this too, and more, but takes minutes to build; this needs nothing but cargo.

use super::root;
use serde::Deserialize;
use std::fs;
use std::process::Command;

#[derive(Deserialize)]
struct Rules {
    licenses: Licences,
    sources: Sources,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licences {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Sources {
    #[serde(rename = "allow-registry")]
    allow_registry: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

#[test]
fn dependencies_keep_to_the_rules_of_deny_toml() {
    let rules: Rules =
        toml::from_str(&fs::read_to_string(root().join("deny.toml")).unwrap()).unwrap();
    let mut wrong = Vec::new();
    for package in packages() {
        let who = format!("{} {}", package.name, package.version);
        if let Some(banned) = rules.bans.deny.iter().find(|banned| banned.name == package.name) {
            wrong.push(format!("{who} is banned: {}", banned.reason));
        }
        let Some(source) = &package.source else { continue }; // ourselves
        let registry = source.strip_prefix("registry+").unwrap_or(source);
        if !rules.sources.allow_registry.iter().any(|allowed| allowed == registry) {
            wrong.push(format!("{who} comes from {source}"));
        }
        let licence = package.license.as_deref().unwrap_or("nothing");
        if !is_allowed(licence, &rules.licenses.allow) {
            wrong.push(format!("{who} is licensed under {licence}"));
        }
    }
    assert!(wrong.is_empty(), "against deny.toml:\n{}", wrong.join("\n"));
}

/// What cargo would build for this platform, from the lock file and without the network.
fn packages() -> Vec<Package> {
    let cargo = env!("CARGO");
    let version = Command::new(cargo).arg("-vV").output().unwrap().stdout;
    let version = String::from_utf8(version).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--offline",
            "--filter-platform",
            host,
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice::<Metadata>(&output.stdout).unwrap().packages
}

/// Whether a licence expression can be met with allowed licences only.
///
/// `AND` binds more tightly than `OR`; an old-fashioned `/` means `OR`.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words: Vec<&str> = spaced.split_whitespace().rev().collect();
    let result = any(&mut words, allowed);
    result && words.is_empty()
}

fn any(words: &mut Vec<&str>, allowed: &[String]) -> bool {
    let mut result = all(words, allowed);
    while words.last() == Some(&"OR") {
        words.pop();
        result |= all(words, allowed);
    }
    result
}

fn all(words: &mut Vec<&str>, allowed: &[String]) -> bool {
    let mut result = one(words, allowed);
    while words.last() == Some(&"AND") {
        words.pop();
        result &= one(words, allowed);
    }
    result
}

fn one(words: &mut Vec<&str>, allowed: &[String]) -> bool {
    match words.pop() {
        Some("(") => {
            let result = any(words, allowed);
            result && words.pop() == Some(")")
        }
        Some(licence) if words.last() == Some(&"WITH") => {
            words.pop();
            let exception = words.pop().unwrap_or_default();
            allowed.contains(&format!("{licence} WITH {exception}"))
        }
        Some(licence) => allowed.iter().any(|known| known == licence),
        None => false,
    }
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = ["MIT", "Zlib", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
    #[rustfmt::skip] // one expression a line
    let cases = [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0/MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("MIT AND Zlib", true),
        ("(GPL-3.0 OR MIT) AND Zlib", true),
        ("MIT OR GPL-3.0 AND AGPL-3.0", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0", false),
        ("(MIT", false),
        ("", false),
    ];
    for (expression, expected) in cases {
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
    }
}
