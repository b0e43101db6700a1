//! Policies: the rules over an item's configuration that produce findings, in Rego, packaged or an operator's own.
//!
//! Reading order: `source` (the files), `meta` (what a policy says of itself), `engine` and `builtins` (evaluation
//! within bounds), `access`, `exposure` and `input` (what a policy sees), `verdict` (what it says), `testing`.
//! Not in it: what becomes of a verdict (`scan/judge.rs`), items and how they are read.

pub mod access;
mod builtins;
mod engine;
pub mod exposure;
mod input;
mod meta;
mod source;
pub mod testing;
mod verdict;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use poamd_contract::item::SeenItem;
use regorus::Value;
use thiserror::Error;

use engine::Compiled;
pub use engine::{Failure, INPUT_VALUES, MOST_FINDINGS, SOURCE_BYTES, TIME_LIMIT};
pub use input::Context;
pub use meta::PolicyMeta;
pub use source::SourceFile;
use source::{Sources, Tested};
pub use verdict::Verdict;

/// Where a policy comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Part of the program.
    Packaged,
    /// From the operator's directory; replaces a packaged one of the same id.
    Custom,
}

/// One thing wrong with one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyProblem {
    /// Relative to the directory of policies.
    pub file: String,
    pub text: String,
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.text)
    }
}

/// All that is wrong with a set of policies, one line each. The set is not used: a policy left out would look like
/// an estate without its findings.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct PolicyProblems(pub Vec<PolicyProblem>);

/// One policy, compiled.
pub struct Policy {
    meta: Arc<PolicyMeta>,
    origin: Origin,
    source: Tested,
    helpers: Arc<Vec<Tested>>,
    findings: Compiled,
}

impl Policy {
    pub fn meta(&self) -> &Arc<PolicyMeta> {
        &self.meta
    }

    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The file it is written in.
    pub fn source(&self) -> &SourceFile {
        &self.source.file
    }
}

/// Every policy in force, each compiled once. Shared between threads as it is.
pub struct PolicySet {
    policies: BTreeMap<String, Policy>,
    by_technology: HashMap<String, Vec<String>>,
    helpers: Arc<Vec<Tested>>,
}

impl PolicySet {
    /// The policies that are part of the program.
    ///
    /// # Errors
    /// What is wrong with them; a test holds that nothing is.
    pub fn packaged() -> Result<Self, PolicyProblems> {
        Self::load(None)
    }

    /// The packaged policies, and those of an operator's directory beside or instead of them (same id).
    ///
    /// # Errors
    /// Everything that is wrong with the form of any file: it does not parse, its `meta` is incomplete, its id is
    /// taken or is not the file's name, it has no tests.
    pub fn load(custom: Option<&Path>) -> Result<Self, PolicyProblems> {
        let mut problems = Vec::new();
        let packaged = source::sort(source::packaged(), &mut problems);
        let mut helpers = packaged.helpers;
        let mut policies = compile_all(
            packaged.policies,
            Origin::Packaged,
            &Arc::new(helpers.clone()),
            &mut problems,
        );
        if let Some(dir) = custom {
            let files = source::from_directory(dir, &mut problems);
            let own = source::sort(files, &mut problems);
            join_helpers(&mut helpers, &own, &mut problems);
            policies.extend(compile_all(
                own.policies,
                Origin::Custom,
                &Arc::new(helpers.clone()),
                &mut problems,
            ));
        }
        if !problems.is_empty() {
            return Err(PolicyProblems(problems));
        }
        let mut by_technology: HashMap<String, Vec<String>> = HashMap::new();
        for policy in policies.values() {
            by_technology
                .entry(policy.meta.technology.clone())
                .or_default()
                .push(policy.meta.id.clone());
        }
        Ok(Self {
            policies,
            by_technology,
            helpers: Arc::new(helpers),
        })
    }

    /// All policies, by id.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.policies.values()
    }

    pub fn get(&self, id: &str) -> Option<&Policy> {
        self.policies.get(id)
    }

    /// What every policy of the item's technology says of it. A policy that fails says so in a [`Verdict::Error`];
    /// the others are evaluated all the same. Takes at most twice
    /// [`TIME_LIMIT`] a policy: one that exceeds it is tried once more.
    pub fn evaluate(&self, item: &SeenItem, context: &Context) -> Vec<Verdict> {
        let Some(ids) = self.by_technology.get(&item.technology) else {
            return Vec::new();
        };
        let policies = ids.iter().filter_map(|id| self.policies.get(id));
        match input::prepare(item, context) {
            Ok(prepared) => policies
                .flat_map(|policy| policy.judge(&prepared.value, prepared.unreadable.as_ref()))
                .collect(),
            Err(failure) => policies
                .map(|policy| Verdict::Error {
                    policy: Arc::clone(&policy.meta),
                    failure: failure.clone(),
                })
                .collect(),
        }
    }
}

impl fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PolicySet")
            .field(&self.policies.keys())
            .finish()
    }
}

impl Policy {
    fn judge(&self, input: &Value, unreadable: Option<&Failure>) -> Vec<Verdict> {
        // Wall time is what is limited, and a machine may pause: one slow evaluation is not yet a slow policy.
        let value = match self.findings.eval(input.clone()) {
            Err(Failure::TimeLimit) => self.findings.eval(input.clone()),
            first => first,
        };
        let result = value.and_then(|value| verdict::read(&self.meta, &value));
        let (mut verdicts, failure) = match result {
            Ok(verdicts) => (verdicts, unreadable.cloned()),
            Err(failure) => (Vec::new(), Some(failure)),
        };
        if let Some(failure) = failure {
            verdicts.push(Verdict::Error {
                policy: Arc::clone(&self.meta),
                failure,
            });
        }
        verdicts
    }

    fn compile(
        source: Tested,
        origin: Origin,
        helpers: &Arc<Vec<Tested>>,
    ) -> Result<Self, Vec<String>> {
        let one = |problem: String| vec![problem];
        let files = helpers
            .iter()
            .map(|helper| &helper.file)
            .chain([&source.file]);
        let (mut engine, package) = engine::engine_of(files).map_err(one)?;
        for rule in ["meta", "findings"] {
            if !engine
                .has_declared_rule_rooted_at(&source.file.path, rule)
                .map_err(|e| one(e.to_string()))?
            {
                return Err(one(format!("has no rule `{rule}`; see policies/README.md")));
            }
        }
        let value = engine::eval(&mut engine, &format!("{package}.meta"), Value::new_object());
        let json = value
            .map_err(|e| one(format!("meta: {e}")))?
            .to_json_str()
            .map_err(|e| one(e.to_string()))?;
        let meta = PolicyMeta::from_json(&json)?;
        check_names(&source, &package, &meta)?;
        let findings = Compiled::new(engine, format!("{package}.findings"));
        Ok(Self {
            meta: Arc::new(meta),
            origin,
            source,
            helpers: Arc::clone(helpers),
            findings,
        })
    }
}

/// The id is the file's name and, with underscores, the end of the package's.
fn check_names(source: &Tested, package: &str, meta: &PolicyMeta) -> Result<(), Vec<String>> {
    let mut problems = Vec::new();
    let stem = source.file.stem();
    if meta.id != stem {
        problems.push(format!(
            "meta.id is {:?} and the file is called {stem:?}; make them the same",
            meta.id
        ));
    }
    let name = meta.id.replace('-', "_");
    if package.rsplit('.').next() != Some(&name) || package.starts_with("data.lib.") {
        problems.push(format!(
            "its package is {package:?}; it must end in {name:?} and lie outside lib"
        ));
    }
    problems.extend(testing::form_problems(&source.test));
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

fn compile_all(
    sources: Vec<Tested>,
    origin: Origin,
    helpers: &Arc<Vec<Tested>>,
    problems: &mut Vec<PolicyProblem>,
) -> BTreeMap<String, Policy> {
    let mut policies: BTreeMap<String, Policy> = BTreeMap::new();
    for source in sources {
        let file = source.file.path.clone();
        match Policy::compile(source, origin, helpers) {
            Ok(policy) => {
                if let Some(other) = policies.insert(policy.meta.id.clone(), policy) {
                    let text = format!(
                        "has the id {:?}, which {} has too",
                        other.meta.id, other.source.file.path
                    );
                    problems.push(PolicyProblem { file, text });
                }
            }
            Err(found) => problems.extend(found.into_iter().map(|text| PolicyProblem {
                file: file.clone(),
                text,
            })),
        }
    }
    policies
}

/// Adds an operator's helpers. One may not stand in for a packaged one: packaged policies would change meaning.
fn join_helpers(helpers: &mut Vec<Tested>, own: &Sources, problems: &mut Vec<PolicyProblem>) {
    for helper in &own.helpers {
        if helpers
            .iter()
            .any(|known| known.file.path == helper.file.path)
        {
            let text = "has the name of a packaged helper; give it another".to_owned();
            problems.push(PolicyProblem {
                file: helper.file.path.clone(),
                text,
            });
        } else {
            let found = testing::form_problems(&helper.test);
            problems.extend(found.into_iter().map(|text| PolicyProblem {
                file: helper.file.path.clone(),
                text,
            }));
            helpers.push(helper.clone());
        }
    }
}

#[cfg(test)]
mod tests;
