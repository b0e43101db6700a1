//! Whether what is known of CVEs is old.

use chrono::{DateTime, Utc};
use poamd_contract::health::Check;

use crate::config::Config;
use crate::domain::intel::IntelKind;
use crate::store::{AnyConnection, Result, intel};

pub fn checks(conn: &mut AnyConnection, config: &Config, now: DateTime<Utc>) -> Result<Vec<Check>> {
    let files = intel::files(conn)?;
    let labels = config.poam.labels.iter().map(|of| &of.clocks.sets);
    let asks = std::iter::once(&config.poam.usual.sets)
        .chain(labels)
        .flatten()
        .any(|set| set == "bod-26-04");
    Ok(IntelKind::ALL
        .into_iter()
        .map(|kind| {
            let name = format!("intelligence {kind}");
            let file = files.iter().find(|file| file.kind.0 == kind);
            match file {
                Some(file) => {
                    let age = now - file.as_of.and_utc();
                    let text = format!(
                        "{}: {} entries, {} days old",
                        kind.title(),
                        file.entries,
                        age.num_days()
                    );
                    if age > kind.stale_after() {
                        Check::warning(
                            &name,
                            format!(
                                "{text}; fetch it anew and hand it over: poamd intel import FILE"
                            ),
                        )
                    } else {
                        Check::ok(&name, text)
                    }
                }
                None if asks && kind != IntelKind::Epss => Check::warning(
                    &name,
                    format!(
                        "{}: none, and the clock bod-26-04 goes by it: poamd intel import FILE",
                        kind.title()
                    ),
                ),
                None => Check::ok(
                    &name,
                    format!("{}: none; detectors' own word counts", kind.title()),
                ),
            }
        })
        .collect())
}
