//! One compiled policy: engines built once, bounded in time and size, handed out to whoever evaluates. Not in it:
//! what a result means.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, LimitError, PolicyLengthConfig, Value};
use thiserror::Error;

use super::builtins;
use super::source::SourceFile;

/// Longest evaluation of one policy on one item (`reliability-security.md` F30).
pub const TIME_LIMIT: Duration = Duration::from_millis(250);
/// Largest source file, in bytes.
pub const SOURCE_BYTES: usize = 64 * 1024;
/// Most findings one policy may make of one item.
pub const MOST_FINDINGS: usize = 1000;
/// Most values (fields, entries, texts …) in the input of one evaluation.
pub const INPUT_VALUES: usize = 500_000;

const SOURCE_LINES: usize = 2000;
const SOURCE_COLUMNS: u32 = 1000;
/// Steps of the interpreter between two looks at the timer.
const STEPS_PER_CHECK: u32 = 64;
/// Engines kept for the next evaluation; more threads than this clone one each time.
const IDLE_ENGINES: usize = 16;
/// Longest text of the engine that is kept as the cause of a failure, in characters.
const CAUSE_CHARS: usize = 300;

/// Why a policy gave no verdict on an item. The texts contain nothing that differs between two evaluations.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Failure {
    #[error("it took longer than {} ms; simplify it, or look for a loop over all pairs", TIME_LIMIT.as_millis())]
    TimeLimit,
    #[error("it exceeded a limit of the engine: {0}")]
    Limit(String),
    #[error(
        "it made more than {MOST_FINDINGS} findings; let one finding stand for one thing to fix"
    )]
    TooManyFindings,
    #[error("the item has more than {INPUT_VALUES} values; no policy judges it")]
    InputTooLarge,
    #[error("its result is not a set of findings: {0}; see policies/README.md")]
    BadResult(String),
    #[error(
        "the item's configuration cannot be read: {0}; the watch may lack a permission or AWS a field"
    )]
    Unreadable(String),
    #[error("{0}")]
    Evaluation(String),
}

/// A rule, ready to be evaluated from any thread.
pub(super) struct Compiled {
    prepared: Engine,
    idle: Mutex<Vec<Engine>>,
    rule: String,
}

/// An engine within our limits, with `files` parsed; answers the package of the last one (`data.a.b`).
pub(super) fn engine_of<'a>(
    files: impl IntoIterator<Item = &'a SourceFile>,
) -> Result<(Engine, String), String> {
    let mut engine = Engine::new();
    builtins::restrict(&mut engine)?;
    let nonzero = "limits are constants above zero";
    engine.set_policy_length_config(PolicyLengthConfig {
        max_col: NonZeroU32::new(SOURCE_COLUMNS).ok_or(nonzero)?,
        max_file_bytes: NonZeroUsize::new(SOURCE_BYTES).ok_or(nonzero)?,
        max_lines: NonZeroUsize::new(SOURCE_LINES).ok_or(nonzero)?,
    });
    engine.set_execution_timer_config(ExecutionTimerConfig {
        limit: TIME_LIMIT,
        check_interval: NonZeroU32::new(STEPS_PER_CHECK).ok_or(nonzero)?,
    });
    let mut package = String::new();
    for file in files {
        package = engine
            .add_policy(file.path.clone(), file.text.clone())
            .map_err(|e| cause(&format!("{e:#}")))?;
    }
    Ok((engine, package))
}

impl Compiled {
    /// `engine` must have evaluated a rule before, so that its clones need no preparation.
    pub(super) fn new(prepared: Engine, rule: String) -> Self {
        Self {
            prepared,
            idle: Mutex::new(Vec::new()),
            rule,
        }
    }

    /// The rule's value for an input.
    pub(super) fn eval(&self, input: Value) -> Result<Value, Failure> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let mut engine = idle.unwrap_or_else(|| self.prepared.clone());
        // After a failure the engine is dropped rather than trusted.
        let value = eval(&mut engine, &self.rule, input)?;
        engine.set_input(Value::Undefined);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_ENGINES {
            idle.push(engine);
        }
        Ok(value)
    }
}

/// One rule of an engine, evaluated once.
pub(super) fn eval(engine: &mut Engine, rule: &str, input: Value) -> Result<Value, Failure> {
    builtins::refill();
    engine.set_input(input);
    engine
        .eval_rule(rule.to_owned())
        .map_err(|error| match error.downcast_ref::<LimitError>() {
            Some(LimitError::TimeLimitExceeded { .. }) => Failure::TimeLimit,
            Some(LimitError::MemoryLimitExceeded { .. }) => Failure::Limit("memory".to_owned()),
            Some(_) => Failure::Limit("size of a regular expression".to_owned()),
            None => Failure::Evaluation(cause(&format!("{error:#}"))),
        })
}

/// The place and the message out of regorus's drawing of a source line.
fn cause(drawing: &str) -> String {
    let place = drawing
        .lines()
        .find_map(|line| line.trim().strip_prefix("--> "));
    let message = drawing
        .lines()
        .find_map(|line| line.trim().strip_prefix("error: "));
    let text = match (place, message) {
        (Some(place), Some(message)) => format!("{}: {}", place.trim(), message.trim()),
        _ => drawing.split_whitespace().collect::<Vec<_>>().join(" "),
    };
    text.chars().take(CAUSE_CHARS).collect()
}
