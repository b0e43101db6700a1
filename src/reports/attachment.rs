//! The records of a report as a CSV file that a spreadsheet opens.

use chrono::NaiveDate;

use super::context::{RecordRow, days_left};
use crate::render::csv::{BYTE_ORDER_MARK, csv_cell, writer};

/// The first line.
pub const COLUMNS: [&str; 19] = [
    "id",
    "weakness",
    "title",
    "account",
    "account_name",
    "rating",
    "score",
    "status",
    "detected",
    "due",
    "days_left",
    "sources",
    "items",
    "ticket_keys",
    "ticket_urls",
    "justification",
    "justified_by",
    "justified_until",
    "item_count",
];

/// All records, in the order given; lists are joined with `; `. UTF-8 with the mark that spreadsheets ask for.
/// Fails only if the writer does.
pub fn records_csv(records: &[RecordRow], today: NaiveDate) -> Result<Vec<u8>, csv::Error> {
    let mut out = writer();
    out.write_record(COLUMNS)?;
    for record in records {
        out.write_record(cells(record, today))?;
    }
    let rows = out
        .into_inner()
        .map_err(|error| csv::Error::from(error.into_error()))?;
    Ok([BYTE_ORDER_MARK, &rows].concat())
}

fn cells(record: &RecordRow, today: NaiveDate) -> Vec<String> {
    let foreign = |text: &str| csv_cell(text).into_owned();
    let keys: Vec<&str> = record
        .tickets
        .iter()
        .map(|ticket| ticket.key.as_str())
        .collect();
    let urls: Vec<&str> = record
        .tickets
        .iter()
        .map(|ticket| ticket.url.as_str())
        .collect();
    let justification = record.justification.as_ref();
    let date = |day: Option<NaiveDate>| day.map_or_else(String::new, |day| day.to_string());
    vec![
        foreign(&record.id),
        foreign(&record.weakness),
        foreign(&record.title),
        foreign(&record.account),
        foreign(&record.account_name),
        record.rating.word().to_owned(),
        record.score.to_string(),
        record.status.as_str().to_owned(),
        record.detected.to_string(),
        date(record.due),
        // A number of ours: a minus in front is no formula.
        days_left(record.due, today).map_or_else(String::new, |left| left.to_string()),
        foreign(&record.sources.join("; ")),
        foreign(&record.items.join("; ")),
        foreign(&keys.join("; ")),
        foreign(&urls.join("; ")),
        justification.map_or_else(String::new, |it| foreign(&it.text)),
        justification.map_or_else(String::new, |it| foreign(&it.author)),
        date(justification.and_then(|it| it.until)),
        record.items.len().to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::samples;

    fn parsed(bytes: &[u8]) -> Vec<Vec<String>> {
        assert!(bytes.starts_with(BYTE_ORDER_MARK));
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(&bytes[BYTE_ORDER_MARK.len()..]);
        reader
            .records()
            .map(|row| row.unwrap().iter().map(str::to_owned).collect())
            .collect()
    }

    #[test]
    fn every_record_is_a_row_and_comes_back_as_it_was() {
        let (head, records, _, _) = samples::typical();
        let today = head.as_of.date_naive();
        let bytes = records_csv(&records, today).unwrap();
        let rows = parsed(&bytes);
        assert_eq!(rows[0], COLUMNS);
        assert_eq!(rows.len(), records.len() + 1);
        assert_eq!(rows[1][0], "POAM-000101");
        assert_eq!(rows[1][5], "High");
        assert_eq!(rows[1][10], "-41");
        assert_eq!(rows[9][16], "Dana Reyes");
        assert!(rows[1][12].starts_with("arn:aws-us-gov:s3:::"));
        let lines = bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        assert!(lines.into_iter().all(|line| line.ends_with(b"\r")));
    }

    #[test]
    fn no_foreign_cell_is_a_formula() {
        let (head, mut records, _, _) = samples::typical();
        for bad in ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "＝1"] {
            let record = &mut records[0];
            record.id = bad.into();
            record.weakness = bad.into();
            record.title = bad.into();
            record.account = bad.into();
            record.account_name = bad.into();
            record.sources = vec![bad.into()];
            record.items = vec![bad.into()];
            record.tickets[0].key = bad.into();
            record.tickets[0].url = bad.into();
            record.justification = Some(super::super::context::Justification {
                text: bad.into(),
                author: bad.into(),
                until: None,
            });
            let rows = parsed(&records_csv(&records[..1], head.as_of.date_naive()).unwrap());
            let guarded = rows[1]
                .iter()
                .filter(|cell| **cell == format!("'{bad}"))
                .count();
            assert_eq!(guarded, 11, "{bad:?}: {:?}", rows[1]);
        }
    }
}
