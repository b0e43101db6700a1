//! How fields are described by `createmeta`, `editmeta` and transitions, and how their values are shown.

use serde_json::{Value, json};

use super::fields::{Field, Kind, PRIORITIES, RESOLUTIONS};
use super::site::Site;

/// A field as `createmeta`, `editmeta` and transitions describe it.
pub fn meta(site: &Site, id: &str, required: bool) -> Value {
    let Some(field) = site.fields.iter().find(|f| f.id == id) else {
        return Value::Null;
    };
    let mut value = json!({
        "required": required, "name": field.name, "key": field.id, "fieldId": field.id,
        "hasDefaultValue": matches!(field.kind, Kind::Priority), "schema": schema(field),
        "operations": if field.kind == Kind::Labels { json!(["add", "set", "remove"]) } else { json!(["set"]) },
    });
    if let Some(allowed) = allowed_values(site, field) {
        value["allowedValues"] = allowed;
    }
    value
}

fn allowed_values(site: &Site, field: &Field) -> Option<Value> {
    let pairs = |known: &[(&str, &str)]| {
        known
            .iter()
            .map(|(id, name)| json!({ "id": id, "name": name }))
            .collect()
    };
    Some(match (&field.kind, field.id.as_str()) {
        (Kind::Priority, _) => pairs(&PRIORITIES),
        (Kind::Resolution, _) => pairs(&RESOLUTIONS),
        (Kind::Option(values), _) => values.iter().map(|v| json!({ "value": v })).collect(),
        (_, "issuetype") => site
            .issue_types
            .iter()
            .map(|(id, name)| json!({ "id": id, "name": name }))
            .collect(),
        _ => return None,
    })
}

/// A field's schema; `custom` tells a textarea from a one-line text.
pub fn schema(field: &Field) -> Value {
    let kind = match &field.kind {
        Kind::Line | Kind::Rich => "string",
        Kind::Labels => "array",
        Kind::Priority => "priority",
        Kind::Resolution => "resolution",
        Kind::Date => "date",
        Kind::User => "user",
        Kind::Number => "number",
        Kind::Option(_) => "option",
        Kind::Fixed if field.id == "project" => "project",
        Kind::Fixed => "issuetype",
    };
    let mut schema = json!({ "type": kind });
    if field.kind == Kind::Labels {
        schema["items"] = json!("string");
    }
    match field
        .id
        .strip_prefix("customfield_")
        .and_then(|n| n.parse::<u64>().ok())
    {
        None => schema["system"] = json!(field.id),
        Some(number) => {
            let custom = match field.kind {
                Kind::Rich => "textarea",
                Kind::Number => "float",
                Kind::Date => "datepicker",
                Kind::Option(_) => "select",
                Kind::User => "userpicker",
                _ => "textfield",
            };
            schema["custom"] = json!(format!(
                "com.atlassian.jira.plugin.system.customfieldtypes:{custom}"
            ));
            schema["customId"] = json!(number);
        }
    }
    schema
}

/// A stored value as an issue shows it.
pub fn shown(site: &Site, id: &str, value: &Value) -> Value {
    let text = value.as_str().unwrap_or_default();
    let pair = |known: &[(&str, &str)], path: &str| {
        known.iter().find(|(i, _)| *i == text).map_or(
            Value::Null,
            |(id, name)| json!({ "self": format!("{}/rest/api/3/{path}/{id}", site.base), "id": id, "name": name }),
        )
    };
    match site.fields.iter().find(|f| f.id == id).map(|f| &f.kind) {
        Some(Kind::Priority) => pair(&PRIORITIES, "priority"),
        Some(Kind::Resolution) => pair(&RESOLUTIONS, "resolution"),
        Some(Kind::User) => site.user(text).map_or(Value::Null, |u| u.shown(&site.base)),
        _ => value.clone(),
    }
}
