//! What Inspector knows of a finding beside its listing (`BatchGetFindingDetails`): CISA's dates, EPSS, how the flaw is
//! exploited. Ten findings a call at a rate of its own, so it is asked apart from the listing and later.

use poamd_contract::source::Details;

use crate::cell::Cell;
use crate::error::{Kind, Trouble};
use crate::operation::{Operation, Rate};
use crate::tape::Body;

/// Not published; planned as the other calls of the service (`reliability-security.md` 6.1).
pub(super) const FINDING_DETAILS: Operation = Operation::new(
    "inspector2",
    "BatchGetFindingDetails",
    "inspector2:BatchGetFindingDetails",
    Rate::new(5, 5),
);
/// ARNs a call takes.
pub(super) const AT_ONCE: usize = 10;

/// What the service tells of these findings.
pub(super) async fn details(cell: &Cell, arns: &[String]) -> Details {
    let mut told = match ask(cell, arns).await {
        Ok(body) => match poamd_formats::inspector_details(&body) {
            Ok(told) => told,
            Err(cause) => return failed(Trouble::unusable(&cell.place(&FINDING_DETAILS), &cause)),
        },
        Err(trouble) => return failed(trouble),
    };
    let place = format!(
        "account {} region {}: inspector2 BatchGetFindingDetails",
        cell.account, cell.region
    );
    let answered = told.known.len() + told.nothing.len();
    let why = match told.refused.take() {
        Some(why) => Some(why),
        None if answered < arns.len() => {
            Some("the reply does not speak of all that was asked for".to_owned())
        }
        None => None,
    };
    told.refused = why.map(|why| Trouble::new(Kind::Other, format!("{place}: {why}")).what);
    told
}

fn failed(trouble: Trouble) -> Details {
    Details {
        trouble: Some(trouble.what),
        ..Details::default()
    }
}

async fn ask(cell: &Cell, arns: &[String]) -> Result<Body, Trouble> {
    let client = cell.inspector2()?;
    cell.raw(&FINDING_DETAILS, |tape| {
        let call = client
            .batch_get_finding_details()
            .set_finding_arns(Some(arns.to_vec()));
        Box::pin(call.customize().interceptor(tape).send())
    })
    .await
}

/// Whether the role may ask: of a finding that nobody has, since there may be none.
pub(super) async fn can_be_asked(cell: &Cell) -> Result<(), Trouble> {
    let partition = poamd_contract::ids::Partition::of_region(&cell.region);
    let (region, account) = (&cell.region, &cell.account);
    let nobodys = format!(
        "arn:{partition}:inspector2:{region}:{account}:finding/{:032}",
        0
    );
    ask(cell, &[nobodys]).await.map(drop)
}
