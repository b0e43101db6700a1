//! Logins to people: journals name the login, commands need what cannot be renamed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use poamd_contract::desk::{Author, AuthorKind};
use poamd_contract::error::{Result, Retry};

use crate::client::{Api, check_value};
use crate::wire::Row;

const FIELDS: &str =
    "sys_id,user_name,name,active,web_service_access_only,internal_integration_user,time_zone";
/// Logins that belong to no person (`itsm.md` 2.4).
const NOBODY: [&str; 3] = ["guest", "system", "admin.guest"];

/// Logins looked up so far. The desk lives as long as the daemon, so only ids are kept: whether somebody is active is
/// asked anew in every pass ([`Users::forget`]).
#[derive(Debug, Default)]
pub struct Users(Mutex<HashMap<String, Author>>);

impl Users {
    /// Called at the start of a pass over one ticket's comments.
    pub fn forget(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    pub async fn author(&self, api: &Api, me: &str, login: &str) -> Result<Author> {
        if let Some(known) = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(login)
        {
            return Ok(known.clone());
        }
        let author = look_up(api, me, login).await?;
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(login.to_owned(), author.clone());
        Ok(author)
    }
}

async fn look_up(api: &Api, me: &str, login: &str) -> Result<Author> {
    let unknown = Author {
        id: String::new(),
        display: login.to_owned(),
        kind: AuthorKind::Unknown,
        active: false,
    };
    // A login that no query may hold is nobody's we can prove.
    let Ok(value) = check_value(login) else {
        return Ok(unknown);
    };
    let rows = api
        .rows("sys_user", &format!("user_name={value}"), FIELDS)
        .await?;
    let mut same = rows
        .rows
        .into_iter()
        .filter(|row| row.text("user_name") == login);
    Ok(match (same.next(), same.next()) {
        (Some(row), None) => author(&row, me),
        // Nobody, or a query that was widened: refuse.
        _ => unknown,
    })
}

fn author(row: &Row, me: &str) -> Author {
    let login = row.text("user_name");
    let machine = ["web_service_access_only", "internal_integration_user"]
        .iter()
        .any(|flag| row.text(flag) == "true");
    let kind = match login {
        login if login == me => AuthorKind::Ourselves,
        login if NOBODY.contains(&login) => AuthorKind::Unknown,
        _ if machine => AuthorKind::App,
        _ => AuthorKind::Person,
    };
    let display = if row.text("name").is_empty() {
        login
    } else {
        row.text("name")
    };
    Author {
        id: row.text("sys_id").to_owned(),
        display: display.to_owned(),
        kind,
        active: row.text("active") == "true",
    }
}

/// Our own account, proved by reading our own row: an empty list may only mean "no rights" (`itsm.md` 2.3).
pub async fn me(api: &Api, login: &str) -> Result<(Author, Row)> {
    let value = check_value(login)?;
    let rows = api
        .rows("sys_user", &format!("user_name={value}"), FIELDS)
        .await?;
    match rows.rows.into_iter().find(|row| row.text("user_name") == login) {
        Some(row) => Ok((author(&row, login), row)),
        None => Err(api.error("sys_user", Retry::Auth, &format!("{login} cannot read its own row: wrong user, or the account lacks read access to sys_user"))),
    }
}
