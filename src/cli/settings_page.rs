//! The table of settings as text and as the Markdown page `docs/settings.md`.

use comfy_table::{ContentArrangement, Table, presets};
use minicdc::config::property::{self, Kind, Property, SECTIONS, State};

/// One row per setting; wrapped to the terminal, one line each when there is none.
pub(crate) fn table() -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["setting", "state", "default", "expected", "meaning"]);
    for row in property::all() {
        table.add_row([
            row.name.to_owned(),
            state(row).to_owned(),
            row.default.to_string(),
            row.kind.to_string(),
            meaning(row),
        ]);
    }
    table
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(&line).trim_end()))
        .collect()
}

const fn state(row: &Property) -> &'static str {
    match row.state {
        State::Supported => "supported",
        State::Accepted(_) => "accepted",
        State::NotYet => "not yet",
        State::Renamed(_) => "renamed",
    }
}

fn meaning(row: &Property) -> String {
    let mut text = row.help.to_owned();
    match row.state {
        State::Supported | State::NotYet => {}
        State::Accepted(reason) => text.push_str(&format!("; nothing to do here: {reason}")),
        State::Renamed(new) => text = format!("Old name of {new}"),
    }
    if let Some(flag) = row.flag {
        text.push_str(&format!(" ({flag})"));
    }
    text
}

/// The page `docs/settings.md`.
pub(crate) fn markdown() -> String {
    let mut page = INTRODUCTION.to_owned();
    for (title, rows) in SECTIONS {
        page.push_str(&format!("\n## {title}\n"));
        let of = |wanted: fn(&State) -> bool| rows.iter().filter(move |row| wanted(&row.state));
        page.push_str("\n| setting | default | values | meaning |\n|---|---|---|---|\n");
        for row in of(|state| matches!(state, State::Supported)) {
            page.push_str(&supported_line(row));
        }
        let mut accepted = of(|state| matches!(state, State::Accepted(_))).peekable();
        if accepted.peek().is_some() {
            page.push_str("\nChecked, with nothing to do here:\n\n");
        }
        for row in accepted {
            if let State::Accepted(reason) = row.state {
                page.push_str(&format!("- `{}` ({}): {reason}\n", row.name, escape(&values(row))));
            }
        }
        let not_yet: Vec<String> = of(|state| matches!(state, State::NotYet))
            .map(|row| match row.default {
                property::Default::Value(default) => format!("`{}` ({default})", row.name),
                _ => format!("`{}`", row.name),
            })
            .collect();
        if !not_yet.is_empty() {
            page.push_str("\nNot supported yet; a start with another value than the one in ");
            page.push_str(&format!("parentheses stops: {}.\n", not_yet.join(", ")));
        }
    }
    page
}

const INTRODUCTION: &str = "\
<!-- Printed by `minicdc config --list --markdown`; a test holds page and program together. -->

# Settings

Every setting has the name that Debezium or Kafka Connect gives it; a few are minicdc's own and say
so. Where several sources set one, the strongest wins:

1. flags, such as `--slot`
2. `--set name=value`
3. the environment: `MINICDC_` and the name in capitals with `_` (`MINICDC_SLOT_NAME`), then
   `DATABASE_URL`, then libpq's `PGHOST`, `PGPORT`, `PGUSER`, `PGPASSWORD`, `PGDATABASE`,
   `PGSSLMODE`, `PGSSLROOTCERT`, `PGSSLCERT`, `PGSSLKEY`, `PGCONNECT_TIMEOUT`
4. the file of `--config`: a connector's JSON as Kafka Connect takes it (with or without
   `name` and `config` around it), a Java `.properties` file, or TOML; `${env:NAME}`,
   `${file:/path:key}` and `${dir:/path:file}` are filled in
5. the defaults below

`minicdc config` prints what holds and where it came from, `minicdc config --check FILE` checks a
file. Nothing is ignored silently: an unknown name, a wrong value, or a Debezium setting that is
not supported yet stops the start. Lists of tables are comma-separated regular expressions that
match the whole name in any case; a comma inside one is written `\\,`.

A password that is set nowhere is looked up in `PGPASSFILE` or `~/.pgpass`.
";

fn supported_line(row: &Property) -> String {
    let flag = row.flag.map(|flag| format!("<br>`{flag}`")).unwrap_or_default();
    let default = match row.default {
        property::Default::Value(text) => format!("`{text}`"),
        other => other.to_string(),
    };
    let cells = [default, values(row), format!("{}.", row.help)].map(|cell| escape(&cell));
    format!("| `{}`{flag} | {} |\n", row.name, cells.join(" | "))
}

fn values(row: &Property) -> String {
    match row.kind {
        Kind::Choice { allowed, not_yet } => {
            let quote = |words: &[&str]| {
                words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
            };
            if not_yet.is_empty() {
                quote(allowed)
            } else {
                format!("{}; not yet {}", quote(allowed), quote(not_yet))
            }
        }
        kind => kind.to_string(),
    }
}

fn escape(cell: &str) -> String {
    cell.replace('|', "\\|").replace('<', "&lt;").replace("&lt;br>", "<br>")
}
