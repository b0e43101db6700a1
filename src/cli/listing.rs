//! How a list is printed: a table for people, JSON and CSV for programs. The latter are complete; a table shows what
//! is open, a screenful of it, and says what it leaves out.

use clap::{Args, ValueEnum};
use comfy_table::{Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::failure::Failure;
use super::shell::Shell;
use crate::exchange;
use crate::query::View;
use crate::render::sink;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub enum Format {
    #[default]
    Table,
    Json,
    Csv,
}

/// How to print it.
#[derive(Debug, Clone, Args)]
pub struct Shown {
    /// table for people; json and csv hold everything that the filters let through
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub format: Format,
    /// In a table too: every status, no limit
    #[arg(long)]
    pub all: bool,
}

/// Without a screen a table has this size.
const ROWS: usize = 40;
const COLUMNS: u16 = 120;
/// Lines that the heading, the footer and the prompt take.
const AROUND: usize = 5;

/// A cell of a table.
pub enum Ink {
    Plain(String),
    /// Numbers stand to the right.
    Number(String),
    /// Bad news.
    Alarm(String),
    /// Needs a look.
    Warning(String),
    /// Good news.
    Calm(String),
}

/// What a noun looks like as a table.
pub struct Layout<T> {
    pub headings: &'static [&'static str],
    pub cells: fn(&T) -> Vec<Ink>,
    /// Which rows come first; smaller first.
    pub rank: fn(&T) -> (i64, String),
    /// Verb and noun that would show everything, for the footer.
    pub again: &'static str,
}

/// Prints rows as asked. `open_only`: nobody asked for a status, so a table shows what is open.
pub fn print<T: View>(
    shell: &mut Shell<'_>,
    shown: &Shown,
    open_only: bool,
    rows: Vec<T>,
    layout: &Layout<T>,
) -> Result<(), Failure> {
    match shown.format {
        Format::Json => Ok(exchange::json::write(shell.out, &rows)?),
        Format::Csv => Ok(exchange::csv::write(shell.out, &rows)?),
        Format::Table => table(shell, shown.all, open_only, rows, layout),
    }
}

fn table<T: View>(
    shell: &mut Shell<'_>,
    all: bool,
    open_only: bool,
    mut rows: Vec<T>,
    layout: &Layout<T>,
) -> Result<(), Failure> {
    let total = rows.len();
    if open_only && !all {
        rows.retain(T::is_open);
    }
    let open = rows.len();
    rows.sort_by_cached_key(|row| (layout.rank)(row));
    if !all {
        let room = shell
            .screen
            .map_or(ROWS, |s| usize::from(s.rows).saturating_sub(AROUND).max(5));
        rows.truncate(room);
    }
    if !rows.is_empty() {
        let cells = rows.iter().map(|row| (layout.cells)(row)).collect();
        let text = grid(shell, layout.headings, cells);
        shell.say(&text)?;
    }
    let noun = if open_only && !all {
        T::OPEN
    } else {
        T::NOUN
    };
    let mut footer = if rows.len() < open {
        format!("{} of {open} {noun}", rows.len())
    } else {
        format!("{open} {noun}")
    };
    if open < total {
        footer.push_str(&format!(", {total} {} in all", T::NOUN));
    }
    if rows.len() < total {
        footer.push_str(&format!("; see all: {} --all", layout.again));
    }
    shell.say(&footer)
}

/// A table that fits the screen.
pub fn grid(shell: &Shell<'_>, headings: &[&str], rows: Vec<Vec<Ink>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(shell.screen.map_or(COLUMNS, |s| s.columns));
    if shell.colours() {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(
        headings
            .iter()
            .map(|heading| Cell::new(heading.to_uppercase()).add_attribute(Attribute::Bold)),
    );
    for row in rows {
        table.add_row(row.into_iter().map(Ink::cell));
    }
    // The first column is what people copy: it is never broken.
    if let Some(first) = table.column_mut(0) {
        first.set_padding((0, 1));
        first.set_constraint(ColumnConstraint::LowerBoundary(Width::Percentage(8)));
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

impl Ink {
    fn cell(self) -> Cell {
        let text = |text: &str| sink::text(text);
        match self {
            Self::Plain(value) => Cell::new(text(&value)),
            Self::Number(value) => {
                Cell::new(text(&value)).set_alignment(CellAlignment::Right)
            }
            Self::Alarm(value) => Cell::new(text(&value)).fg(Color::Red),
            Self::Warning(value) => Cell::new(text(&value)).fg(Color::Yellow),
            Self::Calm(value) => Cell::new(text(&value)).fg(Color::Green),
        }
    }
}

/// A text of at most so many characters, for a table.
pub fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        text.to_owned()
    } else {
        let mut cut: String = text.chars().take(most.saturating_sub(1)).collect();
        cut.push('…');
        cut
    }
}

/// The first of several, and how many more there are.
pub fn first_of<'a>(mut values: impl Iterator<Item = &'a str>) -> String {
    match (values.next(), values.count()) {
        (None, _) => String::new(),
        (Some(first), 0) => short(first, 48),
        (Some(first), more) => format!("{} +{more}", short(first, 42)),
    }
}

/// The day of a time as it is shown.
pub fn day(time: &str) -> String {
    time.get(..10).unwrap_or(time).to_owned()
}

/// A score of a view in tenths, to sort by.
pub fn tenths(score: &serde_json::Value) -> i64 {
    score.as_f64().map_or(0, |points| (points * 10.0).round() as i64)
}
