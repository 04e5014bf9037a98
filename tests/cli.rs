//! The command line through the built binary: help, settings and their origin, errors and exit
//! statuses. No server is needed.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use assert_cmd::Command;
use std::fs;

/// The binary in an empty environment, so that the machine's own settings say nothing.
fn minicdc(arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("minicdc"));
    command.env_clear().args(arguments);
    command
}

/// Status, standard output and standard error of a run.
fn run(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The line of `minicdc config` about one key, its columns a blank apart.
fn line(stdout: &str, key: &str) -> String {
    let line = stdout.lines().find(|line| line.split_whitespace().next() == Some(key));
    line.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn help_names_every_subcommand_and_the_exit_statuses() {
    let (status, stdout, stderr) = run(&mut minicdc(&["--help"]));
    assert_eq!((status, stderr.as_str()), (0, ""));
    for part in ["config", "--log-format", "Exit status: 0 done or stopped cleanly"] {
        assert!(stdout.contains(part), "{part} in {stdout}");
    }
}

#[test]
fn help_of_config_shows_flags_precedence_and_examples() {
    let (status, stdout, _) = run(&mut minicdc(&["config", "--help"]));
    assert_eq!(status, 0);
    for part in ["flags > --set > environment > --config > defaults", "--check <FILE>", "Examples:"]
    {
        assert!(stdout.contains(part), "{part} in {stdout}");
    }
}

#[test]
fn help_never_shows_the_database_url_of_the_environment() {
    let mut command = minicdc(&["config", "--help"]);
    let (_, stdout, _) = run(command.env("DATABASE_URL", "postgres://u:SECRET@h/d"));
    assert!(stdout.contains("DATABASE_URL") && !stdout.contains("SECRET"), "{stdout}");
}

#[test]
fn unknown_flags_and_missing_subcommands_are_usage_errors() {
    for arguments in [&["config", "--nonsense"] as &[&str], &[], &["nonsense"]] {
        assert_eq!(run(&mut minicdc(arguments)).0, 2, "{arguments:?}");
    }
}

#[test]
fn unknown_setting_names_the_nearest_and_exits_with_2() {
    let (status, stdout, stderr) = run(&mut minicdc(&["config", "--set", "slot.nam=x"]));
    assert_eq!((status, stdout.as_str()), (2, ""));
    assert_eq!(
        stderr,
        "error: unknown setting slot.nam (--set)\n\
         hint:  did you mean slot.name? `minicdc config --list` prints every setting\n"
    );
}

#[test]
fn known_debezium_setting_without_support_stops_with_these_words() {
    let (status, _, stderr) =
        run(&mut minicdc(&["config", "--set", "snapshot.query.mode.custom.name=X"]));
    assert_eq!(status, 2);
    assert!(
        stderr.starts_with(
            "error: snapshot.query.mode.custom.name (--set) is a known Debezium key that minicdc does not \
             support yet\nhint: "
        ),
        "{stderr}"
    );
}

#[test]
fn wrong_value_names_key_value_origin_and_rule() {
    let mut command = minicdc(&["config"]);
    let (status, _, stderr) = run(command.env("MINICDC_SNAPSHOT_MODE", "sometimes"));
    assert_eq!(status, 2);
    assert!(
        stderr.starts_with(
            "error: snapshot.mode: invalid value \"sometimes\" (environment \
             MINICDC_SNAPSHOT_MODE): expected initial, no_data, never, always, initial_only, \
             when_needed or configuration_based\n"
        ),
        "{stderr}"
    );
}

#[test]
fn a_broken_url_is_an_error_that_keeps_its_password() {
    let arguments = ["config", "--database-url", "postgres://me:SECRET@host:x/d"];
    let (status, _, stderr) = run(&mut minicdc(&arguments));
    assert_eq!(status, 2);
    assert!(stderr.starts_with("error: --database-url is no PostgreSQL URL: the port"), "{stderr}");
    assert!(stderr.contains("\nhint:  write postgres://"), "{stderr}");
    assert!(!stderr.contains("SECRET"), "{stderr}");
}

#[test]
fn a_broken_log_filter_is_an_error() {
    let (status, _, stderr) = run(minicdc(&["config"]).env("RUST_LOG", "minicdc=loud"));
    assert_eq!(status, 2);
    assert!(stderr.starts_with("error: RUST_LOG: invalid value \"minicdc=loud\": "), "{stderr}");
    assert!(stderr.contains("\nhint:  write RUST_LOG=debug"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn logs_go_to_standard_error_as_text_or_json() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let passwords = dir.path().join("passwords");
    fs::write(&passwords, "*:*:*:*:SECRET\n").unwrap();
    fs::set_permissions(&passwords, PermissionsExt::from_mode(0o644)).unwrap();
    let logs = |format: &str| {
        let mut command = minicdc(&["--log-format", format, "config"]);
        let (status, stdout, stderr) = run(command.env("PGPASSFILE", &passwords));
        assert_eq!(status, 0, "{stderr}");
        assert!(!stdout.contains("chmod") && !stderr.contains("SECRET"), "{stdout}{stderr}");
        stderr
    };
    let text = logs("text");
    assert!(text.contains(" WARN ") && text.contains("chmod 600 it"), "{text}");
    assert!(!text.contains('\u{1b}'), "colour without a terminal: {text:?}");
    let json: serde_json::Value = serde_json::from_str(&logs("json")).unwrap();
    assert_eq!(json["level"], "WARN");
    assert!(json["message"].as_str().unwrap().contains("chmod 600 it"), "{json}");
}

#[test]
fn config_lists_values_with_origins_and_hides_passwords() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("connector.json");
    fs::write(
        &file,
        r#"{"name": "shop", "config": {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "database.hostname": "from-file", "database.password": "${env:DB_PASSWORD}",
            "slot.name": "from_file", "tasks.max": 1, "tombstones.on.delete": false}}"#,
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let mut command = minicdc(&["config", "--config", file, "--set", "slot.name=from_set"]);
    command.args(["--brokers", "k:9092"]).env("DB_PASSWORD", "SECRET").env("PGHOST", "from-env");
    let (status, stdout, stderr) = run(&mut command);
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert_eq!(line(&stdout, "slot.name"), "slot.name from_set --set");
    assert_eq!(line(&stdout, "database.hostname"), "database.hostname from-env environment PGHOST");
    assert_eq!(line(&stdout, "database.password"), format!("database.password *** {file}"));
    assert_eq!(line(&stdout, "tombstones.on.delete"), format!("tombstones.on.delete false {file}"));
    assert_eq!(line(&stdout, "bootstrap.servers"), "bootstrap.servers k:9092 --brokers");
    assert_eq!(line(&stdout, "name"), format!("name shop {file}"));
    assert_eq!(line(&stdout, "sink.type"), "sink.type kafka bootstrap.servers");
    assert!(!stdout.contains("SECRET"), "{stdout}");
}

#[test]
fn check_prints_every_problem_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bad.properties");
    fs::write(&file, "slot.nam=x\nslot.name=ok\nsnapshot.query.mode.custom.name=X\n").unwrap();
    let (status, stdout, stderr) =
        run(&mut minicdc(&["config", "--check", file.to_str().unwrap()]));
    assert_eq!(status, 2);
    assert!(stdout.contains("unknown setting slot.nam"), "{stdout}");
    assert!(stdout.contains("bad.properties line 1)\n  did you mean slot.name?"), "{stdout}");
    assert!(stdout.contains("snapshot.query.mode.custom.name ("), "{stdout}");
    assert!(stderr.ends_with("bad.properties: 2 problems\n"), "{stderr}");
}

#[test]
fn check_of_a_good_file_says_what_has_nothing_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("good.toml");
    fs::write(&file, "[table]\ninclude.list = ['public.orders']\n[tasks]\nmax = 1\n").unwrap();
    let mut command = minicdc(&["config", "--check", file.to_str().unwrap()]);
    // Only the file counts.
    let (status, stdout, stderr) = run(command.env("MINICDC_SLOT_NAM", "x"));
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert!(stdout.contains("good.toml: 2 settings, all of them hold\n"), "{stdout}");
    assert!(stdout.contains("  tasks.max has nothing to do here: "), "{stdout}");
}

#[test]
fn list_prints_one_line_per_setting_when_it_is_no_terminal() {
    let (status, stdout, _) = run(&mut minicdc(&["config", "--list"]));
    assert_eq!(status, 0);
    assert!(stdout.starts_with("setting"), "{stdout}");
    let of = |key: &str| line(&stdout, key);
    assert!(of("slot.name").contains(" supported ") && of("slot.name").ends_with("(--slot)"));
    assert!(of("tasks.max").contains(" accepted 1 "), "{}", of("tasks.max"));
    assert!(of("guardrail.collections.max").contains(" not yet 0 "));
}

#[test]
fn settings_page_is_what_the_program_prints() {
    let (status, printed, _) = run(&mut minicdc(&["config", "--list", "--markdown"]));
    assert_eq!(status, 0);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/settings.md");
    #[expect(clippy::disallowed_methods, reason = "a switch of the test, not a setting")]
    if std::env::var_os("MINICDC_BLESS").is_some() {
        fs::write(path, &printed).unwrap();
    }
    let page = fs::read_to_string(path).unwrap_or_default();
    assert!(
        page == printed,
        "docs/settings.md is out of date: MINICDC_BLESS=1 cargo test --test cli settings_page"
    );
}

#[test]
fn a_reader_that_stops_early_is_no_failure() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("minicdc"))
        .args(["config", "--list"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert!(output.status.success());
}

#[test]
fn config_shows_columns_to_hash_without_their_salt() {
    let set = "column.mask.hash.v2.SHA-256.with.salt.PEPPER=public.t.a";
    let (status, stdout, _) = run(&mut minicdc(&["config", "--set", set]));
    assert_eq!(status, 0);
    assert!(stdout.contains("column.mask.hash.v2.SHA-256.with.salt.***"), "{stdout}");
    assert!(stdout.contains("public.t.a") && !stdout.contains("PEPPER"), "{stdout}");
}
