//! The log: one event, one line (or one journal entry), control characters escaped before they reach it.

use std::io;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::Telemetry;
use crate::config::telemetry::{LogFormat, LogLevel};

/// Starts logging for this process; once.
///
/// # Errors
/// Says what to change in `[telemetry]`.
pub fn start(config: &Telemetry) -> Result<(), String> {
    let level = match config.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let registry = tracing_subscriber::registry().with(level);
    let started = match config.format {
        LogFormat::Text => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .with_ansi(false)
                    .with_target(false)
                    .with_writer(io::stderr),
            )
            .try_init(),
        LogFormat::Json => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_writer(io::stdout),
            )
            .try_init(),
        LogFormat::Journald => {
            let journal = tracing_journald::layer()
                .map_err(|e| format!("[telemetry] format: the journal cannot be reached ({e}); write \"text\" or \"json\""))?;
            registry
                .with(journal.with_field_prefix(Some("POAMD".to_owned())))
                .try_init()
        }
    };
    started.map_err(|e| format!("logging is started already: {e}"))
}
