//! How much of a cell the next look asks for: what was updated since the last one, and once a day everything.

use chrono::{DateTime, TimeDelta, Utc};
use poamd_contract::source::Extent;
use sha2::{Digest, Sha256};

/// An interrupted look is gone on with for so long; its page tokens are no good for much longer.
const RESUME: TimeDelta = TimeDelta::hours(6);

/// The operator's part of it.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// From one full look at a cell to the next.
    pub reconcile: TimeDelta,
    /// How far a window reaches back behind the look before it: clocks differ, and services are late.
    pub overlap: TimeDelta,
}

/// What is known of the looks at a cell.
#[derive(Debug, Clone, Copy, Default)]
pub struct Looks {
    /// When the last complete look began.
    pub watermark: Option<DateTime<Utc>>,
    /// When the last complete look at everything began.
    pub full: Option<DateTime<Utc>>,
    /// One that was interrupted: what it asked for, and when it began.
    pub begun: Option<(Extent, DateTime<Utc>)>,
}

/// The next look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Begin(Extent),
    /// The interrupted one, which began then.
    Resume(Extent, DateTime<Utc>),
}

/// Decides the next look at a cell, which `name` names among all.
pub fn next(looks: &Looks, name: &str, now: DateTime<Utc>, rules: Rules) -> Next {
    let wanted = match (looks.watermark, looks.full) {
        // A clock that was put back knows no window.
        (Some(mark), Some(full)) if mark <= now && !is_due(full, name, now, rules.reconcile) => {
            Extent::Window {
                from: mark - rules.overlap,
                to: now,
            }
        }
        _ => Extent::Full,
    };
    match looks.begun {
        Some((extent, began))
            if began <= now && now - began < RESUME && (extent.is_full() || !wanted.is_full()) =>
        {
            Next::Resume(extent, began)
        }
        _ => Next::Begin(wanted),
    }
}

/// Whether one of the cell's own times of day lies between the last full look and now. The times of all cells are
/// spread over the period.
fn is_due(full: DateTime<Utc>, name: &str, now: DateTime<Utc>, period: TimeDelta) -> bool {
    let seconds = period.num_seconds().max(1);
    let phase = phase(name, seconds);
    let number = |time: DateTime<Utc>| (time.timestamp() - phase).div_euclid(seconds);
    full > now || number(now) > number(full)
}

/// Seconds into the period, by a hash of the cell's name.
fn phase(name: &str, seconds: i64) -> i64 {
    let digest = Sha256::digest(name.as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    let hash = u64::from_be_bytes(bytes) % seconds.unsigned_abs();
    i64::try_from(hash).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        reconcile: TimeDelta::hours(24),
        overlap: TimeDelta::minutes(15),
    };

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000 + hours * 3_600, 0).unwrap()
    }

    fn looked(watermark: i64, full: i64) -> Looks {
        Looks {
            watermark: Some(at(watermark)),
            full: Some(at(full)),
            begun: None,
        }
    }

    /// A cell whose own time of day is the last before `at(24)`.
    fn late() -> String {
        let names = (0..).map(|n: u32| n.to_string());
        let late = |name: &String| !is_due(at(0), name, at(23), RULES.reconcile);
        names.into_iter().find(late).unwrap()
    }

    #[test]
    fn the_first_look_is_full_and_the_next_ones_are_windows_with_overlap() {
        assert_eq!(
            next(&Looks::default(), "a", at(0), RULES),
            Next::Begin(Extent::Full)
        );
        let hourly: Vec<Next> = (1..24)
            .map(|hour| next(&looked(hour - 1, 0), &late(), at(hour), RULES))
            .collect();
        let windows = hourly
            .iter()
            .filter(|n| matches!(n, Next::Begin(Extent::Window { .. })));
        assert_eq!(windows.count(), 23, "{hourly:?}");
        let window = Extent::Window {
            from: at(5) - TimeDelta::minutes(15),
            to: at(6),
        };
        assert!(hourly.contains(&Next::Begin(window)));
    }

    #[test]
    fn every_cell_has_one_full_look_a_day_at_a_time_of_its_own() {
        let mut hours = [0; 24];
        for cell in 0..2_400 {
            let (name, mut looks) = (format!("{cell}/us-gov-west-1/securityhub"), looked(0, 0));
            let mut fulls = Vec::new();
            for hour in 1..=72 {
                if next(&looks, &name, at(hour), RULES) == Next::Begin(Extent::Full) {
                    looks.full = Some(at(hour));
                    fulls.push(hour);
                }
                looks.watermark = Some(at(hour));
            }
            assert_eq!(fulls.len(), 3, "{name}: {fulls:?}");
            assert!(fulls.windows(2).all(|two| two[1] - two[0] == 24));
            hours[usize::try_from(fulls[0] % 24).unwrap()] += 1;
        }
        let (least, most) = (hours.iter().min().unwrap(), hours.iter().max().unwrap());
        assert!(*least > 60 && *most < 140, "{hours:?}");
    }

    #[test]
    fn a_full_look_that_did_not_end_stays_due() {
        // The watermark moves by windows; the full look of a day ago is due until one has ended.
        for hour in 25..72 {
            assert_eq!(
                next(&looked(hour - 1, 0), "a", at(hour), RULES),
                Next::Begin(Extent::Full)
            );
        }
    }

    #[test]
    fn an_interrupted_look_goes_on_with_the_bounds_it_had() {
        let window = Extent::Window {
            from: at(1),
            to: at(2),
        };
        let begun = |extent, began| Looks {
            begun: Some((extent, at(began))),
            ..looked(2, 0)
        };
        assert_eq!(
            next(&begun(window, 2), &late(), at(3), RULES),
            Next::Resume(window, at(2))
        );
        assert_eq!(
            next(&begun(Extent::Full, 2), &late(), at(3), RULES),
            Next::Resume(Extent::Full, at(2))
        );
        // Not days later, not when everything is due, not before it began.
        assert!(matches!(
            next(&begun(window, 2), &late(), at(8), RULES),
            Next::Begin(_)
        ));
        let due = Looks {
            begun: Some((window, at(29))),
            ..looked(29, 0)
        };
        assert_eq!(
            next(&due, &late(), at(30), RULES),
            Next::Begin(Extent::Full)
        );
        assert!(matches!(
            next(&begun(window, 5), &late(), at(4), RULES),
            Next::Begin(_)
        ));
    }

    #[test]
    fn a_clock_put_back_asks_for_everything() {
        assert_eq!(
            next(&looked(10, 1), "a", at(5), RULES),
            Next::Begin(Extent::Full)
        );
    }
}
