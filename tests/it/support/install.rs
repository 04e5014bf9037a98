//! Where `scripts/setup.sh` put the servers; the same rules as in `scripts/lib.sh`.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Whether we are root, whom PostgreSQL refuses to serve.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Jars, PostgreSQL trees and initialised clusters, kept between runs.
pub(crate) fn cache() -> PathBuf {
    if let Some(dir) = env::var_os("MINICDC_TEST_CACHE").filter(|dir| !dir.is_empty()) {
        return dir.into();
    }
    if is_root() {
        return "/var/cache/minicdc".into();
    }
    let home = || Path::new(&env::var_os("HOME").unwrap()).join(".cache");
    env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("minicdc")
}

/// PostgreSQL's programs for a major; without one the distribution's newest.
pub(crate) fn postgres_bin(major: Option<u32>) -> PathBuf {
    let found = match major {
        Some(major) => [
            format!("/usr/lib/postgresql/{major}/bin").into(),
            cache().join(format!("postgres-{major}/bin")),
        ]
        .into_iter()
        .find(|dir: &PathBuf| dir.join("initdb").exists()),
        None => distribution_postgres_bin(),
    };
    let asked = major.map_or_else(String::new, |major| format!(" {major}"));
    found.unwrap_or_else(|| panic!("no PostgreSQL{asked}; run: scripts/setup.sh postgres{asked}"))
}

fn distribution_postgres_bin() -> Option<PathBuf> {
    let majors = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let newest = majors
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|major| major.parse::<u32>().ok())
        .filter(|major| Path::new(&format!("/usr/lib/postgresql/{major}/bin/initdb")).exists())
        .max();
    if let Some(major) = newest {
        return Some(format!("/usr/lib/postgresql/{major}/bin").into());
    }
    let output = std::process::Command::new("pg_config").arg("--bindir").output().ok()?;
    let dir = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    dir.join("initdb").exists().then_some(dir)
}

/// psql of the distribution: it serves every major, and npm's trees have none.
pub(crate) fn psql() -> &'static Path {
    static PSQL: OnceLock<PathBuf> = OnceLock::new();
    PSQL.get_or_init(|| {
        distribution_postgres_bin()
            .map(|dir| dir.join("psql"))
            .filter(|psql| psql.exists())
            .unwrap_or_else(|| "psql".into())
    })
}

/// Class path of Apache Kafka, broker and tools.
pub(crate) fn kafka_class_path() -> String {
    let mut jars: Vec<PathBuf> = fs::read_dir(cache())
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|dir| dir.file_name().is_some_and(|n| n.to_string_lossy().starts_with("kafka-")))
        .filter(|dir| dir.join(".complete").exists())
        .collect();
    jars.sort();
    let newest = jars.pop().expect("no Kafka; run: scripts/setup.sh kafka");
    format!("{}/*", newest.display())
}
