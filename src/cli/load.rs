//! `minicdc load`: its flags, its progress bars and what it prints at the end.

use super::SharedArgs;
use super::text::{counted, duration, grouped};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use minicdc::error::Error;
use minicdc::load::{
    self, LoadEvent, LoadObserver, LoadOptions, LoadReport, Made, Mode, Note, Pass,
    ReplicaIdentity, TableReport,
};
use minicdc::postgres;
use std::collections::HashMap;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use unicode_width::UnicodeWidthStr as _;

/// Load the CSV files of a directory into tables, all of them or none.
///
/// DIR/orders.csv becomes rows of public.orders; its first line names the columns, in any order.
/// A table that is missing is made, with types that every cell of the file has. Parents load before
/// the tables that refer to them. Cells are separated by commas, in UTF-8; an empty cell is NULL, a
/// quoted empty cell ("") is an empty text. Times without a zone are UTC.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  minicdc load data/\n  \
    minicdc load export/ --schema staging --mode replace --null NA\n\n\
    Exit status: 0 loaded, 1 failed and nothing was loaded, 2 bad usage or settings")]
pub(crate) struct LoadArgs {
    /// Directory of the files; what is not *.csv is left alone
    #[arg(value_name = "DIR", default_value = "data")]
    directory: PathBuf,
    /// Schema of the tables, made when it is missing
    #[arg(long, default_value = "public")]
    schema: String,
    /// What happens to rows that are there
    #[arg(long, value_enum, default_value_t)]
    mode: ModeArg,
    /// Unquoted cell that means NULL, instead of the empty one
    #[arg(long, value_name = "MARKER", default_value = "", hide_default_value = true)]
    null: String,
    /// Make tables of TEXT without keys, as simple loaders do; runs no migrations
    #[arg(long)]
    text: bool,
    /// Replica identity of every loaded table: `full` lets UPDATE and DELETE be published without
    /// a key, and puts whole old rows into their events
    #[arg(long, value_enum, value_name = "IDENTITY")]
    replica_identity: Option<IdentityArg>,
    /// Do not make the demo shop's tables first
    #[arg(long)]
    no_migrations: bool,
    /// PostgreSQL to connect to, e.g. postgres://user:password@host:5432/shop [env: DATABASE_URL]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Settings file: Kafka Connect connector JSON, .properties or TOML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting by its Debezium name, e.g. --set database.hostname=db
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(clap::ValueEnum, Debug, Clone, Copy, Default)]
enum ModeArg {
    /// Rows of a known primary key are updated, others added
    #[default]
    Upsert,
    /// Rows are added
    Append,
    /// The table is emptied first
    Replace,
}

#[derive(clap::ValueEnum, Debug, Clone, Copy)]
enum IdentityArg {
    /// The primary key
    Default,
    /// The whole row
    Full,
}

impl LoadArgs {
    pub(crate) async fn run(self) -> Result<(), Error> {
        // What is wrong with the files can be said without a server.
        load::check_directory(&self.directory)?;
        let shared = SharedArgs {
            database_url: self.database_url.clone(),
            config: self.config.clone(),
            set: self.set.clone(),
            ..SharedArgs::default()
        };
        let mut config = shared.resolve(&[])?;
        // That limit is for looks into the catalogue, not for a COPY.
        config.database.query_timeout_ms = 0;
        let mut client = postgres::connect(&config.database, "minicdc load").await?;
        let mut bars = Bars::new(io::stderr().is_terminal());
        let loaded = load::run(&mut client, &self.options(), &mut bars).await;
        bars.clear();
        let report = loaded?;
        for note in &report.notes {
            eprintln!("note: {}", note_text(note));
        }
        io::stdout().lock().write_all(render(&report).as_bytes()).map_err(Error::Output)
    }

    fn options(&self) -> LoadOptions {
        LoadOptions {
            schema: self.schema.clone(),
            mode: match self.mode {
                ModeArg::Upsert => Mode::Upsert,
                ModeArg::Append => Mode::Append,
                ModeArg::Replace => Mode::Replace,
            },
            null: self.null.clone(),
            text: self.text,
            migrations: !self.no_migrations,
            replica_identity: self.replica_identity.map(|identity| match identity {
                IdentityArg::Default => ReplicaIdentity::Default,
                IdentityArg::Full => ReplicaIdentity::Full,
            }),
            ..LoadOptions::new(&self.directory)
        }
    }
}

/// A progress bar per file, on a terminal.
struct Bars {
    /// `None` when nobody looks.
    screen: Option<MultiProgress>,
    bars: HashMap<String, ProgressBar>,
}

impl Bars {
    fn new(is_terminal: bool) -> Self {
        Self { screen: is_terminal.then(MultiProgress::new), bars: HashMap::new() }
    }

    fn clear(&self) {
        self.bars.values().for_each(ProgressBar::finish_and_clear);
    }
}

impl LoadObserver for Bars {
    fn on(&mut self, event: LoadEvent<'_>) {
        let Some(screen) = &self.screen else { return };
        match event {
            LoadEvent::Planned { table, bytes } => {
                let style = "{prefix:<20} {bar:20.green/dim} {percent:>3} %  {msg}";
                let style =
                    ProgressStyle::with_template(style).expect("the template is fixed and valid");
                let bar = ProgressBar::new(bytes.max(1)).with_style(style);
                let bar = screen.add(bar.with_prefix(table.to_owned()));
                bar.tick();
                self.bars.insert(table.to_owned(), bar);
            }
            LoadEvent::Progress { table, bytes, rows, pass } => {
                let Some(bar) = self.bars.get(table) else { return };
                bar.set_position(bytes);
                let what = if pass == Pass::Types { "looked at for types" } else { "rows" };
                bar.set_message(format!("{} {what}", grouped(rows)));
            }
            LoadEvent::Loaded { table, rows } => {
                let Some(bar) = self.bars.get(table) else { return };
                bar.set_position(bar.length().unwrap_or_default());
                bar.set_message(format!("{} rows", grouped(rows)));
                bar.abandon();
            }
        }
    }
}

/// One aligned line per table, then what was made.
fn render(report: &LoadReport) -> String {
    let cells: Vec<[String; 4]> = report.tables.iter().map(line).collect();
    let width =
        |column: usize| cells.iter().map(|cells| cells[column].width()).max().unwrap_or_default();
    let widths: [usize; 4] = std::array::from_fn(width);
    let mut text = String::new();
    for (cells, table) in cells.iter().zip(&report.tables) {
        text += &padded(&cells[0], widths[0], false);
        for (cell, width) in cells.iter().zip(widths).skip(1) {
            text += "   ";
            text += &padded(cell, width, true);
        }
        text += &remark(table);
        text.push('\n');
    }
    for made in &report.made {
        text += &made_text(made);
        text.push('\n');
    }
    text
}

fn line(table: &TableReport) -> [String; 4] {
    [
        table.table.clone(),
        aligned(table.rows, "row"),
        aligned(table.columns as u64, "column"),
        duration(table.elapsed),
    ]
}

/// `1 row `, `1,200 rows`: with a space for the missing letter, so that columns stay aligned.
fn aligned(number: u64, noun: &str) -> String {
    counted(number, noun) + if number == 1 { " " } else { "" }
}

/// `format!` counts characters, a terminal counts columns.
fn padded(text: &str, width: usize, right: bool) -> String {
    let space = " ".repeat(width.saturating_sub(text.width()));
    if right { space + text } else { text.to_owned() + &space }
}

fn remark(table: &TableReport) -> String {
    match (table.changed, table.deleted) {
        (Some(0), _) => "   (nothing new)".to_owned(),
        (Some(changed), _) => format!("   ({} new or changed)", grouped(changed)),
        (None, Some(deleted)) if deleted > 0 => {
            format!("   (replaced {})", counted(deleted, "row"))
        }
        (None, _) => String::new(),
    }
}

fn made_text(made: &Made) -> String {
    match made {
        Made::Schema(name) => format!("made schema {name}"),
        Made::Migration(name) => format!("ran migration {name}"),
        Made::Table { table, columns, key } => {
            let columns = columns.iter().map(|(name, ty)| match key {
                Some(key) if key == name => format!("{name} {ty} primary key"),
                _ => format!("{name} {ty}"),
            });
            format!("made table {table}: {}", columns.collect::<Vec<_>>().join(", "))
        }
    }
}

fn note_text(note: &Note) -> String {
    match note {
        Note::Ignored { name } => format!("{name} is ignored: not a .csv file"),
        Note::NoIdentity { table, reason } => {
            let reason = reason.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            format!(
                "{table} has no primary key{reason}: once it is published, PostgreSQL refuses UPDATE \
                 and DELETE on it; --replica-identity full allows them"
            )
        }
        Note::Generated { table, column } => {
            format!("{table} computes column {column} itself: the file's values are left out")
        }
        Note::SequenceBehind { sequence, table } => {
            format!(
                "this role may not move sequence {sequence}: new rows of {table} may get ids that \
                 were loaded; GRANT USAGE, SELECT, UPDATE ON SEQUENCE {sequence} and load again"
            )
        }
        Note::TypesStay { table } => {
            format!("{table} is there already and keeps its types: --text is for new tables")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn table(name: &str, rows: u64, ms: u64) -> TableReport {
        TableReport {
            table: name.to_owned(),
            rows,
            changed: None,
            deleted: None,
            columns: 3,
            elapsed: Duration::from_millis(ms),
        }
    }

    #[test]
    fn report_is_one_aligned_line_per_table_and_what_was_made() {
        let mut orders = table("orders", 1_200_000, 14_120);
        orders.changed = Some(1_000);
        let mut one = table("ключ", 1, 4);
        one.deleted = Some(300);
        let report = LoadReport {
            tables: vec![table("customers", 300, 9), orders, one],
            made: vec![
                Made::Migration("0001_shop_tables".into()),
                Made::Table {
                    table: "public.cities".into(),
                    columns: vec![("id".into(), "bigint".into()), ("name".into(), "text".into())],
                    key: Some("id".into()),
                },
            ],
            notes: vec![],
        };
        let want = "\
customers         300 rows   3 columns     9 ms
orders      1,200,000 rows   3 columns   14.1 s   (1,000 new or changed)
ключ                1 row    3 columns     4 ms   (replaced 300 rows)
ran migration 0001_shop_tables
made table public.cities: id bigint primary key, name text
";
        assert_eq!(render(&report), want);
    }
}
