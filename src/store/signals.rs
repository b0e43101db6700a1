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
