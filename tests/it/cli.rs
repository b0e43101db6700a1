//! The command line as programs and people meet it: names, filters, exit codes, what is written where.

mod accounts;
mod corrections;
mod decisions;
mod documented;
mod errors;
mod evidence;
mod gaps;
mod intel;
mod lists;
mod pages;
mod plans;
mod quarantine;
mod tickets;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use poamd::cli::failure::Exit;
use poamd::cli::shell::{Login, Screen, Shell};
use poamd::store::{DatabaseUrl, Store};
use poamd_contract::chance::Chance;
use poamd_contract::clock::ManualClock;
use serde_json::Value;

/// How one command line ended.
struct Ran {
    exit: Exit,
    out: String,
    err: String,
}

impl Ran {
    /// What it printed as JSON; a verb that fails prints none.
    fn json(&self) -> Value {
        assert_eq!(self.exit, Exit::Done, "{}", self.err);
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }

    fn rows(&self) -> Vec<Value> {
        self.json().as_array().unwrap().clone()
    }

    fn done(self) -> Self {
        assert_eq!(self.exit, Exit::Done, "{}{}", self.out, self.err);
        self
    }
}

/// The users of a test's system, by number; `TEST_UID` says whose process it is.
const PEOPLE: [(u32, &str); 5] = [
    (0, "root"),
    (990, "poamd"),
    (1_000, "tester"),
    (1_001, "dana"),
    (1_002, "omar"),
];

/// Always the same chance.
struct Fixed;

impl Chance for Fixed {
    fn next_u64(&self) -> u64 {
        0x0123_4567_89ab_cdef
    }
}

/// A folder with a configuration.
struct House {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
}

/// The first day after everything in the fixtures.
const NOW: &str = "2026-11-22T12:00:00Z";

impl House {
    /// With this configuration besides the database.
    fn with(config: &str) -> Self {
        let house = Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(ManualClock::at(NOW.parse().unwrap())),
        };
        house.configure(config);
        house
    }

    fn configure(&self, config: &str) {
        let text = format!(
            "[database]\nurl = \"sqlite://{}\"\n{config}",
            self.database().display()
        );
        std::fs::write(self.path("poamd.toml"), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn database(&self) -> PathBuf {
        self.path("poamd.db")
    }

    fn store(&self) -> Store {
        Store::open(DatabaseUrl::Sqlite(self.database()), 2).unwrap()
    }

    /// Runs a verb with the configuration.
    fn run(&self, args: &[&str]) -> Ran {
        self.run_on(None, args)
    }

    fn run_on(&self, screen: Option<Screen>, args: &[&str]) -> Ran {
        self.run_in(&[], screen, args)
    }

    /// The same with variables in the environment.
    fn run_in(&self, env: &[(&str, &str)], screen: Option<Screen>, args: &[&str]) -> Ran {
        let config = self.path("poamd.toml");
        let mut all = vec!["--config", config.to_str().unwrap()];
        all.extend(args);
        run(&all, env, screen, self.clock.clone())
    }

    /// The fixtures of the formats, imported.
    fn with_findings() -> Self {
        let house = Self::with(
            "[[accounts]]\nid = \"123456789012\"\nname = \"payments\"\nlabel = \"Dev\"\nregions = [\"us-east-1\"]\n\
             external_id = \"x-1\"\n",
        );
        let files = fixtures();
        let mut args = vec!["import"];
        args.extend(files.iter().map(|f| f.to_str().unwrap()));
        house.run(&args).done();
        house
    }
}

fn run(
    args: &[&str],
    env: &[(&str, &str)],
    screen: Option<Screen>,
    clock: Arc<ManualClock>,
) -> Ran {
    let env: BTreeMap<String, String> = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let login = Login {
        uid: env
            .get("TEST_UID")
            .map_or(1_000, |uid| uid.parse().unwrap()),
        name_of: |uid| {
            PEOPLE
                .iter()
                .find(|(n, _)| *n == uid)
                .map(|(_, name)| (*name).to_owned())
        },
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = {
        let mut shell = Shell {
            out: &mut out,
            err: &mut err,
            input: &mut std::io::empty(),
            screen,
            watched: false,
            login,
            env: Arc::new(env),
            clock,
            chance: Arc::new(Fixed),
        };
        poamd::cli::run(
            std::iter::once("poamd").chain(args.iter().copied()),
            &mut shell,
        )
    };
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran {
        exit,
        out: text(out),
        err: text(err),
    }
}

/// Without any configuration.
fn run_bare(args: &[&str]) -> Ran {
    run(
        args,
        &[("POAMD_CONFIG", "/nowhere/poamd.toml")],
        None,
        Arc::new(ManualClock::at(NOW.parse().unwrap())),
    )
}

/// ASFF files, in order.
fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/aws/asff");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.ends_with(".json") && name.starts_with(|c: char| c.is_ascii_digit())
        })
        .collect();
    files.sort();
    files
}
