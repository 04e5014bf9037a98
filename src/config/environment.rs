//! The process's surroundings, read once: environment variables, user, home directory.

use super::error::ConfigError;
use super::origin::Origin;
use super::property;
use super::values::Setting;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a process finds around itself; tests make their own.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// Variables by name.
    pub variables: BTreeMap<String, String>,
    /// Name of the operating system's user.
    pub user: Option<String>,
    /// Directories in which PostgreSQL's unix sockets may be.
    pub socket_dirs: Vec<PathBuf>,
}

impl Environment {
    /// The surroundings of this process.
    #[must_use]
    pub fn of_process() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the place that reads them")]
        let variables = std::env::vars_os()
            .map(|(name, value)| {
                (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
            })
            .collect();
        Self {
            variables,
            user: whoami::account().ok(),
            // Debian's and Red Hat's place, then PostgreSQL's own.
            socket_dirs: vec![PathBuf::from("/var/run/postgresql"), PathBuf::from("/tmp")],
        }
    }

    /// A variable that is there and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Every `MINICDC_…` variable as a setting.
    pub(super) fn settings(&self) -> Result<Vec<Setting>, ConfigError> {
        self.variables
            .iter()
            .filter(|(name, _)| name.starts_with("MINICDC_") && !is_foreign(name))
            .map(|(name, value)| {
                let origin = Origin::Variable(name.clone());
                match property_name(name) {
                    Some(key) => Ok(Setting::new(key, value, origin)),
                    None => Err(ConfigError::Unknown {
                        key: name.clone(),
                        origin,
                        nearest: property::nearest(&lower(&name["MINICDC_".len()..]))
                            .map(property::Property::variable),
                    }),
                }
            })
            .collect()
    }
}

/// The property that a variable sets.
fn property_name(variable: &str) -> Option<String> {
    if let Some(row) =
        property::all().find(|row| row.family().is_none() && row.variable() == variable)
    {
        return Some(row.name.to_owned());
    }
    property::all()
        .filter_map(|row| Some((row.family()?, row.variable())))
        .filter_map(|(family, start)| Some((family, variable.strip_prefix(&start)?)))
        .filter(|(_, rest)| !rest.is_empty())
        .min_by_key(|(_, rest)| rest.len())
        .map(|(family, rest)| format!("{family}{}", lower(rest)))
}

fn lower(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', ".")
}

/// Variables with our prefix that are no settings.
fn is_foreign(name: &str) -> bool {
    // Kubernetes describes a service that is called `minicdc` in this way.
    let kubernetes = ["MINICDC_SERVICE_", "MINICDC_PORT"];
    // The scripts and the test suite steer themselves by these.
    let development = ["MINICDC_CACHE", "MINICDC_TEST_", "MINICDC_BLESS", "MINICDC_GOLDEN_"];
    kubernetes.iter().chain(&development).any(|start| name.starts_with(start))
}

/// One variable of this process that is no setting, such as `RUST_LOG`; none when it is empty.
#[must_use]
pub fn process_variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "this is the place that reads them")]
    let value = std::env::var_os(name)?;
    Some(value.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
}

/// True when output to a stream should be coloured: on a terminal, unless `NO_COLOR` is set.
#[must_use]
pub fn wants_colour(is_terminal: bool) -> bool {
    is_terminal && process_variable("NO_COLOR").is_none()
}
