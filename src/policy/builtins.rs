//! What policies may not call, or only within bounds. The engine's timer runs between expressions, so one call that
//! makes something huge would slip through it; and a policy that reads a clock or rolls dice would judge the same
//! item differently each time.

use std::cell::Cell;

use regorus::{Engine, Value};
use thiserror::Error;

/// Longest text a call may make, in bytes.
const TEXT_BYTES: usize = 64 * 1024;
/// Most text the bounded calls of one evaluation may make together, in bytes.
const TEXT_BUDGET: usize = 8 * 1024 * 1024;
/// Longest list a call may make.
const LIST_ENTRIES: usize = 100_000;

/// Names, numbers of arguments and reasons of what is not to be had.
const REFUSED: [(&str, u8, &str); 11] = [
    (
        "time.now_ns",
        0,
        "use input.now, the time of the evaluation",
    ),
    ("rand.intn", 2, "an evaluation must not depend on chance"),
    ("print", 1, "put it into a finding's message"),
    ("numbers.range", 2, "its size is not bounded"),
    ("numbers.range_step", 3, "its size is not bounded"),
    (
        "net.cidr_expand",
        1,
        "its size is not bounded; use net.cidr_contains",
    ),
    ("bits.lsh", 2, "its size is not bounded"),
    (
        "strings.replace_n",
        2,
        "its size is not bounded; use replace",
    ),
    ("regex.replace", 3, "its size is not bounded; use replace"),
    (
        "json.marshal",
        1,
        "its size is not bounded; name the fields in sprintf",
    ),
    (
        "json.marshal_with_options",
        2,
        "its size is not bounded; name the fields in sprintf",
    ),
];

#[derive(Debug, Error)]
enum BadCall {
    #[error("{name} is not available to policies: {reason}")]
    Refused {
        name: &'static str,
        reason: &'static str,
    },
    #[error("{name} would make more than {most} {unit}")]
    TooLarge {
        name: &'static str,
        most: usize,
        unit: &'static str,
    },
    #[error("{name}: {problem}")]
    Misused { name: &'static str, problem: String },
}

thread_local! {
    /// What is left of the budget of the evaluation this thread is at.
    static TEXT_LEFT: Cell<usize> = const { Cell::new(TEXT_BUDGET) };
}

/// Gives the next evaluation on this thread its whole budget.
pub(super) fn refill() {
    TEXT_LEFT.set(TEXT_BUDGET);
}

type Call = fn(&[Value]) -> Result<Value, BadCall>;

/// Shadows the refused and the bounded calls in an engine.
///
/// # Errors
/// If the engine knows one of them already.
pub(super) fn restrict(engine: &mut Engine) -> Result<(), String> {
    for (name, arguments, reason) in REFUSED {
        engine
            .add_extension(
                name.to_owned(),
                arguments,
                Box::new(move |_: Vec<Value>| Err(BadCall::Refused { name, reason }.into())),
            )
            .map_err(|e| format!("{name}: {e}"))?;
    }
    let bounded: [(&str, u8, Call); 4] = [
        ("concat", 2, concat),
        ("replace", 3, replace),
        ("sprintf", 2, sprintf),
        ("array.concat", 2, array_concat),
    ];
    for (name, arguments, call) in bounded {
        engine
            .add_extension(
                name.to_owned(),
                arguments,
                Box::new(move |given: Vec<Value>| Ok(call(&given)?)),
            )
            .map_err(|e| format!("{name}: {e}"))?;
    }
    Ok(())
}

fn text<'a>(name: &'static str, value: Option<&'a Value>) -> Result<&'a str, BadCall> {
    match value {
        Some(Value::String(text)) => Ok(text),
        _ => Err(BadCall::Misused {
            name,
            problem: "expects text".to_owned(),
        }),
    }
}

fn fits(name: &'static str, bytes: usize) -> Result<(), BadCall> {
    if bytes > TEXT_BYTES {
        return Err(BadCall::TooLarge {
            name,
            most: TEXT_BYTES,
            unit: "bytes",
        });
    }
    let too_much = BadCall::TooLarge {
        name,
        most: TEXT_BUDGET,
        unit: "bytes in one evaluation",
    };
    TEXT_LEFT.set(TEXT_LEFT.get().checked_sub(bytes).ok_or(too_much)?);
    Ok(())
}

fn concat(given: &[Value]) -> Result<Value, BadCall> {
    let name = "concat";
    let delimiter = text(name, given.first())?;
    let parts: Vec<&str> = match given.get(1) {
        Some(Value::Array(list)) => list
            .iter()
            .map(|v| text(name, Some(v)))
            .collect::<Result<_, _>>()?,
        Some(Value::Set(set)) => set
            .iter()
            .map(|v| text(name, Some(v)))
            .collect::<Result<_, _>>()?,
        _ => {
            return Err(BadCall::Misused {
                name,
                problem: "expects a list or a set of texts".to_owned(),
            });
        }
    };
    fits(
        name,
        parts
            .iter()
            .map(|part| part.len().saturating_add(delimiter.len()))
            .fold(0, usize::saturating_add),
    )?;
    Ok(parts.join(delimiter).into())
}

fn replace(given: &[Value]) -> Result<Value, BadCall> {
    let name = "replace";
    let (whole, old, new) = (
        text(name, given.first())?,
        text(name, given.get(1))?,
        text(name, given.get(2))?,
    );
    fits(
        name,
        whole
            .len()
            .saturating_add(whole.matches(old).count().saturating_mul(new.len())),
    )?;
    Ok(whole.replace(old, new).into())
}

fn array_concat(given: &[Value]) -> Result<Value, BadCall> {
    let name = "array.concat";
    let (Some(Value::Array(first)), Some(Value::Array(second))) = (given.first(), given.get(1))
    else {
        return Err(BadCall::Misused {
            name,
            problem: "expects two lists".to_owned(),
        });
    };
    if first.len().saturating_add(second.len()) > LIST_ENTRIES {
        return Err(BadCall::TooLarge {
            name,
            most: LIST_ENTRIES,
            unit: "entries",
        });
    }
    Ok(first
        .iter()
        .chain(second.iter())
        .cloned()
        .collect::<Vec<_>>()
        .into())
}

/// `%s`, `%v` and `%d` for texts, numbers, booleans and null, and `%%`; no widths.
fn sprintf(given: &[Value]) -> Result<Value, BadCall> {
    let name = "sprintf";
    let misused = |problem: String| BadCall::Misused { name, problem };
    let mut format = text(name, given.first())?.chars();
    let Some(Value::Array(values)) = given.get(1) else {
        return Err(misused("expects a list of values".to_owned()));
    };
    let mut values = values.iter();
    let mut made = String::new();
    while let Some(c) = format.next() {
        match (c, (c == '%').then(|| format.next()).flatten()) {
            ('%', Some('%')) => made.push('%'),
            ('%', Some(verb @ ('s' | 'v' | 'd'))) => {
                let value = values
                    .next()
                    .ok_or_else(|| misused("has more verbs than values".to_owned()))?;
                made.push_str(&scalar(verb, value).map_err(misused)?);
            }
            ('%', verb) => {
                return Err(misused(format!(
                    "knows %s, %v, %d and %%, not %{}",
                    verb.unwrap_or(' ')
                )));
            }
            (c, _) => made.push(c),
        }
        if made.len() > TEXT_BYTES {
            break;
        }
    }
    fits(name, made.len())?;
    if values.next().is_some() {
        return Err(misused("has more values than verbs".to_owned()));
    }
    Ok(made.into())
}

fn scalar(verb: char, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) if verb != 'd' => Ok(text.to_string()),
        Value::Number(_) => value.to_json_str().map_err(|e| e.to_string()),
        Value::Bool(truth) if verb != 'd' => Ok(truth.to_string()),
        Value::Null if verb != 'd' => Ok("null".to_owned()),
        _ => Err(format!("cannot write that value with %{verb}")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn eval(expression: &str) -> Result<String, String> {
        let mut engine = Engine::new();
        restrict(&mut engine).unwrap();
        engine
            .add_policy(
                "p.rego".to_owned(),
                format!("package p\n\nx := {expression}\n"),
            )
            .map_err(|e| e.to_string())?;
        engine
            .eval_rule("data.p.x".to_owned())
            .map_err(|e| e.to_string())
            .map(|v| v.to_string())
    }

    #[test]
    fn everything_refused_is_refused_with_its_reason() {
        for (name, arguments, reason) in REFUSED {
            let given = vec!["1"; usize::from(arguments)].join(", ");
            let error = eval(&format!("{name}({given})")).unwrap_err();
            assert!(error.contains(reason), "{name}: {error}");
        }
    }

    #[test]
    fn bounded_calls_do_what_rego_says() {
        for (expression, want) in [
            (r#"concat(", ", ["a", "b"])"#, r#""a, b""#),
            (r#"concat("", {"b", "a"})"#, r#""ab""#),
            (r#"replace("a-b-c", "-", "+")"#, r#""a+b+c""#),
            (
                r#"sprintf("%s has %d of %v, 100%%", ["x", 3, true])"#,
                r#""x has 3 of true, 100%""#,
            ),
            ("array.concat([1], [2, 3])", "[1,2,3]"),
        ] {
            assert_eq!(
                eval(expression)
                    .unwrap()
                    .replace(", ", ",")
                    .replace(',', ", "),
                want.replace(", ", ",").replace(',', ", "),
                "{expression}"
            );
        }
    }

    #[test]
    fn growth_is_stopped() {
        let tens = "[1, 2, 3, 4, 5, 6, 7, 8, 9]";
        let long = "x".repeat(300);
        for expression in [
            format!(
                r#"concat("{long}", ["a" | some i in {tens}; some j in {tens}; some k in {tens}])"#
            ),
            format!(
                "array.concat([1 | {}], [])",
                [
                    "some a in",
                    "; some b in",
                    "; some c in",
                    "; some d in",
                    "; some e in",
                    "; some f in"
                ]
                .map(|some| format!("{some} {tens}"))
                .concat()
            ),
            format!(
                r#"replace(replace("{long}", "x", "{}"), "x", "{}")"#,
                &long[..100],
                &long[..100]
            ),
        ] {
            assert!(
                eval(&expression)
                    .unwrap_err()
                    .contains("would make more than"),
                "{expression}"
            );
        }
        let all = format!(
            r#"count([concat("", ["{long}", x]) | some i in {tens}; some j in {tens}; some k in {tens}; some l in {tens}; some m in {tens}; x := sprintf("%d %d", [i, m])])"#
        );
        refill();
        assert!(eval(&all).unwrap_err().contains("in one evaluation"));
        refill();
        assert!(
            eval(r#"sprintf("%99999999d", [1])"#)
                .unwrap_err()
                .contains("knows")
        );
        assert!(
            eval(r#"sprintf("%s", [])"#)
                .unwrap_err()
                .contains("more verbs")
        );
        assert!(
            eval(r#"sprintf("x", [1])"#)
                .unwrap_err()
                .contains("more values")
        );
    }
}
