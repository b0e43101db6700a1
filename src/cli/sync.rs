//! `poamd sync`: records and tickets into step, now.

use std::path::Path;

use clap::Args as ClapArgs;

use super::failure::{Exit, Failure};
use super::load;
use super::shell::Shell;
use super::summary::Told;
use crate::delivery::writeback::Summary as Writeback;
use crate::domain::record::RecordId;
use crate::jobs::sync::{self, Summary};
use crate::tickets::planner::Wanted;

#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Show what would be written to the desks; write nothing and ask no desk
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    told: Told,
}

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, args: &Args) -> Result<Exit, Failure> {
    if args.dry_run {
        return dry_run(shell, at, args);
    }
    let done = load::leased(at, shell, "sync", async |context| {
        sync::recover(context).await?;
        sync::run(context).await
    })?;
    args.told.tell(shell, &done, lines)?;
    Ok(if done.is_trouble() {
        Exit::Failed
    } else {
        Exit::Done
    })
}

fn lines(done: &Summary) -> Vec<String> {
    let mut lines: Vec<String> = done.written_back.iter().flat_map(written_back).collect();
    if !done.enabled {
        lines.push("tickets are switched off: [tickets] enabled = false".to_owned());
        return lines;
    }
    for (desk, polled) in &done.polled {
        lines.push(format!(
            "{desk}: {} tickets looked at, {} changed, {} new comments, {} justifications accepted, {} refused",
            polled.tickets, polled.changed, polled.comments, polled.accepted, polled.refused
        ));
        if polled.unreadable > 0 {
            lines.push(format!(
                "{desk}: the comments of {} tickets could not be read, the log says why; the next sync reads them again",
                polled.unreadable
            ));
        }
        lines.extend(polled.void.iter().map(|why| {
            format!("{desk}: could not be read, nothing is concluded and nothing written: {why}")
        }));
    }
    let sent = &done.sent;
    lines.push(format!(
        "sent: {} tickets made, {} found again, {} updated, {} moved, {} comments; {} wait for another try, {} unclear",
        sent.created, sent.adopted, sent.updated, sent.moved, sent.commented, sent.later, sent.unclear
    ));
    if sent.failed + sent.needs_operator + sent.missing > 0 {
        lines.push(format!(
            "trouble: {} refused, {} need an operator, {} tickets are gone; poamd doctor names them",
            sent.failed, sent.needs_operator, sent.missing
        ));
    }
    lines.extend(
        sent.paused
            .iter()
            .map(|(desk, why)| format!("{desk}: paused: {why}")),
    );
    if done.planned.held_back > 0 {
        lines.push(format!(
            "{} wait for the next sync ([tickets] creates_per_run and its like)",
            done.planned.held_back
        ));
    }
    lines
}

fn written_back(done: &Writeback) -> Vec<String> {
    let mut lines = vec![format!(
        "security hub: {} written, {} stood as they should, {} wait for another try, {} are gone there",
        done.written, done.as_wanted, done.later, done.gone
    )];
    if done.failed > 0 {
        lines.push(format!(
            "security hub: {} were refused too often; poamd doctor names them",
            done.failed
        ));
    }
    lines.extend(
        done.paused
            .iter()
            .map(|(cell, why)| format!("security hub: {cell} rests for an hour: {why}")),
    );
    lines
}

fn dry_run(shell: &mut Shell<'_>, at: Option<&Path>, args: &Args) -> Result<Exit, Failure> {
    let (wanted, planned) = load::rehearse(at, shell, sync::dry_run)?;
    let show = |wanted: &Vec<Wanted>| {
        let mut lines: Vec<String> = wanted.iter().map(line).collect();
        lines.push(format!(
            "{} would be written, {} held back; nothing was",
            wanted.len(),
            planned.held_back
        ));
        lines
    };
    match args.told.format {
        super::summary::Format::Text => show(&wanted)
            .iter()
            .try_for_each(|l| shell.say(&crate::render::sink::text(l)))?,
        super::summary::Format::Json => {
            let rows: Vec<_> = wanted
                .iter()
                .map(|w| serde_json::json!({ "poam": RecordId(w.record), "desk": w.desk, "effect": w.effect }))
                .collect();
            serde_json::to_writer_pretty(&mut *shell.out, &rows)?;
            shell.say("")?;
        }
    }
    Ok(Exit::Done)
}

fn line(wanted: &Wanted) -> String {
    format!(
        "{} on {}: {}",
        RecordId(wanted.record),
        wanted.desk,
        wanted.effect.kind().as_str()
    )
}
