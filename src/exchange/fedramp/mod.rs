//! The FedRAMP POA&M workbook (template 2.1; older layouts when somebody's own workbook is filled). What its sheets and
//! columns are is data: `src/exchange/data/poam-columns.json`.

mod cells;
mod changes;
mod layout;

use super::FormError;
use super::dataset::{Dataset, Record};
use super::sheet::{self, Cell, Head, Table};
use layout::Layout;

use crate::domain::record::RecordStatus;
use crate::domain::rollup;

/// What the form leaves to be chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Configuration findings share one CM-6 item on the open sheet, as monthly monitoring allows and an assessment does
    /// not (`poam.md` 1.3); each stands on Configuration Findings.
    pub roll_up: bool,
}

/// The workbook's bytes.
pub fn workbook(data: &Dataset, options: Options) -> Result<Vec<u8>, FormError> {
    let mut tables = tables(data, options)?;
    let further = sheet::further(&mut tables);
    tables.extend(further);
    Ok(sheet::write(&tables, data.today)?)
}

/// A customer's own empty workbook, filled. `leave` names headers of theirs that nobody fills.
pub fn filled(
    own: &[u8],
    data: &Dataset,
    options: Options,
    leave: &[String],
) -> Result<Vec<u8>, FormError> {
    let layout = Layout::read()?;
    let mut tables = tables(data, options)?;
    let wanted = sheet::Wanted {
        added: &sheet::further(&mut tables),
        tables: &tables,
        layouts: &layout.layouts(),
        leave,
    };
    Ok(sheet::fill(own, &wanted)?)
}

/// The four sheets.
pub fn tables(data: &Dataset, options: Options) -> Result<Vec<Table>, FormError> {
    let layout = Layout::read()?;
    let (live, ended): (Vec<&Record>, Vec<&Record>) =
        data.records.iter().partition(|r| r.status.is_live());
    let open = open_rows(&layout, data, &live, options);
    let closed = rows(&layout, data, &ended);
    let configuration = configuration_rows(&layout, data, &live);
    let mut tables = Vec::with_capacity(4);
    for (sheet, rows) in layout.sheets().zip([open, closed, configuration]) {
        tables.push(Table {
            head: head(&layout, data),
            rows,
            ..sheet?
        });
    }
    tables.push(changes::table(data, &layout)?);
    Ok(tables)
}

fn head(layout: &Layout, data: &Dataset) -> Vec<Head> {
    let values = [
        Cell::text(&data.system.provider),
        Cell::text(&data.system.name),
        Cell::text(data.system.impact.map_or("", |impact| impact.word())),
        Cell::Day(data.today),
    ];
    let labels = layout.head().into_iter();
    labels
        .zip(values)
        .map(|(head, value)| Head { value, ..head })
        .collect()
}

fn rows(layout: &Layout, data: &Dataset, records: &[&Record]) -> Vec<Vec<Cell>> {
    records
        .iter()
        .map(|record| cells::row(layout, data, record))
        .collect()
}

fn open_rows(
    layout: &Layout,
    data: &Dataset,
    live: &[&Record],
    options: Options,
) -> Vec<Vec<Cell>> {
    if !options.roll_up {
        return rows(layout, data, live);
    }
    let own: Vec<&Record> = live.iter().filter(|r| !shares(r)).copied().collect();
    let together: Vec<&Record> = live.iter().filter(|r| shares(r)).copied().collect();
    let ever = data.records.iter().filter(|r| shares(r));
    let item = rollup::shared(ever.map(|r| (r.detected, r.closed)));
    let mut all: Vec<Vec<Cell>> = item
        .and_then(|item| cells::rolled_up(layout, data, item, &together))
        .into_iter()
        .collect();
    all.extend(rows(layout, data, &own));
    all
}

/// Whether a record shares, or shared while it lived: a deviation or a vendor's dependency is decided for one weakness and
/// stands on an item of its own, and so does what was merged into another.
fn shares(record: &Record) -> bool {
    record.is_configuration()
        && record.status != RecordStatus::Superseded
        && record.live_deviation().is_none()
        && record.vendor.as_ref().is_none_or(|v| !v.live)
}

/// One row for each failed check on a resource.
fn configuration_rows(layout: &Layout, data: &Dataset, live: &[&Record]) -> Vec<Vec<Cell>> {
    let checks = live.iter().filter(|r| r.is_configuration());
    checks
        .flat_map(|record| cells::failed_checks(layout, data, record))
        .collect()
}
