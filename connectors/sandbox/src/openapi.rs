//! Checks a request against an OpenAPI 3.0 document: path and method known, parameters known and of their
//! type, body of its schema. Validators are built when first needed and kept.
//!
//! Only requests: the documents' own examples of answers break their schemas, so answers are not judged.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

/// A request as the contract sees it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Lower case or upper case.
    pub method: &'a str,
    pub path: &'a str,
    /// Decoded, in the order sent.
    pub query: &'a [(String, String)],
    pub content_type: Option<&'a str>,
    pub body: &'a [u8],
}

/// An OpenAPI document ready to judge requests.
pub struct Contract {
    document: Value,
    templates: Vec<Vec<Segment>>,
    paths: Vec<String>,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

#[derive(Debug, PartialEq)]
enum Segment {
    Literal(String),
    Parameter(String),
}

impl Contract {
    /// # Errors
    /// If the text is not a JSON document with paths.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut document: Value =
            serde_json::from_str(text).map_err(|e| format!("contract is not JSON: {e}"))?;
        nullable_to_types(&mut document);
        let paths: Vec<String> = document["paths"]
            .as_object()
            .ok_or("contract has no paths")?
            .keys()
            .cloned()
            .collect();
        let templates = paths.iter().map(|p| segments(p)).collect();
        Ok(Self {
            document,
            templates,
            paths,
            validators: Mutex::default(),
        })
    }

    /// What the request breaks, one sentence each; empty if nothing.
    pub fn check(&self, asked: Asked<'_>) -> Vec<String> {
        let Some((template, values)) = self.find(asked.path) else {
            return vec![format!("path {} is not in the contract", asked.path)];
        };
        let method = asked.method.to_ascii_lowercase();
        let operation = &self.document["paths"][template][&method];
        if !operation.is_object() {
            return vec![format!("{} is not allowed on {template}", asked.method)];
        }
        let parameters = self.parameters(template, operation);
        let mut broken = self.check_path(template, &parameters, &values);
        broken.extend(self.check_query(&format!("{method} {template}"), &parameters, asked.query));
        broken.extend(self.check_body(&format!("{method} {template}"), operation, asked));
        broken
    }

    /// The template of the path and the values of its parameters; literals win over parameters.
    fn find(&self, path: &str) -> Option<(&str, BTreeMap<String, String>)> {
        let asked: Vec<&str> = path.trim_matches('/').split('/').collect();
        let mut best: Option<(usize, &str, BTreeMap<String, String>)> = None;
        for (segments, template) in self.templates.iter().zip(&self.paths) {
            let Some(values) = fit(segments, &asked) else {
                continue;
            };
            if best
                .as_ref()
                .is_none_or(|(holes, ..)| values.len() < *holes)
            {
                best = Some((values.len(), template, values));
            }
        }
        best.map(|(_, template, values)| (template, values))
    }

    fn parameters<'a>(&'a self, template: &str, operation: &'a Value) -> Vec<&'a Value> {
        let shared = self.document["paths"][template]["parameters"].as_array();
        let own = operation["parameters"].as_array();
        shared
            .into_iter()
            .chain(own)
            .flatten()
            .map(|p| self.resolve(p))
            .collect()
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str().and_then(|r| r.strip_prefix('#')) {
            Some(pointer) => self.document.pointer(pointer).unwrap_or(value),
            None => value,
        }
    }

    fn check_path(
        &self,
        template: &str,
        parameters: &[&Value],
        values: &BTreeMap<String, String>,
    ) -> Vec<String> {
        let of_path = parameters.iter().filter(|p| p["in"] == "path");
        of_path
            .filter_map(|p| {
                let name = p["name"].as_str()?;
                let value = values.get(name)?;
                self.check_value(&format!("path {template} {name}"), &p["schema"], value)
                    .map(|why| format!("path parameter {name}: {why}"))
            })
            .collect()
    }

    fn check_query(
        &self,
        at: &str,
        parameters: &[&Value],
        query: &[(String, String)],
    ) -> Vec<String> {
        let known: BTreeMap<&str, &&Value> = parameters
            .iter()
            .filter(|p| p["in"] == "query")
            .filter_map(|p| p["name"].as_str().map(|name| (name, p)))
            .collect();
        let mut broken: Vec<String> = query
            .iter()
            .filter_map(|(name, value)| match known.get(name.as_str()) {
                None => Some(format!("query parameter {name} is not in the contract")),
                Some(p) => self
                    .check_value(&format!("query {at} {name}"), &p["schema"], value)
                    .map(|why| format!("query parameter {name}: {why}")),
            })
            .collect();
        for (name, parameter) in known {
            if parameter["required"] == true && !query.iter().any(|(n, _)| n == name) {
                broken.push(format!("query parameter {name} is missing"));
            }
        }
        broken
    }

    /// The value as its schema's type reads it, against that schema.
    fn check_value(&self, name: &str, schema: &Value, value: &str) -> Option<String> {
        let schema = self.resolve(schema);
        let read = match schema["type"].as_str() {
            Some("integer") => value
                .parse::<i64>()
                .map(Value::from)
                .unwrap_or_else(|_| json!(value)),
            Some("boolean") => value
                .parse::<bool>()
                .map(Value::from)
                .unwrap_or_else(|_| json!(value)),
            Some("array") => {
                let number = self.resolve(&schema["items"])["type"] == "integer";
                value
                    .split(',')
                    .map(|v| {
                        v.parse::<i64>()
                            .ok()
                            .filter(|_| number)
                            .map_or_else(|| json!(v), Value::from)
                    })
                    .collect()
            }
            _ => json!(value),
        };
        self.judge(name, schema, &read).into_iter().next()
    }

    fn check_body(&self, at: &str, operation: &Value, asked: Asked<'_>) -> Vec<String> {
        let wanted = self.resolve(&operation["requestBody"]);
        if !wanted.is_object() {
            return if asked.body.is_empty() {
                vec![]
            } else {
                vec![format!("{at} takes no body")]
            };
        }
        if asked.body.is_empty() {
            return if wanted["required"] == true {
                vec![format!("{at} needs a body")]
            } else {
                vec![]
            };
        }
        let kind = asked
            .content_type
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        let schema = &wanted["content"][kind]["schema"];
        if !wanted["content"][kind].is_object() {
            return vec![format!("{at} does not take the content type {kind:?}")];
        }
        if kind != "application/json" {
            return vec![];
        }
        match serde_json::from_slice::<Value>(asked.body) {
            Ok(body) => self.judge(at, schema, &body),
            Err(error) => vec![format!("body is not JSON: {error}")],
        }
    }

    fn judge(&self, name: &str, schema: &Value, value: &Value) -> Vec<String> {
        match self.validator(name, schema) {
            Ok(validator) => complaints(&validator, value),
            Err(why) => vec![why],
        }
    }

    fn validator(&self, name: &str, schema: &Value) -> Result<Arc<Validator>, String> {
        let mut kept = self
            .validators
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = kept.get(name) {
            return Ok(Arc::clone(validator));
        }
        let root = json!({ "allOf": [schema], "components": { "schemas": self.closure(schema) } });
        let validator = compile(&root).map_err(|why| format!("schema of {name}: {why}"))?;
        let validator = Arc::new(validator);
        kept.insert(name.to_owned(), Arc::clone(&validator));
        Ok(validator)
    }

    /// The component schemas that `schema` needs, so that a validator is built from a few, not from all.
    fn closure(&self, schema: &Value) -> BTreeMap<String, &Value> {
        let mut names = BTreeSet::new();
        let mut open: Vec<&Value> = vec![schema];
        while let Some(next) = open.pop() {
            for name in references(next) {
                if names.insert(name.clone()) {
                    open.push(&self.document["components"]["schemas"][&name]);
                }
            }
        }
        names
            .into_iter()
            .map(|n| (n.clone(), &self.document["components"]["schemas"][&n]))
            .collect()
    }
}

/// A draft-04 validator, which is what OpenAPI 3.0 schemas and ADF are.
///
/// # Errors
/// If the schema is not one.
pub fn compile(schema: &Value) -> Result<Validator, String> {
    jsonschema::options()
        .with_draft(Draft::Draft4)
        .build(schema)
        .map_err(|e| e.to_string())
}

/// The first few things the value breaks, each with its place.
pub fn complaints(validator: &Validator, value: &Value) -> Vec<String> {
    validator
        .iter_errors(value)
        .take(5)
        .map(|e| {
            format!(
                "{}: {}",
                e.instance_path(),
                e.to_string().chars().take(200).collect::<String>()
            )
        })
        .collect()
}

fn segments(path: &str) -> Vec<Segment> {
    let read = |part: &str| match part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
        Some(name) => Segment::Parameter(name.to_owned()),
        None => Segment::Literal(part.to_owned()),
    };
    path.trim_matches('/').split('/').map(read).collect()
}

fn fit(template: &[Segment], asked: &[&str]) -> Option<BTreeMap<String, String>> {
    if template.len() != asked.len() {
        return None;
    }
    let mut values = BTreeMap::new();
    for (segment, part) in template.iter().zip(asked) {
        match segment {
            Segment::Literal(text) if text == part => {}
            Segment::Parameter(name) if !part.is_empty() => {
                values.insert(name.clone(), (*part).to_owned());
            }
            _ => return None,
        }
    }
    Some(values)
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, inner)| match (key.as_str(), inner.as_str()) {
                ("$ref", Some(to)) => to
                    .strip_prefix("#/components/schemas/")
                    .map(str::to_owned)
                    .into_iter()
                    .collect(),
                _ => references(inner),
            })
            .collect(),
        Value::Array(list) => list.iter().flat_map(references).collect(),
        _ => vec![],
    }
}

/// OpenAPI 3.0 says `nullable` where JSON Schema says a list of types.
fn nullable_to_types(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map.get("nullable") == Some(&Value::Bool(true))
                && let Some(Value::String(kind)) = map.get("type").cloned()
            {
                map.insert("type".to_owned(), json!([kind, "null"]));
            }
            map.values_mut().for_each(nullable_to_types);
        }
        Value::Array(list) => list.iter_mut().for_each(nullable_to_types),
        _ => {}
    }
}
