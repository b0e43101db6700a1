//! What the demo found and what became of it, for somebody who sees poamd for the first time. Every figure is read from
//! the ledger, so that it can be derived again with the ordinary verbs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::stage::Stage;
use super::story::Answers;
use crate::cli::failure::Failure;
use crate::cli::shell::Shell;
use crate::domain::rating::Rating;
use crate::exchange;
use crate::jobs::{Context, Gap};
use crate::query::filter::Filter;
use crate::query::poam::{self, PoamView};
use crate::query::{Snapshot, View};
use crate::query::{finding, item};
use crate::store::{StoreError, inbox, items};

pub struct Figures {
    accounts: usize,
    items: usize,
    scanned: usize,
    findings: usize,
    open_findings: usize,
    documents: usize,
    records: Vec<PoamView>,
    jira: usize,
    servicenow: usize,
    accepted: usize,
    refused: usize,
    justified: usize,
    mails: usize,
    exports: Vec<PathBuf>,
    gaps: Vec<Gap>,
    answers: Answers,
}

/// All records, as `poamd poam list` gives them.
pub fn records(ctx: &Context) -> Result<Vec<PoamView>, Failure> {
    Ok(ctx.store.read_here(|conn| {
        let snapshot = Snapshot::load(conn)?;
        poam::list(conn, &snapshot, &Filter::default())
    })?)
}

/// Writes the exports; the same as `poamd export`.
pub fn export(ctx: &Context, dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = ctx.store.read_here(|conn| {
        let snapshot = Snapshot::load(conn)?;
        exchange::dataset(conn, &snapshot, &Filter::default())
    })?;
    let (json, csv) = (dir.join("exports/poam.json"), dir.join("exports/poam.csv"));
    exchange::json::write(&mut BufWriter::new(File::create(&json)?), &entries)?;
    exchange::csv::write(&mut BufWriter::new(File::create(&csv)?), &entries)?;
    Ok(vec![csv, json])
}

impl Figures {
    pub fn gather(
        ctx: &Context,
        stage: &Stage,
        answers: Answers,
        gaps: Vec<Gap>,
        exports: Vec<PathBuf>,
    ) -> Result<Self, Failure> {
        let records = records(ctx)?;
        let read = |conn: &mut crate::store::AnyConnection| {
            let snapshot = Snapshot::load(conn)?;
            let findings = finding::list(conn, &snapshot, &Filter::default())?;
            let listed = item::list(conn, &snapshot, &Filter::default())?.len();
            let scanned = items::all(conn)?.iter().filter(|i| i.revision > 0).count();
            Ok::<_, StoreError>((
                snapshot.accounts.len(),
                findings,
                listed,
                scanned,
                inbox::counts(conn)?,
            ))
        };
        let (accounts, findings, listed, scanned, verdicts) = ctx.store.read_here(read)?;
        let verdict = |word: &str| {
            verdicts
                .iter()
                .filter(|(v, _)| v == word)
                .map(|(_, n)| usize::try_from(*n).unwrap_or(0))
                .sum()
        };
        let on = |desk: &str| {
            records
                .iter()
                .flat_map(|r| &r.tickets)
                .filter(|t| t.desk == desk)
                .count()
        };
        Ok(Self {
            accounts,
            items: listed,
            scanned,
            findings: findings.len(),
            open_findings: findings.iter().filter(|f| f.is_open()).count(),
            documents: findings
                .iter()
                .map(|f| f.native_ids.len().max(f.channels.len()))
                .sum(),
            jira: on("jira"),
            servicenow: on("servicenow"),
            accepted: verdict("accepted"),
            refused: verdict("refused"),
            justified: findings.iter().filter(|f| f.justified).count(),
            mails: stage.smtp.mails().len(),
            records,
            exports,
            gaps,
            answers,
        })
    }

    /// The object of `--format json`; its names are a contract.
    pub fn json(&self) -> Value {
        json!({
            "accounts": self.accounts,
            "items": self.items,
            "scanned": self.scanned,
            "findings": self.findings,
            "open_findings": self.open_findings,
            "reports": self.documents,
            "gaps": self.gaps.len(),
            "records": self.records.len(),
            "ratings": self.ratings(),
            "tickets": { "jira": self.jira, "servicenow": self.servicenow },
            "comments": { "accepted": self.accepted, "refused": self.refused },
            "justified": self.justified,
            "mails": self.mails,
            "exports": self.exports,
        })
    }

    /// The story, in the order it happened.
    pub fn tell(&self, shell: &mut Shell<'_>, stage: &Stage, exit: bool) -> Result<(), Failure> {
        self.tell_found(shell)?;
        self.tell_became(shell)?;
        let dir = stage.dir.display();
        shell.say("\nWhere to look")?;
        shell.say(&format!(
            "  mails     {dir}/mails (open the .eml in a mail program)"
        ))?;
        shell.say(&format!("  exports   {dir}/exports/poam.csv, poam.json"))?;
        shell.say(&format!("  history   {dir}/history.jsonl: every request the stand-ins of AWS, Jira, ServiceNow and mail saw"))?;
        shell.say(&format!(
            "  ledger    poamd --config {dir}/poamd.toml poam list"
        ))?;
        shell.say(&format!(
            "            poamd --config {dir}/poamd.toml poam show {}",
            self.answers.allowed.record
        ))?;
        shell.say(&format!(
            "            poamd --config {dir}/poamd.toml audit verify"
        ))?;
        if !exit {
            shell.say("\nThe stand-ins and the daemon stay up until Ctrl-C:")?;
            for (name, address) in stage.addresses() {
                shell.say(&format!("  {name:<10}  {address}"))?;
            }
        }
        Ok(())
    }

    fn tell_found(&self, shell: &mut Shell<'_>) -> Result<(), Failure> {
        shell.say("\nWhat was found")?;
        shell.say(&format!(
            "  {} accounts, {} resources ({} scanned, the others named by findings)",
            self.accounts, self.items, self.scanned
        ))?;
        shell.say(&format!(
            "  {} findings, {} of them open; reported {} times by Security Hub, GuardDuty, Inspector and our own scan",
            self.findings, self.open_findings, self.documents
        ))?;
        for (service, cells) in self.gaps_by_service() {
            let reason = cells[0].coverage.reason().unwrap_or_default();
            let reason = reason.split(';').next().unwrap_or(reason);
            shell.say(&format!(
                "  {service} could not be looked at in {} places: {reason} (poamd coverage list)",
                cells.len()
            ))?;
        }
        Ok(())
    }

    fn rated(&self, rating: Rating) -> usize {
        let of = |r: &&PoamView| r.rating == Some(rating);
        self.records.iter().filter(of).count()
    }

    fn ratings(&self) -> BTreeMap<&'static str, usize> {
        let each = Rating::ALL.into_iter();
        each.map(|rating| (rating.as_str(), self.rated(rating)))
            .collect()
    }

    fn gaps_by_service(&self) -> BTreeMap<&str, Vec<&Gap>> {
        let mut by_service: BTreeMap<&str, Vec<&Gap>> = BTreeMap::new();
        for gap in &self.gaps {
            by_service
                .entry(gap.cell.service.as_str())
                .or_default()
                .push(gap);
        }
        by_service
    }

    fn tell_became(&self, shell: &mut Shell<'_>) -> Result<(), Failure> {
        let Answers { allowed, refused } = &self.answers;
        shell.say("\nWhat became of it")?;
        shell.say(&format!(
            "  {} POA&M records, one for each weakness in each account:",
            self.records.len()
        ))?;
        for rating in Rating::ALL.into_iter().rev() {
            let count = self.rated(rating);
            shell.say(&format!("    {:<9} {count:>4}", rating.word()))?;
        }
        shell.say(&format!(
            "  {} tickets in Jira, {} in ServiceNow, one a record",
            self.jira, self.servicenow
        ))?;
        shell.say(&format!(
            "  {} justified {} by a comment on {}: {} findings count as justified, the record stays open",
            allowed.person, allowed.record, allowed.ticket, self.justified
        ))?;
        shell.say(&format!(
            "  {} tried the same on {} ({}): politely refused, nothing changed",
            refused.person, refused.ticket, refused.record
        ))?;
        shell.say(&format!(
            "  {} report mailed to the ISSO, with the POA&M attached as CSV",
            self.mails
        ))
    }
}
