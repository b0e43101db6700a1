//! `poamd run` as systemd meets it: the real program, its notify socket, its signals, its exit codes.

use std::fs::Permissions;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use poamd::domain::ticket::OutboxState;
use poamd::store::{Store, audit, outbox, schedule};
use poamd_contract::clock::{Clock, SystemClock};
use poamd_sandbox::faults::Faults;
use poamd_sandbox::jira::{JiraOptions, JiraStandIn};

use crate::support::desks;

/// How long a test waits for what must come; far more than it takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with configuration and ledger, a desk, and the socket that systemd would listen on.
struct House {
    folder: tempfile::TempDir,
    jira: JiraStandIn,
    socket: UnixDatagram,
}

/// The running program. Dropped, it is killed.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl House {
    async fn build(faults: Faults) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = JiraOptions {
            faults,
            ..JiraOptions::default()
        };
        let jira = JiraStandIn::start(options, desks::history()).await.unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        let house = Self {
            folder,
            jira,
            socket,
        };
        let token = house.path("token");
        std::fs::write(&token, format!("{}\n", house.jira.token)).unwrap();
        std::fs::set_permissions(token, Permissions::from_mode(0o600)).unwrap();
        house.configure("");
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configure(&self, more: &str) {
        let text = format!(
            "[database]\nurl = \"sqlite://poamd.db\"\n[[desks]]\nname = \"{desk}\"\nsystem = \"jira-cloud\"\n\
             url = \"{url}\"\nemail = \"{email}\"\ntoken = {{ file = \"token\" }}\nproject = \"{project}\"\nsettle = \"1s\"\n{more}",
            desk = desks::DESK,
            url = self.jira.url,
            email = self.jira.email,
            project = self.jira.project,
        );
        std::fs::write(self.path("poamd.toml"), text).unwrap();
    }

    fn store(&self) -> Store {
        desks::open_store(self.folder.path())
    }

    /// Records that wait for tickets, and a sync that fell due while no daemon ran.
    fn leave_work(&self, records: usize) {
        let store = self.store();
        let now = SystemClock.now();
        desks::seed(&store, records, now);
        store
            .write_here(|c| {
                let missed = now - TimeDelta::hours(5);
                schedule::ensure(c, "sync", "*/5 * * * * UTC", missed, |_| Some(missed))
            })
            .unwrap();
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_poamd"));
        command
            .args(["--config"])
            .arg(self.path("poamd.toml"))
            .arg("run")
            .env("NOTIFY_SOCKET", self.path("notify"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    fn start(&self) -> Daemon {
        let mut command = self.command();
        // What it logs is shown when a test fails.
        Daemon(command.stderr(Stdio::inherit()).spawn().unwrap())
    }

    /// Waits until systemd is told this; what it was told before that.
    fn told(&self, wanted: &str) -> Vec<String> {
        let end = Instant::now() + PATIENCE;
        let mut heard = Vec::new();
        let mut buffer = [0; 4096];
        while Instant::now() < end {
            let Ok(length) = self.socket.recv(&mut buffer) else {
                continue;
            };
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let there = text.lines().any(|line| line == wanted);
            heard.push(text);
            if there {
                return heard;
            }
        }
        panic!("systemd was never told {wanted}, but {heard:?}");
    }

    /// Waits until the desk has this many tickets.
    async fn ticketed(&self, count: usize) {
        let end = Instant::now() + PATIENCE;
        while self.jira.issues().len() < count {
            assert!(
                Instant::now() < end,
                "{} of {count} tickets",
                self.jira.issues().len()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn events(&self) -> Vec<String> {
        let store = self.store();
        let verdict = store.read_here(audit::verify).unwrap();
        assert_eq!(verdict.broken, None);
        let events = store.read_here(|c| audit::list(c, None, 1_000)).unwrap();
        events.into_iter().map(|e| e.kind).collect()
    }
}

impl Daemon {
    fn signal(&self, name: &str) {
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.0.id())])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    fn end(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the daemon does not end");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_starts_makes_up_for_what_it_missed_and_stops() {
    let house = House::build(Faults::default()).await;
    house.leave_work(5);
    let mut daemon = house.start();
    house.told("READY=1");
    house.ticketed(5).await;
    house.told("WATCHDOG=1");
    daemon.signal("TERM");
    house.told("STOPPING=1");
    assert_eq!(daemon.end().code(), Some(0));
    assert_eq!(
        house.jira.issues().len(),
        5,
        "once, however often it was missed"
    );
    let events = house.events();
    for kind in ["daemon.started", "daemon.stopped"] {
        assert_eq!(events.iter().filter(|k| *k == kind).count(), 1, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_daemon_is_refused_and_writes_nothing() {
    let house = House::build(Faults::default()).await;
    let mut first = house.start();
    house.told("READY=1");
    let before = house.events();
    let mut second = house.command().spawn().unwrap();
    let status = second.wait().unwrap();
    let mut said = String::new();
    second.stderr.unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(status.code(), Some(79), "{said}");
    assert!(
        said.contains(&format!("process {}", first.0.id())) && said.contains("poamd.db"),
        "{said}"
    );
    assert_eq!(house.events(), before);
    first.signal("TERM");
    assert_eq!(first.end().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_takes_a_good_configuration_and_refuses_a_bad_one() {
    let house = House::build(Faults::default()).await;
    let mut daemon = house.start();
    house.told("READY=1");
    house.configure("[tickets]\ncreates_pro_lauf = 3\n");
    daemon.signal("HUP");
    house.told("RELOADING=1");
    let refused = house.told("READY=1");
    assert!(refused.concat().contains("refused"), "{refused:?}");
    house.configure("[schedule]\nsync = \"*/7 * * * *\"\n");
    daemon.signal("HUP");
    house.told("RELOADING=1");
    let taken = house.told("READY=1");
    assert!(taken.concat().contains("working by schedule"), "{taken:?}");
    let end = Instant::now() + PATIENCE;
    let sync = || {
        let row = house.store().read_here(|c| schedule::find(c, "sync"));
        row.unwrap().unwrap().expression
    };
    while sync() != "*/7 * * * * UTC" {
        assert!(Instant::now() < end, "{}", sync());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    daemon.signal("INT");
    assert_eq!(daemon.end().code(), Some(0));
}

/// A stop finishes what is being sent and begins nothing more: nothing is left unclear.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_begins_no_new_ticket() {
    const RECORDS: usize = 40;
    let house = House::build(Faults {
        latency: Duration::from_millis(150),
        ..Faults::default()
    })
    .await;
    house.leave_work(RECORDS);
    let mut daemon = house.start();
    house.told("READY=1");
    house.ticketed(3).await;
    daemon.signal("TERM");
    assert_eq!(daemon.end().code(), Some(0));
    assert!(house.jira.issues().len() < RECORDS, "it went on sending");
    assert!(house.events().contains(&"daemon.stopped".to_owned()));
    let store = house.store();
    for state in [OutboxState::Sending, OutboxState::Ambiguous] {
        let left = store.read_here(|c| outbox::in_state(c, state)).unwrap();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// A second signal cuts off what is in hand, and a kill asks nobody: what was in flight is looked up at the next start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_cut_off_is_finished_once_by_the_next_start() {
    const RECORDS: usize = 40;
    // So slow that the second signal finds requests in flight.
    let house = House::build(Faults {
        latency: Duration::from_millis(500),
        ..Faults::default()
    })
    .await;
    house.leave_work(RECORDS);
    let mut first = house.start();
    house.told("READY=1");
    house.ticketed(3).await;
    first.signal("TERM");
    house.told("STOPPING=1");
    first.signal("TERM");
    assert_eq!(first.end().code(), Some(0));
    let after_first = house.jira.issues().len();
    assert!(after_first < RECORDS, "nothing was cut off");

    let mut second = house.start();
    house.told("READY=1");
    house.ticketed(after_first + 3).await;
    second.0.kill().unwrap();
    second.end();

    let mut third = house.start();
    house.told("READY=1");
    house.ticketed(RECORDS).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    third.signal("TERM");
    assert_eq!(third.end().code(), Some(0));
    let mut markers: Vec<_> = house
        .jira
        .issues()
        .into_iter()
        .map(|issue| issue.marker)
        .collect();
    markers.sort();
    markers.dedup();
    assert_eq!(
        (markers.len(), house.jira.issues().len()),
        (RECORDS, RECORDS)
    );
    assert!(house.events().contains(&"daemon.cut-off".to_owned()));
}

#[test]
fn a_wrong_configuration_ends_with_78() {
    let ended = |path: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_poamd"));
        command.arg("--config").arg(path).arg("run");
        command.output().unwrap()
    };
    let output = ended(Path::new("/does/not/exist.toml"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("/does/not/exist.toml"), "{said}");
}
