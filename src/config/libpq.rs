//! What libpq would do: `PG…` variables, the password file, and the defaults of psql.

use super::environment::Environment;
use super::error::ConfigError;
use super::origin::Origin;
use super::values::{Setting, Values};
use std::path::{Path, PathBuf};

/// Variables that set a property.
const VARIABLES: &[(&str, &str)] = &[
    ("PGHOST", "database.hostname"),
    ("PGPORT", "database.port"),
    ("PGUSER", "database.user"),
    ("PGPASSWORD", "database.password"),
    ("PGDATABASE", "database.dbname"),
    ("PGSSLMODE", "database.sslmode"),
    ("PGSSLROOTCERT", "database.sslrootcert"),
    ("PGSSLCERT", "database.sslcert"),
    ("PGSSLKEY", "database.sslkey"),
    ("PGCONNECT_TIMEOUT", "driver.connectTimeout"),
];

/// Variables that say where the server is, and that are not supported.
const PLACES: &[&str] = &["PGSERVICE", "PGHOSTADDR"];

/// Variables that say how safely to connect and that are not supported, with the values that
/// change nothing.
const SAFETY: &[(&str, &[&str])] = &[
    ("PGREQUIREPEER", &[]),
    ("PGSSLCRL", &[]),
    ("PGSSLCRLDIR", &[]),
    ("PGREQUIREAUTH", &[]),
    ("PGCHANNELBINDING", &["prefer", "disable"]),
    ("PGGSSENCMODE", &["prefer", "disable"]),
    ("PGTARGETSESSIONATTRS", &["any"]),
];

/// The `PG…` variables as settings.
pub(super) fn settings(environment: &Environment) -> Result<Vec<Setting>, ConfigError> {
    VARIABLES
        .iter()
        .filter_map(|(variable, key)| Some((variable, key, environment.get(variable)?)))
        .map(|(variable, key, value)| {
            let origin = Origin::Variable((*variable).to_owned());
            if *key == "database.hostname" {
                refuse_several_hosts(value, variable)?;
            }
            Ok(Setting::new(*key, value, origin))
        })
        .collect()
}

/// libpq tries a comma-separated list of hosts one by one.
pub(super) fn refuse_several_hosts(hosts: &str, place: &str) -> Result<(), ConfigError> {
    if hosts.contains(',') {
        return Err(ConfigError::Libpq { what: format!("a list of hosts ({place})") });
    }
    Ok(())
}

/// Fills in host, user, database and password as psql would.
pub(super) fn derive(
    values: &mut Values,
    environment: &Environment,
    notices: &mut Vec<String>,
) -> Result<(), ConfigError> {
    refuse_unsupported(values, environment)?;
    if !values.is_set("database.hostname") {
        let socket = format!(".s.PGSQL.{}", values.text("database.port"));
        match environment.socket_dirs.iter().find(|dir| dir.join(&socket).exists()) {
            Some(dir) => values.derive(
                "database.hostname",
                &dir.to_string_lossy(),
                "unix socket of this machine",
            )?,
            None => values.derive("database.hostname", "localhost", "default")?,
        }
    }
    let os_user = environment.user.as_deref().unwrap_or("postgres");
    values.derive("database.user", os_user, "operating system's user")?;
    let user = values.text("database.user").to_owned();
    values.derive("database.dbname", &user, "database.user")?;
    if !values.is_set("database.password") {
        from_password_file(values, environment, notices)?;
    }
    Ok(())
}

fn refuse_unsupported(values: &Values, environment: &Environment) -> Result<(), ConfigError> {
    let from_libpq = match values.origin("database.hostname") {
        Origin::Variable(name) => name == "PGHOST",
        origin => origin == Origin::Default,
    };
    let place = PLACES.iter().find(|name| from_libpq && environment.get(name).is_some());
    let safety = SAFETY.iter().find(|(name, harmless)| {
        environment.get(name).is_some_and(|value| !harmless.contains(&value))
    });
    match place.or(safety.map(|(name, _)| name)) {
        Some(name) => Err(ConfigError::Libpq { what: (*name).to_owned() }),
        None => Ok(()),
    }
}

fn from_password_file(
    values: &mut Values,
    environment: &Environment,
    notices: &mut Vec<String>,
) -> Result<(), ConfigError> {
    let path = match (environment.get("PGPASSFILE"), environment.get("HOME")) {
        (Some(path), _) => PathBuf::from(path),
        (None, Some(home)) => Path::new(home).join(".pgpass"),
        (None, None) => return Ok(()),
    };
    let Ok(text) = std::fs::read_to_string(&path) else {
        return Ok(());
    };
    if is_open_to_others(&path) {
        notices.push(format!(
            "password file {} is ignored, as others may read it: chmod 600 it",
            path.display()
        ));
        return Ok(());
    }
    let host = values.text("database.hostname");
    // A unix socket in its default place stands as localhost in the file.
    let host = if environment.socket_dirs.iter().any(|dir| dir.to_string_lossy() == host) {
        "localhost"
    } else {
        host
    };
    let wanted = [
        host,
        values.text("database.port"),
        values.text("database.dbname"),
        values.text("database.user"),
    ];
    match password_of(&text, wanted) {
        Some(password) => {
            values.set(Setting::new("database.password", password, Origin::PasswordFile(path)))
        }
        None => Ok(()),
    }
}

/// The password of the first line `host:port:database:user:password` that fits; `*` fits all.
fn password_of(file: &str, wanted: [&str; 4]) -> Option<String> {
    file.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut fields = split_fields(line);
        if fields.len() != 5 {
            return None;
        }
        let password = fields.pop()?;
        let fits = fields.iter().zip(wanted).all(|(field, want)| field == "*" || field == want);
        fits.then_some(password)
    })
}

/// Splits at colons; a backslash keeps the next character as it is.
fn split_fields(line: &str) -> Vec<String> {
    let mut fields = vec![];
    let mut field = String::new();
    let mut chars = line.trim_end_matches('\r').chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => field.extend(chars.next()),
            ':' => fields.push(std::mem::take(&mut field)),
            _ => field.push(c),
        }
    }
    fields.push(field);
    fields
}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests;
