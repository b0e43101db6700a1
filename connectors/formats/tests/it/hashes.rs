//! The content hash: stable across releases, blind to looks at an unchanged weakness, and to nothing else.

use poamd_contract::finding::{Channel, FindingReport, Signal};
use poamd_formats::{content_hash, raw_hash};

use crate::{bytes, import};

fn report() -> FindingReport {
    import(&bytes("asff/01-securityhub-s3.8-consolidated-failed.json"))
        .reports
        .remove(0)
}

#[test]
fn it_is_the_same_in_every_release() {
    // A change of these numbers makes every ledger rewrite every finding once.
    assert_eq!(raw_hash(b"abc"), 0xba78_16bf_8f01_cfea);
    assert_eq!(content_hash(&report()), 0xd2efc6929faacacb);
}

#[test]
fn what_is_made_of_documents_changes_with_the_readers_number_only() {
    let mut words = String::new();
    for folder in ["asff", "guardduty", "inspector2", "ocsf"] {
        let mut files: Vec<_> = std::fs::read_dir(crate::folder().join(folder))
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "json"))
            .collect();
        files.sort();
        for file in files {
            for report in import(&std::fs::read(file).unwrap()).reports {
                words.push_str(&format!("{report:?}\n"));
            }
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/read_as.txt");
    assert_eq!(
        format!("{:016x}", raw_hash(words.as_bytes())),
        std::fs::read_to_string(path).unwrap().trim(),
        "raise READER in src/given.rs, and put this number into {path}: else what is known byte for byte is not read again"
    );
}

#[test]
fn another_look_at_the_same_is_the_same() {
    let first = report();
    let later = FindingReport {
        channel: Channel::Pull,
        updated: first.updated.map(|t| t + chrono::Duration::hours(1)),
        last_observed: None,
        ..first.clone()
    };
    assert_eq!(content_hash(&first), content_hash(&later));
}

fn assert_detail_counts() {
    let flaw = import(&bytes("asff/09-inspector-ec2-cve-kev-high.json"))
        .reports
        .remove(0);
    let attack = import(&bytes("guardduty/get-findings-commercial.json"))
        .reports
        .remove(1);
    let still: [fn(&mut FindingReport); 4] = [
        |r| r.detail.flaw.iter_mut().for_each(|f| f.epss = None),
        |r| r.detail.flaw.iter_mut().for_each(|f| f.exploited_at = None),
        |r| r.detail.attack.iter_mut().for_each(|a| a.count = None),
        |r| r.raw = None,
    ];
    for (n, change) in still.iter().enumerate() {
        for report in [&flaw, &attack] {
            let mut changed = report.clone();
            change(&mut changed);
            assert_eq!(content_hash(report), content_hash(&changed), "still {n}");
        }
    }
    type Change<'a> = (&'a FindingReport, fn(&mut FindingReport));
    let counts: [Change; 6] = [
        (&flaw, |r| {
            r.detail.flaw.iter_mut().for_each(|f| f.exploit = None);
        }),
        (&flaw, |r| {
            r.detail.flaw.iter_mut().for_each(|f| f.cvss[0].base = 1);
        }),
        (&flaw, |r| r.detail.tags.clear()),
        (&flaw, |r| r.detail.reachable = Some(false)),
        (&attack, |r| {
            r.detail.attack.iter_mut().for_each(|a| a.actors.clear());
        }),
        (&attack, |r| {
            r.detail.attack.iter_mut().for_each(|a| a.target.clear());
        }),
    ];
    for (n, (report, change)) in counts.iter().enumerate() {
        let mut changed = (*report).clone();
        change(&mut changed);
        assert_ne!(content_hash(report), content_hash(&changed), "counts {n}");
    }
}

#[test]
fn every_other_field_counts() {
    let first = report();
    let changes: [fn(&mut FindingReport); 12] = [
        |r| r.source.push('x'),
        |r| r.native_id.push('x'),
        |r| r.weakness.id.push('x'),
        |r| r.weakness.equivalent.push("x".to_owned()),
        |r| r.title.push('x'),
        |r| r.description.push('x'),
        |r| r.remediation.push('x'),
        |r| r.severity = None,
        |r| r.resources[0].name.push('x'),
        |r| r.signal = Signal::Passed,
        |r| r.first_observed = None,
        |r| r.requirements.truncate(1),
    ];
    for (n, change) in changes.iter().enumerate() {
        let mut changed = first.clone();
        change(&mut changed);
        assert_ne!(content_hash(&first), content_hash(&changed), "change {n}");
    }
    assert_detail_counts();
    let mut moved = first.clone();
    moved.title.clear();
    moved.description.insert_str(0, &first.title);
    assert_ne!(
        content_hash(&first),
        content_hash(&moved),
        "text moved from one field to the next"
    );
}
