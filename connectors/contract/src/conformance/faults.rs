//! What failed calls mean, and that nothing is lost or doubled by them.

use super::*;
use crate::desk::{CommentDraft, TicketUpdate};
use crate::health::Verdict;

pub async fn dead_credential(bench: &dyn Bench) -> Outcome {
    let draft = draft(1);
    let made = works("create", bench.desk().create(&draft).await)?;
    let dead = bench.dead_desk();
    let comment = CommentDraft {
        body: paragraph("x"),
        reply_to: None,
        key: "k".to_owned(),
    };
    let change = TicketUpdate {
        summary: Some("x".to_owned()),
        ..Default::default()
    };
    fails("identity", dead.identity().await, Retry::Auth)?;
    fails("find", dead.find(&draft.marker, None).await, Retry::Auth)?;
    fails(
        "read",
        dead.read(std::slice::from_ref(&made.id)).await,
        Retry::Auth,
    )?;
    fails("comments", dead.comments(&made).await, Retry::Auth)?;
    fails("own keys", dead.own_comment_keys(&made).await, Retry::Auth)?;
    fails("create", dead.create(&super::draft(2)).await, Retry::Auth)?;
    fails("update", dead.update(&made, &change).await, Retry::Auth)?;
    fails("comment", dead.comment(&made, &comment).await, Retry::Auth)?;
    fails(
        "transition",
        dead.transition(&made, TicketState::Done, "x").await,
        Retry::Auth,
    )?;
    same(
        "tickets made with a dead credential",
        bench.bearing(&super::draft(2).marker),
        0,
    )
}

pub async fn throttled(bench: &dyn Bench) -> Outcome {
    let desk = bench.desk();
    // Whatever is asked once is asked before, so that the refusal meets the call itself.
    let made = works("create", desk.create(&draft(1)).await)?;
    let wait = Duration::from_secs(17);
    bench.throttle_next(wait);
    fails(
        "create",
        desk.create(&draft(2)).await,
        Retry::Later(Some(wait)),
    )?;
    same(
        "tickets made though refused",
        bench.bearing(&draft(2).marker),
        0,
    )?;
    bench.throttle_next(wait);
    fails(
        "read",
        desk.read(std::slice::from_ref(&made.id)).await,
        Retry::Later(Some(wait)),
    )?;
    works("create afterwards", desk.create(&draft(2)).await).map(|_| ())
}

pub async fn lost_create(bench: &dyn Bench) -> Outcome {
    let desk = bench.desk();
    works("create", desk.create(&draft(1)).await)?;
    let draft = draft(2);
    bench.lose_next_reply();
    fails("create", desk.create(&draft).await, Retry::Unclear)?;
    same("tickets made", bench.bearing(&draft.marker), 1)?;
    let found = works("find", desk.find(&draft.marker, None).await)?;
    same("tickets found", found.len(), 1)
}

pub async fn lost_comment(bench: &dyn Bench) -> Outcome {
    let desk = bench.desk();
    let made = works("create", desk.create(&draft(1)).await)?;
    works("own keys", desk.own_comment_keys(&made).await)?;
    let comment = CommentDraft {
        body: paragraph("x"),
        reply_to: None,
        key: "once".to_owned(),
    };
    bench.lose_next_reply();
    fails(
        "comment",
        desk.comment(&made, &comment).await,
        Retry::Unclear,
    )?;
    let keys = works("own keys", desk.own_comment_keys(&made).await)?;
    same(
        "own keys",
        keys.into_iter().map(|(key, _)| key).collect::<Vec<_>>(),
        vec!["once".to_owned()],
    )
}

pub async fn lagging_search(bench: &dyn Bench) -> Outcome {
    let desk = bench.desk();
    works("create", desk.create(&draft(1)).await)?;
    let high = works("high water", desk.high_water().await)?;
    bench.freeze_search();
    bench.lose_next_reply();
    fails("create", desk.create(&draft(2)).await, Retry::Unclear)?;
    let found = works("find", desk.find(&draft(2).marker, high.as_deref()).await)?;
    same("tickets found", found.len(), 1)
}

pub async fn health(bench: &dyn Bench) -> Outcome {
    let checks = bench.desk().health().await;
    hold(!checks.is_empty(), "at least one check")?;
    if let Some(bad) = checks.iter().find(|check| check.verdict == Verdict::Failed) {
        return Err(format!("a good set-up fails {}: {}", bad.name, bad.detail));
    }
    let dead = bench.dead_desk().health().await;
    hold(
        dead.iter().any(|check| check.verdict == Verdict::Failed),
        "a failed check with a dead credential",
    )
}
