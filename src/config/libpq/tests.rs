use super::*;
use crate::config::{DatabaseConfig, Overrides, resolve};

fn database(environment: &Environment) -> Result<DatabaseConfig, String> {
    resolve(&Overrides::default(), environment)
        .map(|resolved| resolved.config.database)
        .map_err(|error| error.to_string())
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    let variables =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Environment { variables, user: Some("me".to_owned()), socket_dirs: Vec::new() }
}

#[test]
fn without_settings_the_local_socket_serves_else_localhost() {
    let dir = tempfile::tempdir().unwrap();
    let mut environment = environment(&[]);
    environment.socket_dirs.push(dir.path().to_owned());
    let config = database(&environment).unwrap();
    assert_eq!((config.hostname.as_str(), config.user.as_str()), ("localhost", "me"));
    assert_eq!(config.dbname, "me");
    std::fs::write(dir.path().join(".s.PGSQL.5432"), "").unwrap();
    assert_eq!(database(&environment).unwrap().hostname, dir.path().to_string_lossy());
    environment.variables.insert("PGPORT".to_owned(), "5433".to_owned());
    assert_eq!(database(&environment).unwrap().hostname, "localhost");
}

#[test]
fn variables_of_libpq_are_read_and_empty_ones_are_not() {
    let config = database(&environment(&[
        ("PGHOST", "h"),
        ("PGPORT", "5433"),
        ("PGUSER", "u"),
        ("PGDATABASE", ""),
        ("PGPASSWORD", "p"),
        ("PGSSLMODE", "require"),
        ("PGCONNECT_TIMEOUT", "2"),
    ]))
    .unwrap();
    assert_eq!((config.hostname.as_str(), config.port, config.user.as_str()), ("h", 5433, "u"));
    assert_eq!(config.dbname, "u");
    assert_eq!(config.password.unwrap().reveal(), "p");
    assert_eq!(config.connect_timeout_ms, 2_000);
}

#[test]
fn variables_that_would_change_the_connection_are_refused() {
    for (name, value) in [
        ("PGSERVICE", "shop"),
        ("PGHOSTADDR", "10.0.0.1"),
        ("PGCHANNELBINDING", "require"),
        ("PGSSLCRL", "/crl.pem"),
    ] {
        let expected = format!("{name} is a known libpq setting that minicdc does not support yet");
        assert_eq!(database(&environment(&[(name, value)])).unwrap_err(), expected);
    }
    assert!(database(&environment(&[("PGCHANNELBINDING", "prefer")])).is_ok());
    // A host that is named otherwise leaves no place for a service.
    let named = [("PGSERVICE", "shop"), ("DATABASE_URL", "postgres://h/d")];
    assert!(database(&environment(&named)).is_ok());
    let hosts = database(&environment(&[("PGHOST", "a,b")])).unwrap_err();
    assert!(hosts.starts_with("a list of hosts (PGHOST)"), "{hosts}");
}

#[test]
fn password_file_lines_are_matched_in_order() {
    let file = "# comment\nh:5432:d:u:first\nh:*:*:u:second\n*:*:*:*:last\\:\\\\\n";
    let password = |wanted| password_of(file, wanted);
    assert_eq!(password(["h", "5432", "d", "u"]).unwrap(), "first");
    assert_eq!(password(["h", "5433", "d", "u"]).unwrap(), "second");
    assert_eq!(password(["i", "5433", "d", "u"]).unwrap(), "last:\\");
    assert_eq!(password_of("h:1:d:u", ["h", "1", "d", "u"]), None);
    assert_eq!(password_of(r"a\:b:1:d:u:p", ["a:b", "1", "d", "u"]).unwrap(), "p");
}

#[cfg(unix)]
#[test]
fn password_file_is_used_unless_others_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("passwords");
    std::fs::write(&path, "h:5432:d:u:from file\n").unwrap();
    let environment = environment(&[
        ("PGPASSFILE", &path.to_string_lossy()),
        ("DATABASE_URL", "postgres://u@h/d"),
    ]);
    let mode = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    mode(0o600);
    assert_eq!(database(&environment).unwrap().password.unwrap().reveal(), "from file");
    mode(0o644);
    let resolved = resolve(&Overrides::default(), &environment).unwrap();
    assert!(resolved.config.database.password.is_none());
    assert!(resolved.notices[0].contains("chmod 600"), "{:?}", resolved.notices);
}
