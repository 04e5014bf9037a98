//! `postgres://user:password@host:5432/database?sslmode=require`, and libpq's other form,
//! `host=… dbname=…`.
//!
//! No message holds a piece of the text: wherever a URL is cut wrongly, the piece may be a part
//! of the password.

use super::error::ConfigError;
use super::libpq::refuse_several_hosts;
use super::origin::Origin;
use super::values::Setting;

/// Names of libpq's parameters and the properties they set.
const PARAMETERS: &[(&str, &str)] = &[
    ("host", "database.hostname"),
    ("port", "database.port"),
    ("user", "database.user"),
    ("password", "database.password"),
    ("dbname", "database.dbname"),
    ("sslmode", "database.sslmode"),
    ("sslrootcert", "database.sslrootcert"),
    ("sslcert", "database.sslcert"),
    ("sslkey", "database.sslkey"),
    ("connect_timeout", "driver.connectTimeout"),
];

/// Parameters of libpq that we have no support for.
const NOT_YET: &[&str] = &[
    "application_name",
    "channel_binding",
    "client_encoding",
    "fallback_application_name",
    "gssencmode",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "options",
    "passfile",
    "replication",
    "require_auth",
    "requirepeer",
    "service",
    "sslcrl",
    "sslcrldir",
    "sslnegotiation",
    "sslpassword",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "target_session_attrs",
    "tcp_user_timeout",
];

/// The settings that a URL or a connection string holds.
pub(super) fn parse(text: &str, origin: &Origin) -> Result<Vec<Setting>, ConfigError> {
    let text = text.trim();
    let fail =
        |reason: &str| ConfigError::Url { origin: origin.clone(), reason: reason.to_owned() };
    let pairs = if let Some(rest) =
        text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"))
    {
        url_pairs(rest).map_err(fail)?
    } else if text.contains("://") {
        return Err(fail("it must begin with postgres:// or postgresql://"));
    } else {
        keyword_pairs(text).map_err(fail)?
    };
    pairs.into_iter().map(|(name, value)| setting(&name, value, origin)).collect()
}

fn setting(name: &str, value: String, origin: &Origin) -> Result<Setting, ConfigError> {
    // JDBC's short form, which libpq knows too.
    let (name, value) = match (name, value.as_str()) {
        ("ssl", "true") => ("sslmode", "require".to_owned()),
        _ => (name, value),
    };
    if let Some((_, key)) = PARAMETERS.iter().find(|(parameter, _)| *parameter == name) {
        if *key == "database.hostname" {
            refuse_several_hosts(&value, &origin.to_string())?;
        }
        return Ok(Setting::new(*key, value, origin.clone()));
    }
    if NOT_YET.contains(&name) {
        return Err(ConfigError::Libpq { what: format!("{name} ({origin})") });
    }
    let known: Vec<&str> = PARAMETERS.iter().map(|(parameter, _)| *parameter).collect();
    Err(ConfigError::Url {
        origin: origin.clone(),
        reason: format!("unknown parameter; it knows {}", known.join(", ")),
    })
}

type Pairs = Vec<(String, String)>;

/// What stands behind `postgres://`.
fn url_pairs(rest: &str) -> Result<Pairs, &'static str> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let mut pairs = Pairs::new();
    let mut push = |name: &str, text: &str| {
        if !text.is_empty() {
            pairs.push((name.to_owned(), decode(text)?));
        }
        Ok::<(), &'static str>(())
    };
    // The last @, so that one in the password does no harm.
    let hosts = match authority.rsplit_once('@') {
        Some((login, hosts)) => {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            push("user", user)?;
            push("password", password)?;
            hosts
        }
        None => authority,
    };
    if hosts.contains(',') {
        push("host", hosts)?;
    } else {
        let (host, port) = split_port(hosts)?;
        push("host", host)?;
        push("port", port)?;
    }
    push("dbname", database)?;
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').ok_or("a parameter has no =")?;
        push(name, value)?;
    }
    Ok(pairs)
}

/// `host:port`, `[2001:db8::1]:port`, each part optional.
fn split_port(text: &str) -> Result<(&str, &str), &'static str> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or("the [ of an address is not closed")?;
            match after.strip_prefix(':') {
                Some(port) => (host, port),
                None if after.is_empty() => (host, ""),
                None => return Err("only :port may stand behind an address in brackets"),
            }
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let is_port = port.is_empty() || port.parse::<u16>().is_ok_and(|port| port > 0);
    if is_port { Ok((host, port)) } else { Err("the port is no number from 1 to 65535") }
}

/// Replaces `%41` by the byte it stands for.
fn decode(text: &str) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
        let (high, low) = digit().zip(digit()).ok_or("% needs two hex digits behind it")?;
        bytes.push(u8::try_from(high << 4 | low).map_err(|_| "% needs two hex digits")?);
    }
    if bytes.contains(&0) {
        return Err("%00 is not allowed");
    }
    String::from_utf8(bytes).map_err(|_| "the decoded text is no UTF-8")
}

/// `host=localhost user='a b' password=it\'s`.
fn keyword_pairs(text: &str) -> Result<Pairs, &'static str> {
    if !text.contains('=') {
        return Err("it is neither a URL nor a list of keyword=value");
    }
    let mut pairs = Pairs::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or("a keyword has no =")?;
        let name = name.trim_end();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err("a keyword has no =");
        }
        let (value, after) = keyword_value(after.trim_start())?;
        if !value.is_empty() {
            pairs.push((name.to_owned(), value));
        }
        rest = after.trim_start();
    }
    Ok(pairs)
}

/// One value, quoted or not, and what follows it.
fn keyword_value(text: &str) -> Result<(String, &str), &'static str> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut chars = text.char_indices().skip(usize::from(quoted));
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            '\'' if quoted => return Ok((value, &text[at + 1..])),
            c if !quoted && c.is_whitespace() => return Ok((value, &text[at..])),
            c => value.push(c),
        }
    }
    if quoted { Err("a quote is not closed") } else { Ok((value, "")) }
}

#[cfg(test)]
mod tests;
