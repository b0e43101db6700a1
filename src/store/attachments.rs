//! Files that support a record or its deviation. What is in them is kept once, compressed, under its SHA-256.

use diesel::prelude::*;
use serde::Serialize;

use super::audit::sha256_hex;
use super::schema::{blobs, evidence};
use super::time::Stamp;
use super::{AnyConnection, Result, StoreError};

/// How hard zstd tries; 3 is its own default.
const LEVEL: i32 = 3;

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Identifiable)]
#[diesel(table_name = evidence)]
pub struct AttachmentRow {
    pub id: i64,
    pub record_id: i64,
    pub deviation_id: Option<i64>,
    /// What it is: `scan`, `configuration` …
    pub kind: String,
    /// As the file was called.
    pub name: String,
    pub media_type: String,
    pub sha256: String,
    pub note: String,
    pub actor: String,
    pub at: Stamp,
}

#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = evidence)]
pub struct NewAttachment {
    pub record_id: i64,
    pub deviation_id: Option<i64>,
    pub kind: String,
    pub name: String,
    pub media_type: String,
    pub sha256: String,
    pub note: String,
    pub actor: String,
    pub at: Stamp,
}

pub fn insert(conn: &mut AnyConnection, row: &NewAttachment) -> Result<i64> {
    Ok(diesel::insert_into(evidence::table)
        .values(row)
        .returning(evidence::id)
        .get_result(conn)?)
}

/// All of them, oldest first.
pub fn all(conn: &mut AnyConnection) -> Result<Vec<AttachmentRow>> {
    Ok(evidence::table
        .order(evidence::id)
        .select(AttachmentRow::as_select())
        .load(conn)?)
}

pub fn of_record(conn: &mut AnyConnection, record: i64) -> Result<Vec<AttachmentRow>> {
    Ok(evidence::table
        .filter(evidence::record_id.eq(record))
        .order(evidence::id)
        .select(AttachmentRow::as_select())
        .load(conn)?)
}

/// Keeps bytes under their hash, unless they are there; returns the hash.
pub fn keep(conn: &mut AnyConnection, bytes: &[u8]) -> Result<String> {
    let sha256 = sha256_hex(bytes);
    let there: i64 = blobs::table.find(&sha256).count().get_result(conn)?;
    if there == 0 {
        let packed = zstd::encode_all(bytes, LEVEL).map_err(|e| StoreError::Row {
            what: format!("the file {sha256}"),
            why: format!("it could not be compressed: {e}"),
        })?;
        diesel::insert_into(blobs::table)
            .values((
                blobs::sha256.eq(&sha256),
                blobs::size.eq(i64::try_from(bytes.len()).unwrap_or(i64::MAX)),
                blobs::zstd.eq(packed),
            ))
            .execute(conn)?;
    }
    Ok(sha256)
}

/// What a look at all of them found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Files {
    pub files: u64,
    /// What is wrong with the first that is not as it was attached.
    pub broken: Option<String>,
}

/// Hashes every attached file anew.
pub fn verify(conn: &mut AnyConnection) -> Result<Files> {
    let mut found = Files {
        files: 0,
        broken: None,
    };
    for row in all(conn)? {
        match bytes(conn, &row.sha256) {
            Ok(_) => found.files += 1,
            Err(StoreError::Row { why, .. }) => {
                found.broken = Some(format!("file {} ({}): {why}", row.id, row.name));
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The bytes of a hash, checked against it.
pub fn bytes(conn: &mut AnyConnection, sha256: &str) -> Result<Vec<u8>> {
    let packed: Option<Vec<u8>> = blobs::table
        .find(sha256)
        .select(blobs::zstd)
        .first(conn)
        .optional()?;
    let damaged = |why: String| StoreError::Row {
        what: format!("the file {sha256}"),
        why,
    };
    let packed = packed.ok_or_else(|| damaged("its bytes are gone".to_owned()))?;
    let bytes = zstd::decode_all(&*packed).map_err(|e| damaged(e.to_string()))?;
    if sha256_hex(&bytes) != sha256 {
        return Err(damaged("its bytes have another hash".to_owned()));
    }
    Ok(bytes)
}
