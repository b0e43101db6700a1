//! `poamd poam show` and `history`: one record with all that is known of it.

use std::path::Path;

use serde::Serialize;

use super::super::audit::EventView;
use super::super::failure::Failure;
use super::super::listing;
use super::super::load::{self, Opened};
use super::super::shell::Shell;
use super::super::summary::Told;
use crate::domain::rating::Rating;
use crate::domain::record::RecordId;
use crate::exchange::{self, Entry};
use crate::jobs::rules;
use crate::query::filter::Filter;
use crate::query::laid::LaidDown;
use crate::query::priority;
use crate::query::told::{self, FileView, FlawView};
use crate::store::audit;

/// One record with what it rests on and what happened to it.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    entry: Entry,
    /// Files that people attached.
    files: Vec<FileView>,
    /// What sources told of its flaws.
    flaw: Option<FlawView>,
    /// Newest first.
    history: Vec<EventView>,
}

/// How many events of a record are shown.
const HISTORY: i64 = 200;

pub fn run(
    shell: &mut Shell<'_>,
    at: Option<&Path>,
    record: RecordId,
    form: &Told,
) -> Result<(), Failure> {
    let opened = load::look(at, shell)?;
    let today = shell.clock.now().date_naive();
    let clocks = rules::poam(&opened.config.poam).clocks;
    let found = opened.view(|conn, snapshot| {
        let all = exchange::dataset(conn, snapshot, &Filter::default())?;
        let mut found = all.into_iter().find(|e| e.record.id == record);
        if let Some(entry) = &mut found {
            let one = std::slice::from_mut(&mut entry.record);
            priority::fill(conn, snapshot, &clocks, today, one)?;
        }
        let Some(entry) = found else { return Ok(None) };
        let files = told::files(conn, record.0)?;
        Ok(Some((entry, files, told::flaw(conn, record.0)?)))
    })?;
    let Some((entry, files, flaw)) = found else {
        return Err(Failure::work(format!(
            "there is no record {record}; see poamd poam list --all"
        )));
    };
    let whole = Whole {
        entry,
        files,
        flaw,
        history: events(&opened, record, HISTORY)?,
    };
    form.tell(shell, &whole, lines)
}

/// Every event of a record, oldest first.
pub fn history(
    shell: &mut Shell<'_>,
    at: Option<&Path>,
    record: RecordId,
    told: &Told,
) -> Result<(), Failure> {
    let opened = load::look(at, shell)?;
    let mut events = events(&opened, record, i64::MAX)?;
    if events.is_empty() {
        return Err(Failure::work(format!(
            "there is no record {record}; see poamd poam list --all"
        )));
    }
    events.reverse();
    told.tell(shell, &events, |events| {
        let line = |e: &EventView| format!("{} {} by {}: {}", e.at, e.kind, e.actor, e.body);
        events.iter().map(line).collect()
    })
}

fn events(opened: &Opened, record: RecordId, most: i64) -> Result<Vec<EventView>, Failure> {
    let subject = record.to_string();
    let rows = opened
        .store
        .read_here(|conn| audit::list(conn, Some(&subject), most))?;
    Ok(rows.into_iter().map(EventView::of).collect())
}

fn lines(whole: &Whole) -> Vec<String> {
    let r = &whole.entry.record;
    let mut lines = vec![
        format!("{}  {}", r.id, r.title),
        format!("weakness  {} ({})", r.weakness, r.kind.as_str()),
        format!(
            "account   {} {}",
            r.account,
            r.account_name.as_deref().unwrap_or("(not watched)")
        ),
        format!("status    {}", r.status),
        format!(
            "rating    {}, score {} ({} unjustified)",
            r.rating.map_or("-", Rating::word),
            r.score,
            r.unjustified_score
        ),
        format!("detected  {}", r.detected),
        match r.due {
            Some(due) => format!("due       {due} ({})", r.due_rule),
            None => "due       no day".to_owned(),
        },
    ];
    if r.due_before_detection {
        lines.push("          due before it was detected: late from its first day".to_owned());
    }
    lines.push(format!("seen by   {}", r.sources.join(", ")));
    if let Some(points) = r.priority {
        lines.push(format!("priority  {points}"));
        lines.extend(
            r.priority_terms
                .iter()
                .map(|t| format!("  {:+4}  {} ({})", t.points, t.name, t.why)),
        );
    }
    lines.extend(
        r.items
            .iter()
            .map(|i| format!("item      {} {}", i.technology, i.arn)),
    );
    lines.extend(
        r.tickets
            .iter()
            .map(|t| format!("ticket    {} {} {} {}", t.desk, t.key, t.state, t.url)),
    );
    if let Some(j) = &r.justification {
        lines.push(format!(
            "justified by {} at {}, holds to the end of {}: {}",
            j.author, j.at, j.until, j.text
        ));
    }
    lines.extend(whole.flaw.iter().flat_map(flaw));
    lines.extend(laid_down(&r.laid));
    lines.extend(whole.files.iter().flat_map(file));
    lines.extend(
        whole
            .entry
            .findings
            .iter()
            .map(|f| format!("finding   {} {} {} {}", f.id, f.status, f.source, f.title)),
    );
    lines.extend(
        whole
            .history
            .iter()
            .map(|e| format!("event     {} {} {} by {}", e.n, e.at, e.kind, e.actor)),
    );
    lines
}

/// Columns of the word that a line begins with.
const WORD: usize = 10;
/// Of each list the first few are shown.
const FEW: usize = 5;

/// A text behind a word, over as many lines as it takes.
fn behind(word: &str, text: &str) -> Vec<String> {
    listing::behind(word, WORD, text)
}

/// The first few, and how many more.
fn few(all: &[String]) -> String {
    let shown = all.iter().take(FEW).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(FEW) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// What sources told of its flaws.
fn flaw(flaw: &FlawView) -> Vec<String> {
    let mut rated = vec![few(&flaw.cves)];
    rated.extend(
        flaw.cvss
            .as_ref()
            .map(|c| format!("CVSS {:.1} by {}", c.base, c.by)),
    );
    rated.extend(flaw.epss.map(|epss| format!("EPSS {:.2} %", epss * 100.0)));
    rated.retain(|part| !part.is_empty());
    let mut lines = Vec::new();
    if !rated.is_empty() {
        lines.extend(behind("flaw", &rated.join("; ")));
    }
    let mut cisa: Vec<String> = Vec::new();
    cisa.extend(
        flaw.cisa_added
            .map(|day| format!("known exploited since {day}")),
    );
    cisa.extend(flaw.cisa_due.map(|day| format!("due {day}")));
    cisa.extend(flaw.cisa_action.clone());
    if !cisa.is_empty() {
        lines.extend(behind("cisa", &cisa.join("; ")));
    }
    let mut exploit: Vec<String> = Vec::new();
    exploit.extend(flaw.exploit.map(|is| match is {
        true => "one is known".to_owned(),
        false => "none is known".to_owned(),
    }));
    exploit.extend(
        flaw.exploited_since
            .as_ref()
            .map(|at| format!("seen since {}", listing::day(at))),
    );
    exploit.extend(
        flaw.exploited_at
            .as_ref()
            .map(|at| format!("last on {}", listing::day(at))),
    );
    if !exploit.is_empty() {
        lines.extend(behind("exploit", &exploit.join(", ")));
    }
    for proof in flaw.proofs.iter().take(FEW) {
        let severity = proof
            .severity
            .as_ref()
            .map_or_else(String::new, |s| format!(" ({s})"));
        let said = format!("{}{severity}: {}", proof.rule, proof.detail);
        lines.extend(behind("proof", said.trim_end_matches([':', ' '])));
    }
    if let more @ 1.. = flaw.proofs.len().saturating_sub(FEW) {
        lines.push(format!(
            "{:<WORD$}and {more} more proofs: --format json",
            ""
        ));
    }
    if !flaw.techniques.is_empty() {
        lines.extend(behind("technique", &few(&flaw.techniques)));
    }
    if !flaw.tools.is_empty() {
        lines.extend(behind("used by", &few(&flaw.tools)));
    }
    lines
}

/// A file that somebody attached.
fn file(file: &FileView) -> Vec<String> {
    let note = match file.note.as_str() {
        "" => String::new(),
        note => format!(": {note}"),
    };
    let sha256: String = file.sha256.chars().take(12).collect();
    let day = listing::day(&file.at);
    let said = format!(
        "{} {} {}, {day} by {}, sha256 {sha256}…{note}",
        file.id, file.kind, file.name, file.by
    );
    behind("file", &said)
}

fn laid_down(laid: &LaidDown) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(contact) = &laid.contact {
        lines.push(format!("contact   {contact}"));
    }
    if !laid.controls.is_empty() {
        lines.push(format!("controls  {}", laid.controls.join(", ")));
    }
    if let Some(plan) = &laid.plan {
        lines.extend(behind("plan", plan));
    }
    lines.extend(laid.milestones.iter().flat_map(|m| {
        let state = m.completed.map_or_else(
            || format!("due {}", m.due),
            |day| format!("completed {day}"),
        );
        behind(
            "milestone",
            &format!("({}) {state}: {}", m.number, m.description),
        )
    }));
    if let Some(d) = &laid.deviation {
        let until = d.until.map(|day| format!(", holds to the end of {day}"));
        let until = until.unwrap_or_default();
        let ao = d.decided_by.as_deref();
        let ao = ao.map_or_else(String::new, |ao| format!(" by {ao}"));
        let said = format!(
            "{} {}{ao}, asked for by {}{until}: {}",
            d.kind, d.state, d.requested_by, d.rationale
        );
        lines.extend(behind("deviation", &said));
    }
    if let Some(v) = &laid.vendor {
        let next = match (v.released, v.check_in_due) {
            (Some(day), _) => format!("fix released {day}"),
            (None, Some(day)) => format!("next check-in by {day}"),
            (None, None) => "no check-in".to_owned(),
        };
        lines.push(format!(
            "vendor    {} ({}) since {}, {next}",
            v.product, v.vendor, v.since
        ));
    }
    lines
}
