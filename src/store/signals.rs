//! What other findings say of the resources a record is on. Reads only.

use diesel::prelude::*;

use super::columns::Col;
use super::schema::findings;
use super::{AnyConnection, Result};
use crate::domain::finding::FindingStatus;
use crate::domain::signals::says_reachable;

const KEYS_A_QUERY: usize = 500;

/// Whether an open finding on one of these resources says that the internet reaches it.
pub fn any_reachable(conn: &mut AnyConnection, account: &str, arns: &[&str]) -> Result<bool> {
    for keys in arns.chunks(KEYS_A_QUERY) {
        let details = findings::table
            .filter(findings::account.eq(account))
            .filter(findings::arn.eq_any(keys))
            .filter(findings::status.eq(Col(FindingStatus::Open)))
            .filter(findings::detail.like("%\"reachable\":true%"))
            .select(findings::detail)
            .load_iter::<String, _>(conn)?;
        for detail in details {
            if says_reachable(&detail?) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Account and ARN of every open finding of a source that is no sample.
pub fn of_source(conn: &mut AnyConnection, source: &str) -> Result<Vec<(String, String)>> {
    Ok(findings::table
        .filter(findings::source.eq(source))
        .filter(findings::status.eq(Col(FindingStatus::Open)))
        .filter(findings::sample.eq(false))
        .select((findings::account, findings::arn))
        .load(conn)?)
}

/// A finding's detail and where it belongs.
#[derive(Debug, Queryable)]
pub struct DetailRow {
    pub account: String,
    pub arn: String,
    pub status: Col<FindingStatus>,
    pub record_id: Option<i64>,
    pub detail: String,
}

/// Every detail of a finding that is not fixed, one after the other.
pub fn details(conn: &mut AnyConnection, mut each: impl FnMut(&DetailRow)) -> Result<()> {
    let rows = findings::table
        .filter(findings::detail.ne(""))
        .filter(findings::status.ne(Col(FindingStatus::Fixed)))
        .select((
            findings::account,
            findings::arn,
            findings::status,
            findings::record_id,
            findings::detail,
        ))
        .load_iter::<DetailRow, _>(conn)?;
    for row in rows {
        each(&row?);
    }
    Ok(())
}
