//! Moves: which transition leads to a state, and what its screen asks for (`itsm.md` 1.6).

use poamd_contract::desk::{Block, Text, TicketRef, TicketState};
use poamd_contract::error::{Result, Retry};
use poamd_http::{Call, Method};
use serde_json::{Value, json};

use crate::adf;
use crate::client::Api;
use crate::config::JiraConfig;
use crate::mapping::{self, check_id};
use crate::tickets;
use crate::wire::{Field, Transition, Transitions};

/// Resolutions taken when none is configured.
const RESOLUTIONS: [&str; 3] = ["Done", "Fixed", "Resolved"];

/// Most moves made for one change of state (`itsm.md` 1.6).
const HOPS: usize = 3;

pub async fn transition(
    api: &Api,
    config: &JiraConfig,
    ticket: &TicketRef,
    to: TicketState,
    note: &str,
) -> Result<()> {
    // Jira knows no state behind done.
    let to = if to == TicketState::Closed {
        TicketState::Done
    } else {
        to
    };
    let mut passed = vec![tickets::read_one(api, config, ticket).await?.state];
    if passed == [to] {
        return Ok(());
    }
    let path = format!("rest/api/3/issue/{}/transitions", check_id(&ticket.id)?);
    let look = Call::get(&path).query("expand", "transitions.fields");
    for _ in 0..HOPS {
        // Asked after each hop: what is open depends on the status.
        let offered: Transitions = api.ask(&look).await?;
        let (next, chosen) = step(config, &offered.transitions, to, &passed)
            .map_err(|cause| api.error(&look, Retry::Never, &cause))?;
        let body = body(config, chosen, next, note)
            .map_err(|cause| api.error(&look, Retry::Never, &cause))?;
        api.send(&Call::write(Method::POST, &path, body)).await?;
        if next == to {
            return Ok(());
        }
        passed.push(next);
    }
    let cause = format!("{HOPS} moves did not lead to {}", to.as_str());
    Err(api.error(&look, Retry::Never, &cause))
}

/// The move to make now and the state it leads to: straight there, else through a state not passed yet.
/// Nothing is passed through done, which would claim what nobody said.
fn step<'a>(
    config: &JiraConfig,
    offered: &'a [Transition],
    to: TicketState,
    passed: &[TicketState],
) -> Result<(TicketState, &'a Transition), String> {
    if let Some(straight) = choose(config, offered, to)? {
        return Ok((to, straight));
    }
    let detour = [TicketState::InProgress, TicketState::New]
        .into_iter()
        .filter(|via| *via != to && !passed.contains(via))
        .find_map(|via| Some((via, choose(config, offered, via).ok().flatten()?)));
    detour.ok_or_else(|| match offered {
        [] => "no move is open to this account from the present status: grant it Transition issues"
            .to_owned(),
        _ => format!(
            "no move leads to {}; offered: {}",
            to.as_str(),
            list(offered.iter())
        ),
    })
}

/// By configured name or id in order of preference, else the only one that leads to the category. `None` if none does.
fn choose<'a>(
    config: &JiraConfig,
    offered: &'a [Transition],
    to: TicketState,
) -> Result<Option<&'a Transition>, String> {
    let names = config.statuses.of(to);
    let named = names.iter().find_map(|name| {
        offered
            .iter()
            .find(|each| each.to.name.eq_ignore_ascii_case(name) || each.to.id == *name)
    });
    if named.is_some() {
        return Ok(named);
    }
    let fitting: Vec<_> = offered
        .iter()
        .filter(|each| mapping::state(&each.to) == to)
        .collect();
    match fitting[..] {
        [] => Ok(None),
        [only] => Ok(Some(only)),
        _ => Err(format!(
            "several moves lead to {}: {}; name the status to take in the desk's statuses",
            to.as_str(),
            list(fitting.into_iter())
        )),
    }
}

fn list<'a>(moves: impl Iterator<Item = &'a Transition>) -> String {
    moves
        .map(|each| {
            format!(
                "{:?} to {:?} ({})",
                each.name, each.to.name, each.to.status_category.key
            )
        })
        .collect::<Vec<_>>()
        .join(", ")
}

/// The body of a move, with what its screen requires.
fn body(
    config: &JiraConfig,
    chosen: &Transition,
    to: TicketState,
    note: &str,
) -> Result<Value, String> {
    let note = if note.trim().is_empty() {
        "Moved by poamd."
    } else {
        note
    };
    let mut body = json!({"transition": {"id": chosen.id}});
    for (id, field) in &chosen.fields {
        let wanted = id == "resolution" && to == TicketState::Done && config.resolution.is_some();
        if !wanted && (!field.required || field.has_default_value) {
            continue;
        }
        if id == "comment" {
            body["update"] = json!({"comment": [{"add": {"body": note_document(note)}}]});
        } else {
            body["fields"][id] = value(config, id, field, note).map_err(|cause| {
                format!("the move {:?} to {:?} {cause}", chosen.name, chosen.to.name)
            })?;
        }
    }
    Ok(body)
}

fn value(config: &JiraConfig, id: &str, field: &Field, note: &str) -> Result<Value, String> {
    let name_of = |value: &Value| {
        ["name", "value"]
            .iter()
            .find_map(|key| value[*key].as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let allowed = || {
        field
            .allowed_values
            .iter()
            .map(name_of)
            .collect::<Vec<_>>()
            .join(", ")
    };
    if id == "resolution" {
        let wanted: Vec<&str> = config
            .resolution
            .as_deref()
            .map_or(RESOLUTIONS.to_vec(), |name| vec![name]);
        let found = wanted.iter().find_map(|name| {
            field
                .allowed_values
                .iter()
                .find(|value| name_of(value).eq_ignore_ascii_case(name))
        });
        return match found {
            Some(value) => Ok(json!({"name": name_of(value)})),
            None => Err(format!(
                "asks for a resolution; set the desk's resolution to one of: {}",
                allowed()
            )),
        };
    }
    match field.allowed_values.as_slice() {
        [only] if only["id"].is_string() => Ok(json!({"id": only["id"]})),
        [] if field.is_textarea() => Ok(note_document(note)),
        [] if field.is_text() => Ok(json!(poamd_http::one_line(note, 250))),
        [] => Err(format!(
            "requires {:?} ({id}), which poamd cannot fill: make it optional or give it a default",
            field.name
        )),
        _ => Err(format!(
            "requires {:?} ({id}), one of: {}; give it a default",
            field.name,
            allowed()
        )),
    }
}

fn note_document(note: &str) -> Value {
    adf::document(&Text {
        blocks: vec![Block::Paragraph {
            text: note.to_owned(),
        }],
    })
}

#[cfg(test)]
mod tests {
    use poamd_contract::secret::SecretString;
    use poamd_http::Endpoint;

    use super::*;

    fn config() -> JiraConfig {
        let endpoint = Endpoint::new("http://127.0.0.1:1".parse().unwrap());
        JiraConfig::new(endpoint, "a@b", SecretString::from("secret"), "SEC")
    }

    fn moves(rows: &[(&str, &str, &str)]) -> Vec<Transition> {
        rows.iter()
            .map(|(id, name, category)| {
                serde_json::from_value(json!({"id": id, "name": format!("to {name}"), "to": {"id": format!("1{id}"), "name": name, "statusCategory": {"key": category}}})).unwrap()
            })
            .collect()
    }

    #[test]
    fn names_win_over_categories_and_doubt_is_an_error() {
        let take = |config: &JiraConfig, offered: &[Transition], to, passed: &[TicketState]| {
            step(config, offered, to, passed).map(|(next, chosen)| (next, chosen.id.clone()))
        };
        let (new, doing, done) = (TicketState::New, TicketState::InProgress, TicketState::Done);
        let offered = moves(&[
            ("1", "Won't Do", "done"),
            ("2", "DONE", "done"),
            ("3", "Doing", "indeterminate"),
        ]);
        assert_eq!(
            take(&config(), &offered, done, &[new]).unwrap(),
            (done, "2".into())
        );
        assert_eq!(
            take(&config(), &offered, doing, &[new]).unwrap(),
            (doing, "3".into())
        );
        let cause = take(&config(), &offered, new, &[done, doing]).unwrap_err();
        assert!(
            cause.contains("no move leads to new") && cause.contains("Won't Do"),
            "{cause}"
        );
        let doubtful = moves(&[("1", "Won't Do", "done"), ("2", "Shipped", "done")]);
        assert!(
            take(&config(), &doubtful, done, &[new])
                .unwrap_err()
                .contains("several moves")
        );
        assert!(
            take(&config(), &[], done, &[new])
                .unwrap_err()
                .contains("Transition issues")
        );
        let mut by_id = config();
        by_id.statuses.done = vec!["12".into()];
        assert_eq!(
            take(&by_id, &doubtful, done, &[new]).unwrap(),
            (done, "2".into())
        );
        // From done back to in progress by way of new, but never by way of done.
        let reopen = moves(&[("4", "To Do", "new"), ("2", "Done", "done")]);
        assert_eq!(
            take(&config(), &reopen, doing, &[done]).unwrap(),
            (new, "4".into())
        );
        assert!(take(&config(), &reopen, doing, &[done, new]).is_err());
    }

    #[test]
    fn a_screen_gets_what_it_requires_and_no_more() {
        let mut chosen = moves(&[("5", "Done", "done")]).remove(0);
        assert_eq!(
            body(&config(), &chosen, TicketState::Done, "n").unwrap(),
            json!({"transition": {"id": "5"}})
        );
        chosen.fields = serde_json::from_value(json!({
            "resolution": {"required": true, "name": "Resolution", "allowedValues": [{"id": "1", "name": "Won't Do"}, {"id": "2", "name": "Fixed"}]},
            "customfield_1": {"required": true, "name": "Why", "schema": {"type": "string", "custom": "com.atlassian.jira.plugin.system.customfieldtypes:textarea"}},
            "customfield_2": {"required": true, "name": "Short", "schema": {"type": "string"}},
            "customfield_3": {"required": true, "hasDefaultValue": true, "name": "Defaulted"},
            "comment": {"required": true, "name": "Comment"},
            "assignee": {"required": false, "name": "Assignee"},
        }))
        .unwrap();
        let body_of =
            |config: &JiraConfig| body(config, &chosen, TicketState::Done, "fixed\nindeed");
        let sent = body_of(&config()).unwrap();
        assert_eq!(sent["fields"]["resolution"], json!({"name": "Fixed"}));
        assert_eq!(sent["fields"]["customfield_1"]["type"], "doc");
        assert_eq!(sent["fields"]["customfield_2"], "fixed indeed");
        assert_eq!(sent["update"]["comment"][0]["add"]["body"]["type"], "doc");
        assert_eq!(sent["fields"].as_object().unwrap().len(), 3);
        let mut other = config();
        other.resolution = Some("Accepted".into());
        assert!(
            body_of(&other)
                .unwrap_err()
                .contains("one of: Won't Do, Fixed")
        );
        chosen.fields = serde_json::from_value(json!({"customfield_9": {"required": true, "name": "Root cause", "allowedValues": [{"id": "1", "value": "A"}, {"id": "2", "value": "B"}]}})).unwrap();
        assert!(
            body(&config(), &chosen, TicketState::Done, "n")
                .unwrap_err()
                .contains("\"Root cause\" (customfield_9), one of: A, B")
        );
    }
}
