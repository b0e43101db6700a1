//! How a list is printed: a table for people, JSON and CSV for programs. The latter are complete; a table shows what
//! is open, a screenful of it, and says what it leaves out.

use clap::{Args, ValueEnum};
use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, presets,
};

use super::failure::Failure;
use super::shell::Shell;
use crate::exchange;
use crate::query::View;
use crate::render::{folded, sink};

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
    /// Columns (by position) that are left out, one after the other, where the screen is too narrow for all.
    pub spare: &'static [usize],
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
        let mut headings = layout.headings.to_vec();
        let mut cells: Vec<_> = rows.iter().map(|row| (layout.cells)(row)).collect();
        narrow(width_of(shell), layout.spare, &mut headings, &mut cells);
        let text = grid(shell, &headings, cells, Lines::One);
        shell.say(&text)?;
    }
    let noun = if open_only && !all { T::OPEN } else { T::NOUN };
    let mut footer = if rows.len() < open {
        format!("{} of {}", rows.len(), counted(open as i128, noun))
    } else {
        counted(open as i128, noun)
    };
    if open < total {
        footer.push_str(&format!(", {} in all", counted(total as i128, T::NOUN)));
    }
    if rows.len() < total {
        footer.push_str(&format!("; see all: {} --all", layout.again));
    }
    shell.say(&footer)
}

fn width_of(shell: &Shell<'_>) -> u16 {
    shell.screen.map_or(COLUMNS, |s| s.columns)
}

/// A wide column with less room than this says nothing.
const LEGIBLE: usize = 16;

/// Leaves spare columns out until those that stay can be read.
fn narrow(width: u16, spare: &[usize], headings: &mut Vec<&str>, rows: &mut [Vec<Ink>]) {
    let mut gone: Vec<usize> = Vec::new();
    for column in spare {
        let needed: usize = (0..headings.len())
            .filter(|index| !gone.contains(index))
            .map(|index| {
                // The first column stays whole, as `grid` has it.
                let most = if index == 0 {
                    usize::from(width / 3)
                } else {
                    LEGIBLE
                };
                let cells = rows.iter().filter_map(|r| r.get(index));
                least(headings[index], most, cells)
            })
            .sum();
        if needed <= usize::from(width) {
            break;
        }
        gone.push(*column);
    }
    gone.sort_unstable();
    for column in gone.into_iter().rev() {
        headings.remove(column);
        rows.iter_mut().for_each(|row| drop(row.remove(column)));
    }
}

/// The least room for a column and the gap behind it.
fn least<'a>(heading: &str, most: usize, cells: impl Iterator<Item = &'a Ink>) -> usize {
    let widest = cells.map(|cell| cell.text().chars().count()).max();
    widest.unwrap_or_default().max(heading.len()).min(most) + 2
}

/// Whether a row may take several lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    One,
    Many,
}

/// Columns up to this width keep it; the wider ones share what is left.
const NARROW: u16 = 16;

/// A table that fits the screen.
pub fn grid(shell: &Shell<'_>, headings: &[&str], rows: Vec<Vec<Ink>>, lines: Lines) -> String {
    let width = width_of(shell);
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width);
    if shell.colours() {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let head = headings
        .iter()
        .map(|heading| Cell::new(heading.to_uppercase()).add_attribute(Attribute::Bold));
    let mut head = comfy_table::Row::from(head.collect::<Vec<_>>());
    head.max_height(1);
    table.set_header(head);
    for row in rows {
        let mut row = comfy_table::Row::from(row.into_iter().map(Ink::cell).collect::<Vec<_>>());
        if lines == Lines::One {
            row.max_height(1);
        }
        table.add_row(row);
    }
    table.set_truncation_indicator("…");
    let widths = table.column_max_content_widths();
    for (index, wide) in widths.into_iter().enumerate() {
        if let Some(column) = table.column_mut(index) {
            if index == 0 {
                column.set_padding((0, 1));
            }
            // The first column is what people copy: it stays whole as long as there is room for the others.
            if wide <= NARROW.min(width / 8) || (index == 0 && wide <= width / 3) {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

impl Ink {
    fn text(&self) -> &str {
        match self {
            Self::Plain(text)
            | Self::Number(text)
            | Self::Alarm(text)
            | Self::Warning(text)
            | Self::Calm(text) => text,
        }
    }

    fn cell(self) -> Cell {
        let text = |text: &str| sink::text(text);
        match self {
            Self::Plain(value) => Cell::new(text(&value)),
            Self::Number(value) => Cell::new(text(&value)).set_alignment(CellAlignment::Right),
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

/// `1 event`, `2 events`, `1 gap in coverage`: of one thing its noun loses the first plural's s.
pub fn counted(count: impl Into<i128>, noun: &str) -> String {
    let count = count.into();
    if count != 1 {
        return format!("{count} {noun}");
    }
    let mut found = false;
    let words: Vec<String> = noun
        .split(' ')
        .map(
            |word| match (word.strip_suffix("ies"), word.strip_suffix('s')) {
                (Some(one), _) if !found => {
                    found = true;
                    format!("{one}y")
                }
                (_, Some(one)) if !found && !word.ends_with("ss") => {
                    found = true;
                    one.to_owned()
                }
                _ => word.to_owned(),
            },
        )
        .collect();
    format!("1 {}", words.join(" "))
}

/// The day of a time as it is shown.
pub fn day(time: &str) -> String {
    time.get(..10).unwrap_or(time).to_owned()
}

/// Columns of what is told in lines rather than in a table.
const FOLDED: usize = 80;

/// A text behind a word of a column of its own, over as many lines as it takes.
pub fn behind(word: &str, column: usize, text: &str) -> Vec<String> {
    let words = [word].into_iter().chain(std::iter::repeat(""));
    let lines = folded(text, FOLDED - column);
    words
        .zip(lines)
        .map(|(word, line)| format!("{word:<column$}{line}"))
        .collect()
}

/// A score of a view in tenths, to sort by.
pub fn tenths(score: &serde_json::Value) -> i64 {
    score
        .as_f64()
        .map_or(0, |points| (points * 10.0).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_screen_gets_fewer_columns() {
        let row = || {
            Vec::from(
                ["POAM-000001", "a title that is long", "CVE-2026-0001", "x"]
                    .map(|text| Ink::Plain(text.to_owned())),
            )
        };
        for (width, left) in [
            (80, vec!["id", "title", "weakness", "n"]),
            (45, vec!["id", "title", "n"]),
            (30, vec!["id", "title"]),
        ] {
            let mut headings = vec!["id", "title", "weakness", "n"];
            let mut rows = vec![row(), row()];
            narrow(width, &[2, 3], &mut headings, &mut rows);
            assert_eq!(headings, left, "{width}");
            assert!(rows.iter().all(|r| r.len() == left.len()));
        }
    }

    #[test]
    fn one_thing_is_told_as_one() {
        for (count, noun, want) in [
            (1, "events", "1 event"),
            (0, "events", "0 events"),
            (2, "open records", "2 open records"),
            (1, "open records", "1 open record"),
            (1, "gaps in coverage", "1 gap in coverage"),
            (1, "cells of coverage", "1 cell of coverage"),
        ] {
            assert_eq!(counted(count, noun), want);
        }
    }
}
