//! Moves there and back.

use super::tickets::one;
use super::*;

pub async fn done_and_back(bench: &dyn Bench) -> Outcome {
    let desk = bench.desk();
    let made = works("create", desk.create(&draft(1)).await)?;
    works(
        "to done",
        desk.transition(&made, TicketState::Done, "Fixed: seen clean twice.")
            .await,
    )?;
    let done = one(bench, &made).await?;
    same("state", done.state, TicketState::Done)?;
    hold(
        !done.status.is_empty(),
        "the system's own word for the state",
    )?;
    works(
        "to done again",
        desk.transition(&made, TicketState::Done, "Fixed: seen clean twice.")
            .await,
    )?;
    same(
        "a repeated move changes nothing",
        one(bench, &made).await?.version,
        done.version,
    )?;
    works(
        "back",
        desk.transition(&made, TicketState::InProgress, "Seen again.")
            .await,
    )?;
    same(
        "state",
        one(bench, &made).await?.state,
        TicketState::InProgress,
    )?;
    works(
        "to done from in progress",
        desk.transition(&made, TicketState::Done, "").await,
    )?;
    same("state", one(bench, &made).await?.state, TicketState::Done)
}

pub async fn persons_move(bench: &dyn Bench) -> Outcome {
    let desk = bench.desk();
    let made = works("create", desk.create(&draft(1)).await)?;
    let mut version = one(bench, &made).await?.version;
    for state in [TicketState::InProgress, TicketState::Done] {
        bench.person_moves(&made, state).await;
        let seen = one(bench, &made).await?;
        same("state", seen.state, state)?;
        hold(
            seen.version != version,
            "another version after a person's move",
        )?;
        version = seen.version;
    }
    Ok(())
}
