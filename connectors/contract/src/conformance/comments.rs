//! Whose words they are, and which are ours.

use super::tickets::one;
use super::*;
use crate::desk::{AuthorKind, CommentDraft};

pub async fn reply(bench: &dyn Bench) -> Outcome {
    let desk = bench.desk();
    let made = works("create", desk.create(&draft(1)).await)?;
    let (asked, _) = bench
        .person_comments(
            &made,
            "/justify the bucket is public by design, see the record",
        )
        .await;
    let answer = CommentDraft {
        body: paragraph("Accepted."),
        reply_to: Some(asked.clone()),
        key: "receipt-1".to_owned(),
    };
    let notice = CommentDraft {
        body: paragraph("Seen again."),
        reply_to: None,
        key: "notice-2".to_owned(),
    };
    let answer_id = works("comment", desk.comment(&made, &answer).await)?;
    let notice_id = works("comment", desk.comment(&made, &notice).await)?;
    let mut keys = works("own keys", desk.own_comment_keys(&made).await)?;
    keys.sort();
    let expected = [
        ("notice-2".to_owned(), notice_id.clone()),
        ("receipt-1".to_owned(), answer_id.clone()),
    ];
    same(
        "own keys with the ids of their comments",
        keys,
        expected.to_vec(),
    )?;
    let comments = works("comments", desk.comments(&made).await)?;
    same("comments", comments.len(), 3)?;
    for (id, to) in [(&answer_id, Some(asked)), (&notice_id, None)] {
        let ours = comments
            .iter()
            .find(|each| each.id == **id)
            .ok_or("expected our comment in the list")?;
        same("author kind", ours.author.kind, AuthorKind::Ourselves)?;
        same("what it answers", &ours.reply_to, &to)?;
    }
    hold(
        comments.iter().any(|each| each.text.contains("Accepted.")),
        "our words in the text",
    )
}

pub async fn authors(bench: &dyn Bench) -> Outcome {
    let desk = bench.desk();
    let me = works("identity", desk.identity().await)?;
    same("own kind", me.kind, AuthorKind::Ourselves)?;
    let made = works("create", desk.create(&draft(1)).await)?;
    let before = one(bench, &made).await?.version;
    let (id, person) = bench
        .person_comments(&made, "first line\n/justify second line is a reason")
        .await;
    hold(
        one(bench, &made).await?.version != before,
        "another version after a comment",
    )?;
    let comments = works("comments", desk.comments(&made).await)?;
    same("comments", comments.len(), 1)?;
    let comment = &comments[0];
    same("id", &comment.id, &id)?;
    same("author", &comment.author.id, &person)?;
    hold(comment.author.id != me.id, "an author who is not us")?;
    same("kind", comment.author.kind, AuthorKind::Person)?;
    hold(comment.author.active, "an active author")?;
    same("updated by", &comment.updated_by, &None)?;
    same("reply", &comment.reply_to, &None)?;
    hold(comment.internal, "an internal comment")?;
    same(
        "lines",
        comment.lines.clone(),
        vec![
            "first line".to_owned(),
            "/justify second line is a reason".to_owned(),
        ],
    )
}

pub async fn many(bench: &dyn Bench) -> Outcome {
    let desk = bench.desk();
    let made = works("create", desk.create(&draft(1)).await)?;
    let mut ids = Vec::new();
    for n in 0..105 {
        ids.push(
            bench
                .person_comments(&made, &format!("comment {n}"))
                .await
                .0,
        );
    }
    let mut comments = works("comments", desk.comments(&made).await)?;
    hold(
        comments.is_sorted_by_key(|each| each.created),
        "comments in order of time",
    )?;
    comments.sort_by_key(|each| ids.iter().position(|id| *id == each.id));
    same(
        "ids",
        comments.into_iter().map(|each| each.id).collect::<Vec<_>>(),
        ids,
    )
}

/// Text that looks like one of our replies proves nothing when somebody else wrote it.
pub async fn forged(bench: &dyn Bench) -> Outcome {
    let desk = bench.desk();
    let made = works("create", desk.create(&draft(1)).await)?;
    let (asked, _) = bench
        .person_comments(&made, "/justify a reason that is long enough to count")
        .await;
    let ours = CommentDraft {
        body: paragraph("Accepted."),
        reply_to: Some(asked),
        key: "receipt-1".to_owned(),
    };
    works("comment", desk.comment(&made, &ours).await)?;
    let copied = works("comments", desk.comments(&made).await)?
        .into_iter()
        .find(|each| each.author.kind == AuthorKind::Ourselves)
        .ok_or("expected our comment in the list")?
        .text;
    let (forged, _) = bench.person_comments(&made, &copied).await;
    let comments = works("comments", desk.comments(&made).await)?;
    let forged = comments
        .iter()
        .find(|each| each.id == forged)
        .ok_or("expected the person's copy in the list")?;
    same("what the copy answers", &forged.reply_to, &None)?;
    same(
        "own keys",
        works("own keys", desk.own_comment_keys(&made).await)?.len(),
        1,
    )
}
