//! The set-up proved part by part, each with its next step.

use poamd_contract::desk::TicketState;
use poamd_contract::health::Check;
use poamd_http::{Call, one_line};
use serde_json::Value;

use crate::client::Api;
use crate::config::JiraConfig;
use crate::screen::Screen;
use crate::wire::Field;

/// What poamd does, by the permission it needs.
const PERMISSIONS: [&str; 5] = [
    "BROWSE_PROJECTS",
    "CREATE_ISSUES",
    "EDIT_ISSUES",
    "TRANSITION_ISSUES",
    "ADD_COMMENTS",
];
/// Fields poamd fills in itself.
const FILLED: [&str; 6] = [
    "project",
    "issuetype",
    "summary",
    "description",
    "labels",
    "reporter",
];

pub async fn checks(api: &Api, config: &JiraConfig) -> Vec<Check> {
    let name = |part: &str| format!("jira {}: {part}", config.project);
    let mut checks = vec![site(api, name("site")).await];
    match api.ask_me().await {
        Ok(me) => checks.push(match me.time_zone.as_deref() {
            None | Some("UTC" | "Etc/UTC" | "GMT" | "Etc/GMT") => Check::ok(
                name("sign-in"),
                format!("{} ({})", me.display_name, me.account_id),
            ),
            Some(zone) => Check::warning(
                name("sign-in"),
                format!(
                    "{} has time zone {zone}: set its profile to UTC, searches by time read it",
                    me.display_name
                ),
            ),
        }),
        Err(error) => {
            checks.push(Check::failed(name("sign-in"), format!("{error}; set email and token of an account of this site (scoped tokens need the api.atlassian.com address)")));
            return checks;
        }
    }
    checks.push(permissions(api, config, name("permissions")).await);
    match Screen::load(api, config).await {
        Ok(screen) => {
            checks.push(Check::ok(
                name("project and issue type"),
                format!("{} / {}", config.project, config.issue_type),
            ));
            checks.push(required(config, &screen, name("create screen")));
            checks.push(priorities(config, &screen, name("priorities")));
        }
        Err(error) => checks.push(Check::failed(
            name("project and issue type"),
            format!("{error}; check project and issue_type"),
        )),
    }
    checks.push(statuses(api, config, name("statuses")).await);
    checks
}

async fn site(api: &Api, name: String) -> Check {
    match api.ask::<Value>(&Call::get("rest/api/3/serverInfo")).await {
        Ok(info) => match info["deploymentType"].as_str() {
            Some("Cloud") => Check::ok(name, "Jira Cloud"),
            kind => Check::failed(
                name,
                format!(
                    "this is {}, not Jira Cloud: set the address of a Cloud site",
                    kind.unwrap_or("of unknown kind")
                ),
            ),
        },
        Err(error) => Check::failed(name, format!("{error}; check url, proxy and ca_file")),
    }
}

async fn permissions(api: &Api, config: &JiraConfig, name: String) -> Check {
    let call = Call::get("rest/api/3/mypermissions")
        .query("projectKey", &config.project)
        .query("permissions", PERMISSIONS.join(","));
    match api.ask::<Value>(&call).await {
        Ok(answer) => {
            let has =
                |permission: &str| answer["permissions"][permission]["havePermission"] == true;
            let missing: Vec<&str> = PERMISSIONS
                .into_iter()
                .filter(|permission| !has(permission))
                .collect();
            if missing.is_empty() {
                Check::ok(name, "browse, create, edit, move, comment")
            } else {
                Check::failed(
                    name,
                    format!(
                        "missing: {}; grant them to the account's role in project {}",
                        missing.join(", "),
                        config.project
                    ),
                )
            }
        }
        Err(error) => Check::failed(
            name,
            format!(
                "{error}; does project {} exist for this account?",
                config.project
            ),
        ),
    }
}

fn required(config: &JiraConfig, screen: &Screen, name: String) -> Check {
    let unfilled = |(id, field): &(&String, &Field)| {
        field.required
            && !field.has_default_value
            && !FILLED.contains(&id.as_str())
            && **id != config.due_field
            && (*id != "priority" || config.priorities.is_empty())
    };
    let unfilled: Vec<String> = screen
        .fields
        .iter()
        .filter(unfilled)
        .map(|(id, field)| format!("{} ({id})", one_line(&field.name, 60)))
        .collect();
    if !unfilled.is_empty() {
        return Check::failed(
            name,
            format!(
                "requires fields poamd does not fill: {}; make them optional or give them defaults",
                unfilled.join(", ")
            ),
        );
    }
    let lacking: Vec<&str> = ["summary", "description", "labels", &config.due_field]
        .into_iter()
        .filter(|field| !screen.fields.contains_key(*field))
        .collect();
    match lacking.as_slice() {
        [] => Check::ok(name, "every field poamd fills is there"),
        lacking
            if lacking.contains(&"labels")
                || lacking.contains(&"description")
                || lacking.contains(&"summary") =>
        {
            Check::failed(
                name,
                format!(
                    "lacks {}; add them: the label is how a ticket is found again",
                    lacking.join(", ")
                ),
            )
        }
        lacking => Check::warning(
            name,
            format!("lacks {}; tickets are made without", lacking.join(", ")),
        ),
    }
}

fn priorities(config: &JiraConfig, screen: &Screen, name: String) -> Check {
    let Some(field) = screen
        .fields
        .get("priority")
        .filter(|_| !config.priorities.is_empty())
    else {
        return Check::ok(name, "left to the site");
    };
    let offered: Vec<&str> = field
        .allowed_values
        .iter()
        .filter_map(|value| value["name"].as_str())
        .collect();
    let wrong: Vec<&str> = config
        .priorities
        .values()
        .map(String::as_str)
        .filter(|name| !offered.contains(name))
        .collect();
    if wrong.is_empty() || offered.is_empty() {
        Check::ok(name, "all known to the project")
    } else {
        Check::failed(
            name,
            format!(
                "the project has no {}; it has {}",
                wrong.join(", "),
                one_line(&offered.join(", "), 300)
            ),
        )
    }
}

/// Whether the issue type's workflow has a status for each state. Transitions belong to an issue, so what leads there is
/// only known when one moves.
async fn statuses(api: &Api, config: &JiraConfig, name: String) -> Check {
    let answer = match api
        .ask::<Value>(&Call::get(format!(
            "rest/api/3/project/{}/statuses",
            config.project
        )))
        .await
    {
        Ok(answer) => answer,
        Err(error) => return Check::failed(name, error.to_string()),
    };
    let types = answer.as_array().map_or(&[][..], Vec::as_slice);
    let of_type = types.iter().find(|kind| {
        kind["name"]
            .as_str()
            .is_some_and(|name| name.eq_ignore_ascii_case(&config.issue_type))
    });
    let statuses = of_type
        .and_then(|kind| kind["statuses"].as_array())
        .map_or(&[][..], Vec::as_slice);
    let mut doubts = Vec::new();
    for (state, category) in [
        (TicketState::New, "new"),
        (TicketState::InProgress, "indeterminate"),
        (TicketState::Done, "done"),
    ] {
        let fitting: Vec<&str> = statuses
            .iter()
            .filter(|status| status["statusCategory"]["key"] == category)
            .filter_map(|status| status["name"].as_str())
            .collect();
        let named = |name: &&str| {
            config
                .statuses
                .of(state)
                .iter()
                .any(|wanted| wanted.eq_ignore_ascii_case(name))
        };
        match fitting.as_slice() {
            [] => doubts.push(format!("no status means {}", state.as_str())),
            [_] => {}
            several if several.iter().any(named) => {}
            several => doubts.push(format!(
                "several mean {}: {}",
                state.as_str(),
                one_line(&several.join(", "), 200)
            )),
        }
    }
    if doubts.is_empty() {
        Check::ok(name, "new, in progress and done are clear")
    } else {
        Check::warning(
            name,
            format!(
                "{}; name the ones to use in the desk's statuses",
                doubts.join("; ")
            ),
        )
    }
}
