//! The Table API: rows read in pages, written one at a time.

use std::collections::BTreeSet;

use poamd_contract::error::{ConnectorError, Result, Retry};
use poamd_http::{Call, Client, Method, Options, Reply, SignIn};
use serde_json::{Map, Value};

use crate::config::ServiceNowConfig;
use crate::wire::{self, Many, One, Row, is_sys_id};

/// Rows per page, before the server applies access rules.
const PAGE: usize = 500;
/// Pages followed at most; at [`PAGE`] rows each no ticket comes near.
const PAGES: usize = 100;

pub struct Api {
    http: Client,
    page: usize,
}

/// Rows of a query that this account may read.
pub struct Rows {
    pub rows: Vec<Row>,
    /// How many there are by the server's own count, which access rules do not lower; `None` if it gave none.
    total: Option<usize>,
}

impl Rows {
    /// Rows that exist and were not given to us. Needs `sys_id` among the fields.
    pub fn hidden(&self) -> usize {
        let ids: BTreeSet<&str> = self.rows.iter().map(|row| row.text("sys_id")).collect();
        self.total.unwrap_or(0).saturating_sub(ids.len())
    }
}

impl Api {
    pub fn new(config: &ServiceNowConfig) -> Result<Self> {
        let sign_in = SignIn::Basic {
            user: config.user.clone(),
            password: config.password.clone(),
        };
        // Without cookies each request is a session of its own; one at a time keeps their number down (`itsm.md` 2.7).
        let options = Options {
            in_flight: 1,
            error_text: wire::error_text,
        };
        Ok(Self {
            http: Client::new(config.endpoint.clone(), sign_in, options)?,
            page: PAGE,
        })
    }

    /// Pages so small that a test turns some.
    #[cfg(test)]
    pub fn with_page(self, page: usize) -> Self {
        Self { page, ..self }
    }

    /// All rows of a query, in pages. A page may be short or empty without being the last, so the server's own
    /// `Link: rel="next"` or `X-Total-Count` says whether there is more, not its length (`itsm.md` 2.3).
    pub async fn rows(&self, table: &str, query: &str, fields: &str) -> Result<Rows> {
        let mut rows = Vec::new();
        let mut most = None;
        for page in 0..PAGES {
            let offset = page * self.page;
            let call = plain(Call::get(path(table)?), fields)
                .query("sysparm_query", query)
                .query("sysparm_limit", self.page.to_string())
                .query("sysparm_offset", offset.to_string());
            let reply = self.http.send_json(&call).await?;
            let more = has_next(&reply, offset + self.page);
            // The highest of all pages: a row deleted meanwhile makes another one slip between two pages.
            most = most.max(total(&reply));
            let got: Many = self.http.decode(&call, reply)?;
            rows.extend(got.result);
            if !more {
                break;
            }
        }
        Ok(Rows { rows, total: most })
    }

    pub async fn row(&self, table: &str, sys_id: &str, fields: &str) -> Result<Row> {
        let call = plain(Call::get(row_path(table, sys_id)?), fields);
        let reply = self.http.send_json(&call).await?;
        Ok(self.http.decode::<One>(&call, reply)?.result)
    }

    /// The row as people see it: journals as the text of all their entries.
    pub async fn row_display(&self, table: &str, sys_id: &str, fields: &str) -> Result<Row> {
        let call = plain(Call::get(row_path(table, sys_id)?), fields)
            .query("sysparm_display_value", "true");
        let reply = self.http.send_json(&call).await?;
        Ok(self.http.decode::<One>(&call, reply)?.result)
    }

    /// The first visible row of a query.
    pub async fn first(&self, table: &str, query: &str, fields: &str) -> Result<Option<Row>> {
        let call = plain(Call::get(path(table)?), fields)
            .query("sysparm_query", query)
            .query("sysparm_limit", "1");
        let reply = self.http.send_json(&call).await?;
        Ok(self
            .http
            .decode::<Many>(&call, reply)?
            .result
            .into_iter()
            .next())
    }

    /// Makes a row; gives back the fields asked for as they were stored.
    pub async fn insert(
        &self,
        table: &str,
        values: Map<String, Value>,
        fields: &str,
    ) -> Result<Row> {
        self.write(Method::POST, path(table)?, values, fields).await
    }

    pub async fn patch(
        &self,
        table: &str,
        sys_id: &str,
        values: Map<String, Value>,
        fields: &str,
    ) -> Result<Row> {
        self.write(Method::PATCH, row_path(table, sys_id)?, values, fields)
            .await
    }

    async fn write(
        &self,
        method: Method,
        path: String,
        values: Map<String, Value>,
        fields: &str,
    ) -> Result<Row> {
        let call = plain(Call::write(method, path, Value::Object(values)), fields);
        let reply = self.http.send_json(&call).await?;
        Ok(self.http.decode::<One>(&call, reply)?.result)
    }

    /// An error about a table, in the words of this instance.
    pub fn error(&self, table: &str, retry: Retry, cause: &str) -> ConnectorError {
        self.http
            .error(&Call::get(format!("api/now/table/{table}")), retry, cause)
    }
}

fn plain(call: Call, fields: &str) -> Call {
    call.query("sysparm_fields", fields)
        .query("sysparm_exclude_reference_link", "true")
}

fn total(reply: &Reply) -> Option<usize> {
    reply.header("x-total-count")?.trim().parse().ok()
}

fn has_next(reply: &Reply, seen: usize) -> bool {
    if let Some(total) = total(reply) {
        return total > seen;
    }
    reply
        .headers
        .get_all("link")
        .iter()
        .filter_map(|link| link.to_str().ok())
        .any(|link| link.contains("rel=\"next\""))
}

fn path(table: &str) -> Result<String> {
    check_table(table)?;
    Ok(format!("api/now/table/{table}"))
}

fn row_path(table: &str, sys_id: &str) -> Result<String> {
    if is_sys_id(sys_id) {
        return Ok(format!("{}/{sys_id}", path(table)?));
    }
    let shown = poamd_http::one_line(sys_id, 40);
    Err(ConnectorError::new(
        Retry::Never,
        format!("{shown:?} is not a ServiceNow sys_id (32 hex digits)"),
    ))
}

/// Refuses what is no name of a table or column, before it gets into a path or a query.
pub fn check_table(name: &str) -> Result<()> {
    let form = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= 80
        && name.chars().all(form)
    {
        return Ok(());
    }
    let shown = poamd_http::one_line(name, 40);
    Err(ConnectorError::new(
        Retry::Never,
        format!(
            "{shown:?} is not a ServiceNow table or column name: use its technical name, e.g. incident"
        ),
    ))
}

/// Refuses a value that could end its clause of an encoded query; only values of our own making go there.
pub fn check_value(value: &str) -> Result<&str> {
    let form = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.' | '@');
    if !value.is_empty()
        && value.chars().all(form)
        && !value.to_ascii_lowercase().starts_with("javascript:")
    {
        return Ok(value);
    }
    let shown = poamd_http::one_line(value, 80);
    Err(ConnectorError::new(
        Retry::Never,
        format!(
            "{shown:?} has characters that an encoded query must not hold: nothing is searched"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_take_plain_values_only() {
        for good in [
            "poamd:v1:main:POAM-000001:g2",
            "ann.smith@example.org",
            "0a1b",
        ] {
            assert!(check_value(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a^ORactive=true",
            "a b",
            "javascript:gs.x",
            "x\n",
            "a,b",
            "a%5E",
        ] {
            assert!(check_value(bad).is_err(), "{bad}");
        }
        for bad in ["", "Incident", "sys_user.do", "../x", "1x"] {
            assert!(check_table(bad).is_err(), "{bad}");
        }
    }
}
