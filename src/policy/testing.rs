//! Runs the tests that stand beside policies and helpers. The names come from the source, because a Rego test that
//! fails is undefined: it is missing from the package's value rather than false.

use regorus::Value;

use super::PolicySet;
use super::engine;
use super::source::{SourceFile, Tested};

/// What became of one test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestOutcome {
    /// The file, relative to its directory of policies.
    pub file: String,
    /// The rule, `test_…`; empty if the whole file could not be run.
    pub name: String,
    /// Why it failed.
    pub failure: Option<String>,
}

impl TestOutcome {
    pub fn passed(&self) -> bool {
        self.failure.is_none()
    }
}

impl PolicySet {
    /// Every test of every policy in force and of every helper, in the order of files and lines.
    pub fn test(&self) -> Vec<TestOutcome> {
        let helpers = self.helpers.iter().map(|helper| run(helper, &self.helpers));
        let policies = self
            .policies
            .values()
            .map(|policy| run(&policy.source, &policy.helpers));
        helpers.chain(policies).flatten().collect()
    }
}

fn run(tested: &Tested, helpers: &[Tested]) -> Vec<TestOutcome> {
    let outcome = |name: &str, failure: Option<String>| TestOutcome {
        file: tested.test.path.clone(),
        name: name.to_owned(),
        failure,
    };
    let problems = form_problems(&tested.test);
    if !problems.is_empty() {
        return vec![outcome("", Some(problems.join("; ")))];
    }
    let own = helpers
        .iter()
        .all(|helper| helper.file.path != tested.file.path)
        .then_some(&tested.file);
    let files = helpers
        .iter()
        .map(|helper| &helper.file)
        .chain(own)
        .chain([&tested.test]);
    let (mut engine, package) = match engine::engine_of(files) {
        Ok(built) => built,
        Err(problem) => return vec![outcome("", Some(problem))],
    };
    names(&tested.test)
        .into_iter()
        .map(|name| {
            match engine::eval(
                &mut engine,
                &format!("{package}.{name}"),
                Value::new_object(),
            ) {
                Ok(Value::Bool(true)) => outcome(name, None),
                Ok(Value::Undefined) => outcome(
                    name,
                    Some("is not true: one of its lines is false or undefined".to_owned()),
                ),
                Ok(other) => outcome(name, Some(format!("is {other}, not true"))),
                Err(failure) => outcome(name, Some(failure.to_string())),
            }
        })
        .collect()
}

/// The names of the tests in a file: rules `test_…` that begin a line.
pub fn names(test: &SourceFile) -> Vec<&str> {
    test.text
        .lines()
        .filter_map(|line| rule_name(line))
        .collect()
}

/// What would keep a test from being run, or from failing.
pub(super) fn form_problems(test: &SourceFile) -> Vec<String> {
    let names = names(test);
    let mut problems = Vec::new();
    if names.is_empty() {
        problems.push(format!("{} has no rule test_…", test.path));
    }
    for (index, name) in names.iter().enumerate() {
        if names[..index].contains(name) {
            problems.push(format!(
                "{}: {name} stands there twice; one would hide the other",
                test.path
            ));
        }
    }
    for line in test.text.lines() {
        let inner = line.trim_start();
        if inner.starts_with("default test_") {
            problems.push(format!(
                "{}: {inner:?} could never fail; drop `default`",
                test.path
            ));
        } else if inner.len() < line.len() && rule_name(inner).is_some() {
            problems.push(format!(
                "{}: {inner:?} is indented; a test begins its line",
                test.path
            ));
        }
    }
    problems
}

/// `test_…` of a line that is the head of such a rule.
fn rule_name(line: &str) -> Option<&str> {
    let end = line
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let head = rest.trim_start();
    (name.starts_with("test_") && ["if", ":=", "="].iter().any(|sign| head.starts_with(sign)))
        .then_some(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn tested(policy: &str, test: &str) -> Tested {
        let file = |path: &str, text: &str| SourceFile {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        Tested {
            file: file("a.rego", policy),
            test: file("a_test.rego", test),
        }
    }

    #[test]
    fn a_test_that_is_not_true_fails() {
        let outcomes = run(
            &tested(
                "package a\n\nx := input.y\n",
                "package a_test\n\nimport data.a\n\ntest_good if a.x == 1 with input as {\"y\": 1}\n\
                 test_bad if a.x == 2 with input as {\"y\": 1}\ntest_false := false\ntest_number := 7\n\
                 test_call if time.now_ns() > 0\n",
            ),
            &[],
        );
        let seen: Vec<_> = outcomes
            .iter()
            .map(|o| (o.name.as_str(), o.passed()))
            .collect();
        let want = [
            ("test_good", true),
            ("test_bad", false),
            ("test_false", false),
            ("test_number", false),
            ("test_call", false),
        ];
        assert_eq!(seen, want);
        assert!(
            outcomes[4]
                .failure
                .as_ref()
                .unwrap()
                .contains("use input.now")
        );
    }

    #[test]
    fn tests_that_could_not_fail_are_refused() {
        for (text, named) in [
            ("package a_test\n", "has no rule"),
            ("package a_test\ntest_a if true\ntest_a if false\n", "twice"),
            (
                "package a_test\ntest_b if true\n  test_a if false\n",
                "indented",
            ),
            (
                "package a_test\ntest_b if true\ndefault test_a := true\n",
                "never fail",
            ),
            ("package a_test\ntest_a if {{{\n", "a_test.rego"),
        ] {
            let outcomes = run(&tested("package a\n", text), &[]);
            assert_eq!(outcomes.len(), 1, "{text}");
            assert!(
                outcomes[0].failure.as_ref().unwrap().contains(named),
                "{text}: {outcomes:?}"
            );
        }
    }
}
