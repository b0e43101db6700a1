//! The set-up proved part by part, each with its next step.

use poamd_contract::health::Check;
use poamd_http::one_line;

use crate::client::Api;
use crate::config::ServiceNowConfig;
use crate::users;
use crate::wire::Row;

pub async fn checks(api: &Api, config: &ServiceNowConfig) -> Vec<Check> {
    let name = |part: &str| format!("servicenow {}: {part}", config.table);
    let mut checks = Vec::new();
    match users::me(api, &config.user).await {
        Ok((me, row)) => checks.push(match row.text("time_zone") {
            "" | "GMT" | "UTC" | "Etc/UTC" => {
                Check::ok(name("sign-in"), format!("{} ({})", me.display, me.id))
            }
            zone => Check::warning(
                name("sign-in"),
                format!(
                    "{} has time zone {}: set it to GMT, queries by time read it",
                    me.display,
                    one_line(zone, 40)
                ),
            ),
        }),
        Err(error) => {
            checks.push(Check::failed(name("sign-in"), format!("{error}; check url, user and password, and that the account may use web services")));
            return checks;
        }
    }
    checks.push(table(api, config, name("table")).await);
    checks.push(journal(api, name("journal")).await);
    checks.push(close_code(api, config, name("close_code")).await);
    checks.push(states(api, config, name("states")).await);
    for (part, table, id) in [
        ("caller_id", "sys_user", &config.caller_id),
        (
            "assignment_group",
            "sys_user_group",
            &config.assignment_group,
        ),
    ] {
        if let Some(id) = id {
            checks.push(match api.row(table, id, "sys_id,name").await {
                Ok(row) => Check::ok(name(part), one_line(row.text("name"), 80)),
                Err(error) => Check::failed(
                    name(part),
                    format!("{error}; set it to the sys_id of a row of {table}"),
                ),
            });
        }
    }
    checks
}

async fn table(api: &Api, config: &ServiceNowConfig, name: String) -> Check {
    match api
        .first(
            &config.table,
            "ORDERBYDESCsys_created_on",
            "sys_id,number,state,correlation_id,sys_updated_on",
        )
        .await
    {
        Ok(None) => Check::warning(
            name,
            format!(
                "no row of {} is visible: it is empty, or the account lacks a role to read it",
                config.table
            ),
        ),
        Ok(Some(row)) => match ["number", "state", "correlation_id", "sys_updated_on"]
            .into_iter()
            .filter(|field| row.get(field).is_none())
            .collect::<Vec<_>>()
        {
            missing if missing.is_empty() => Check::ok(name, "readable"),
            missing => Check::failed(
                name,
                format!(
                    "columns absent or hidden: {}; grant read access, or choose a table that extends task",
                    missing.join(", ")
                ),
            ),
        },
        Err(error) => Check::failed(
            name,
            format!("{error}; check table and the account's roles"),
        ),
    }
}

async fn journal(api: &Api, name: String) -> Check {
    match api
        .first(
            "sys_journal_field",
            "ORDERBYDESCsys_created_on",
            "sys_id,element_id,value",
        )
        .await
    {
        Ok(Some(row)) if row.get("value").is_some() => Check::ok(name, "readable"),
        Ok(_) => Check::warning(
            name,
            "no journal entry is visible: there is none yet, or the account needs audit_viewer (or read access to sys_journal_field) to see comments",
        ),
        Err(error) => Check::failed(
            name,
            format!("{error}; grant audit_viewer, or read access to sys_journal_field"),
        ),
    }
}

async fn choices(
    api: &Api,
    config: &ServiceNowConfig,
    element: &str,
) -> poamd_contract::error::Result<Vec<Row>> {
    let query = format!("name={}^element={element}", config.table);
    let rows = api
        .rows("sys_choice", &query, "name,element,value,label,inactive")
        .await?;
    Ok(rows
        .rows
        .into_iter()
        .filter(|row| {
            row.text("element") == element
                && row.text("name") == config.table
                && row.text("inactive") != "true"
        })
        .collect())
}

async fn close_code(api: &Api, config: &ServiceNowConfig, name: String) -> Check {
    match choices(api, config, "close_code").await {
        Ok(rows) if rows.is_empty() => Check::warning(
            name,
            format!(
                "choices cannot be read: make sure {:?} is one of them",
                config.close_code
            ),
        ),
        Ok(rows)
            if rows
                .iter()
                .any(|row| row.text("value") == config.close_code) =>
        {
            Check::ok(name, config.close_code.clone())
        }
        Ok(rows) => {
            let known: Vec<&str> = rows.iter().map(|row| row.text("value")).collect();
            Check::failed(
                name,
                format!(
                    "{:?} is not a choice; set close_code to one of: {}",
                    config.close_code,
                    one_line(&known.join(", "), 400)
                ),
            )
        }
        Err(error) => Check::warning(name, format!("{error}; choices cannot be checked")),
    }
}

async fn states(api: &Api, config: &ServiceNowConfig, name: String) -> Check {
    match choices(api, config, "state").await {
        Ok(rows) if rows.is_empty() => {
            Check::warning(name, "choices cannot be read: poamd uses 1, 2, 6, 7 and 8")
        }
        Ok(rows) => {
            let missing: Vec<&str> = ["1", "2", "6", "7"]
                .into_iter()
                .filter(|value| !rows.iter().any(|row| row.text("value") == *value))
                .collect();
            if missing.is_empty() {
                Check::ok(name, "1, 2, 6 and 7 are choices")
            } else {
                Check::failed(
                    name,
                    format!(
                        "no state {}: choose a table with the states of incident",
                        missing.join(", ")
                    ),
                )
            }
        }
        Err(error) => Check::warning(name, format!("{error}; states cannot be checked")),
    }
}
