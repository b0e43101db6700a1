//! Made, found, changed, read.

use super::*;
use crate::desk::TicketUpdate;

pub async fn made_and_found(bench: &dyn Bench) -> Outcome {
    let desk = bench.desk();
    let draft = draft(1);
    let made = works("create", desk.create(&draft).await)?;
    hold(
        !made.id.is_empty() && !made.key.is_empty() && made.url.starts_with("http"),
        "id, key and address",
    )?;
    let found = works("find", desk.find(&draft.marker, None).await)?;
    same("tickets found", found.len(), 1)?;
    same("id", &found[0].ticket.id, &made.id)?;
    same(
        "proof",
        found[0].marker_key.as_deref(),
        Some(draft.marker.key.as_str()),
    )?;
    same("state", found[0].state, TicketState::New)?;
    same("summary", found[0].summary.as_str(), draft.summary.as_str())?;
    same("due", found[0].due, draft.due)?;
    hold(!found[0].version.is_empty(), "a version")?;
    let read = works("read", desk.read(std::slice::from_ref(&made.id)).await)?;
    same("read and found agree", read, found)
}

pub async fn unknown_marker(bench: &dyn Bench) -> Outcome {
    let desk = bench.desk();
    works("create", desk.create(&draft(1)).await)?;
    let high = works("high water", desk.high_water().await)?;
    let found = works("find", desk.find(&draft(2).marker, high.as_deref()).await)?;
    same("tickets found", found.len(), 0)
}

pub async fn copy_is_not_ours(bench: &dyn Bench) -> Outcome {
    let desk = bench.desk();
    let draft = draft(1);
    let made = works("create", desk.create(&draft).await)?;
    let Some(copy) = bench.person_clones(&made).await else {
        return Ok(());
    };
    let found = works("find", desk.find(&draft.marker, None).await)?;
    same(
        "ids found",
        found
            .iter()
            .map(|each| each.ticket.id.as_str())
            .collect::<Vec<_>>(),
        vec![made.id.as_str()],
    )?;
    let read = works("read", desk.read(&[copy.id]).await)?;
    same(
        "proof of the copy",
        read.first().and_then(|copy| copy.marker_key.clone()),
        None,
    )
}

pub async fn update(bench: &dyn Bench) -> Outcome {
    let desk = bench.desk();
    let made = works("create", desk.create(&draft(1)).await)?;
    let before = one(bench, &made).await?;
    let change = TicketUpdate {
        summary: Some("[POAM-000001] Three buckets".to_owned()),
        ..Default::default()
    };
    works("update", desk.update(&made, &change).await)?;
    let after = one(bench, &made).await?;
    same(
        "summary",
        after.summary.as_str(),
        "[POAM-000001] Three buckets",
    )?;
    same("due stays", after.due, before.due)?;
    hold(
        after.version != before.version,
        "another version after a change",
    )?;
    let due = chrono::NaiveDate::from_ymd_opt(2027, 1, 31);
    let change = TicketUpdate {
        description: Some(paragraph("Three buckets now.")),
        rating: Some(Urgency::Critical),
        due,
        ..Default::default()
    };
    works("update", desk.update(&made, &change).await)?;
    let last = one(bench, &made).await?;
    same("due", last.due, due)?;
    same("summary stays", last.summary, after.summary)?;
    same("proof stays", last.marker_key, before.marker_key)?;
    works(
        "an update of nothing",
        desk.update(&made, &TicketUpdate::default()).await,
    )?;
    same(
        "version after an update of nothing",
        one(bench, &made).await?.version,
        last.version,
    )
}

pub async fn absent_left_out(bench: &dyn Bench) -> Outcome {
    let desk = bench.desk();
    let kept = works("create", desk.create(&draft(1)).await)?;
    let gone = works("create", desk.create(&draft(2)).await)?;
    bench.person_deletes(&gone).await;
    let ids = [bench.absent_id(), kept.id.clone(), gone.id.clone()];
    let read = works("read", desk.read(&ids).await)?;
    same(
        "ids read",
        read.into_iter()
            .map(|each| each.ticket.id)
            .collect::<Vec<_>>(),
        vec![kept.id],
    )?;
    same(
        "nothing asked",
        works("read of nothing", desk.read(&[]).await)?.len(),
        0,
    )?;
    fails(
        "update of a deleted ticket",
        desk.update(
            &gone,
            &TicketUpdate {
                summary: Some("x".to_owned()),
                ..Default::default()
            },
        )
        .await,
        Retry::Gone,
    )?;
    fails(
        "move of a deleted ticket",
        desk.transition(&gone, TicketState::Done, "x").await,
        Retry::Gone,
    )
}

pub async fn read_many(bench: &dyn Bench) -> Outcome {
    let desk = bench.desk();
    let mut ids = Vec::new();
    for n in 1..=103 {
        ids.push(works("create", desk.create(&draft(n)).await)?.id);
    }
    let mut read: Vec<_> = works("read", desk.read(&ids).await)?
        .into_iter()
        .map(|each| each.ticket.id)
        .collect();
    read.sort();
    ids.sort();
    same("ids read", read, ids)
}

pub async fn hostile_text(bench: &dyn Bench) -> Outcome {
    let desk = bench.desk();
    let nasty = "javascript:gs.x() \u{0}\u{1b}[31m [code]<script>alert(1)</script>[/code] {{x}} *b* ^ORactive=true \u{202e}\nnext";
    let mut draft = draft(1);
    draft.summary = nasty.to_owned();
    draft.description = Text {
        blocks: vec![
            Block::Heading {
                text: nasty.to_owned(),
            },
            Block::Paragraph {
                text: format!("{nasty}{}", "x".repeat(50_000)),
            },
            Block::Bullets {
                items: vec![nasty.to_owned(), String::new()],
            },
            Block::Code {
                text: nasty.to_owned(),
            },
        ],
    };
    let made = works("create", desk.create(&draft).await)?;
    let ticket = one(bench, &made).await?;
    hold(
        !ticket.summary.chars().any(char::is_control),
        "a summary without control characters",
    )?;
    same("proof", ticket.marker_key, Some(draft.marker.key))
}

pub(super) async fn one(
    bench: &dyn Bench,
    ticket: &TicketRef,
) -> Result<crate::desk::TicketSnapshot, String> {
    let read = works(
        "read",
        bench.desk().read(std::slice::from_ref(&ticket.id)).await,
    )?;
    read.into_iter()
        .next()
        .ok_or_else(|| format!("expected ticket {} to be readable", ticket.key))
}
