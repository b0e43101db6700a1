//! A file that grows: read on at each pull, through rotation and truncation, never twice and never half a line.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use poamd::config;
use poamd::domain::finding::FindingStatus;
use poamd::jobs::{Context, Quiet, Selection, pull};
use poamd::store::findings::FindingRow;
use poamd::store::{Store, coverage, findings};
use poamd::wiring::{Surroundings, SystemChance, context_over};
use poamd_contract::clock::SystemClock;

use crate::support::databases::for_each_database_async;

fn context(store: &Store, path: &Path) -> Context {
    let text = format!(
        "[database]\nurl = \"sqlite:///not/used.db\"\n[[feeds]]\nname = \"ids\"\npath = \"{}\"\naccount = \"210987654321\"\nregion = \"us-gov-west-1\"\n",
        path.display()
    );
    let env: BTreeMap<String, String> = BTreeMap::new();
    let config = config::parse(Path::new("/x/poamd.toml"), &text, &env).unwrap();
    let around = Surroundings {
        clock: Arc::new(SystemClock),
        chance: Arc::new(SystemChance),
        env: Arc::new(env),
        progress: Arc::new(Quiet),
    };
    context_over(Arc::new(config), &around, store.clone()).unwrap()
}

/// An alert on an address of its own, so that each line is a finding.
fn alert(n: u32) -> String {
    format!(
        r#"{{"timestamp":"2026-11-20T05:12:{n:02}.123456+0000","event_type":"alert","src_ip":"198.51.100.7","src_port":51234,"dest_ip":"10.20.1.{n}","dest_port":22,"proto":"TCP","alert":{{"action":"allowed","gid":1,"signature_id":2001219,"signature":"ET SCAN Potential SSH Scan","category":"c","severity":2}}}}"#
    )
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Documents taken, and the state of the feed's cell with its reason.
async fn pulled(ctx: &Context) -> (u64, String, String) {
    let summary = pull::run(ctx, &Selection::default()).await.unwrap();
    let rows = ctx.store.read_here(coverage::all).unwrap();
    let row = rows.iter().find(|r| r.service == "feed:ids").unwrap();
    let reason = row.reason.clone().unwrap_or_default();
    assert_eq!(summary.gaps.is_empty(), row.is_complete());
    (summary.counts.documents, row.state.clone(), reason)
}

fn open(ctx: &Context) -> Vec<FindingRow> {
    let all = ctx.store.read_here(findings::all).unwrap();
    let open = all
        .into_iter()
        .filter(|f| f.status.0 == FindingStatus::Open && f.source == "suricata");
    open.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_is_read_on_and_what_is_lost_is_a_gap() {
    for_each_database_async(|store| async move {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("eve.json");
        let ctx = context(&store, &path);

        let (taken, state, reason) = pulled(&ctx).await;
        assert_eq!((taken, state.as_str()), (0, "failed"));
        assert!(reason.contains("eve.json is not there"), "{reason}");

        // A half line waits for its rest.
        let (first, second) = (alert(1), alert(2));
        append(&path, &format!("{first}\n{}", &second[..80]));
        assert_eq!(pulled(&ctx).await, (1, "complete".into(), String::new()));
        append(&path, &format!("{}\n", &second[80..]));
        assert_eq!(pulled(&ctx).await.0, 1);
        assert_eq!(pulled(&ctx).await.0, 0, "nothing new, nothing read");
        assert_eq!(open(&ctx).len(), 2);

        // Renamed with a line that was not read yet.
        append(&path, &format!("{}\n", alert(3)));
        std::fs::rename(&path, folder.path().join("eve.json.1")).unwrap();
        append(&path, &format!("{}\n", alert(4)));
        assert_eq!(pulled(&ctx).await, (2, "complete".into(), String::new()));

        // Emptied and written again, longer than before.
        std::fs::write(&path, "").unwrap();
        append(&path, &format!("{}\n{}\n", alert(5), alert(6)));
        let (taken, state, reason) = pulled(&ctx).await;
        assert_eq!((taken, state.as_str()), (2, "partial"));
        assert!(reason.contains("emptied"), "{reason}");
        assert_eq!(pulled(&ctx).await.1, "complete");

        // Rotated, and the old file packed away.
        std::fs::remove_file(&path).unwrap();
        std::fs::write(folder.path().join("other"), "keeps the inode").unwrap();
        append(&path, &format!("{}\n", alert(7)));
        let (taken, state, reason) = pulled(&ctx).await;
        assert_eq!((taken, state.as_str()), (1, "partial"));
        assert!(reason.contains("lost"), "{reason}");

        // Turned twice since the last pull: what came between is read too, or said to be lost where it is packed.
        append(&path, &format!("{}\n", alert(8)));
        let turn = |from: &str, to: &str| {
            std::fs::rename(folder.path().join(from), folder.path().join(to)).unwrap();
        };
        let written = |name: &str, ago: u64| {
            let path = folder.path().join(name);
            let file = OpenOptions::new().append(true).open(path).unwrap();
            let was = file.metadata().unwrap().modified().unwrap();
            file.set_modified(was - std::time::Duration::from_secs(ago))
                .unwrap();
        };
        turn("eve.json", "eve.json.8");
        append(
            &folder.path().join("eve.json.7"),
            &format!("{}\n", alert(9)),
        );
        written("eve.json.1", 30);
        written("eve.json.8", 20);
        written("eve.json.7", 10);
        append(&path, &format!("{}\n", alert(10)));
        assert_eq!(pulled(&ctx).await, (3, "complete".into(), String::new()));
        turn("eve.json", "eve.json-3");
        let packed = [&[0x1f, 0x8b, 8][..], b"no matter"].concat();
        std::fs::write(folder.path().join("eve.json-4.gz"), packed).unwrap();
        append(&path, &format!("{}\n", alert(11)));
        let (taken, state, reason) = pulled(&ctx).await;
        assert_eq!((taken, state.as_str()), (1, "partial"));
        assert!(reason.contains("more than once"), "{reason}");

        // Many quiet pulls close nothing.
        for _ in 0..3 {
            pulled(&ctx).await;
        }
        assert_eq!(open(&ctx).len(), 11);
    })
    .await;
}
