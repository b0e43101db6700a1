//! Check B22: whatever is thrown at the readers of foreign text, none panics, hangs or breaks its bounds. Here the corpus and
//! seeds with the same mutations in every run; `scripts/fuzz` goes on for as long as it is told.

#[path = "../../fuzz/findings.rs"]
mod findings;
#[path = "../../fuzz/targets.rs"]
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use targets::{TARGETS, Target};

/// Longest input that chance makes.
const LONGEST: usize = 1 << 16;
/// One input of up to [`LONGEST`] may take so long of a processor's time.
const PATIENCE: Duration = Duration::from_secs(2);
/// And one of up to a MiB so long, in a build without optimisation.
const LARGE_PATIENCE: Duration = Duration::from_secs(10);
const LARGE: usize = 1 << 20;

/// The time this thread has had of a processor: others on the machine do not count. Elsewhere than on Linux, that of the wall.
fn spent(since: Instant) -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|n| n.parse().ok());
    nanoseconds.map_or_else(|| since.elapsed(), Duration::from_nanos)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The seeds of a target, and what once broke it, in order.
fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> = Vec::new();
    let found = root().join("fuzz/corpus").join(target.name);
    let given = target.seeds.iter().map(|seed| root().join(seed));
    for place in given.chain([found]) {
        if place.is_dir() {
            let inside = std::fs::read_dir(&place).unwrap();
            files.extend(inside.map(|entry| entry.unwrap().path()));
        } else if place.is_file() {
            files.push(place);
        }
    }
    files.retain(|file| file.is_file());
    files.sort();
    files.dedup();
    files
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect()
}

/// Reproducible chance (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// One to six changes to a seed.
fn mutate(dice: &mut Dice, seeds: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
    let mut bytes = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(6) {
        let at = dice.below(bytes.len() + 1);
        let end = (at + dice.below(64)).min(bytes.len());
        match dice.below(9) {
            0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            1 if at < bytes.len() => bytes[at] = dice.next() as u8,
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let again = bytes[at..end].repeat(1 + dice.below(8));
                bytes.splice(at..at, again);
            }
            5 => {
                let other = &seeds[dice.below(seeds.len())];
                let from = dice.below(other.len() + 1);
                let to = (from + dice.below(512)).min(other.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            6 => drop(bytes.splice(at..end, (0..dice.below(8)).map(|_| b'0'))),
            7 => {
                let nested = [b"[{(\"".as_slice()[dice.below(4)]].repeat(1 + dice.below(2_000));
                bytes.splice(at..at, nested);
            }
            _ => {
                let word = words[dice.below(words.len())];
                bytes.splice(at..end, word.bytes());
            }
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

/// A MiB of what makes readers slow: the same over and over, nesting, one word without an end, lines without content.
fn large(seeds: &[Vec<u8>], words: &[&str]) -> Vec<Vec<u8>> {
    let over = |unit: &[u8]| unit.repeat(LARGE / unit.len().max(1) + 1)[..LARGE].to_vec();
    let seed = &seeds[0];
    let mut inflated = seed.clone();
    let at = seed.len() / 2;
    inflated.splice(at..at, over(b"a")[seed.len().min(LARGE)..].iter().copied());
    let nested: [&[u8]; 6] = [b"[", b"{\"a\":", b"<c>", b"((", b"\n", b"{{#if a}}"];
    let mut all = vec![over(seed), inflated];
    all.extend(nested.map(over));
    all.extend(
        words
            .iter()
            .filter(|w| !w.is_empty())
            .map(|w| over(w.as_bytes())),
    );
    all
}

/// What came of the executions of one target.
#[derive(Default)]
struct Tried {
    executions: u64,
    slowest: Duration,
    broken: Vec<String>,
}

impl Tried {
    fn run(&mut self, target: &Target, bytes: &[u8]) {
        self.run_within(target, bytes, PATIENCE);
    }

    fn run_within(&mut self, target: &Target, bytes: &[u8], patience: Duration) {
        let wall = Instant::now();
        let began = spent(wall);
        let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(bytes)));
        let took = spent(wall).saturating_sub(began);
        self.executions += 1;
        self.slowest = self.slowest.max(took);
        let why = match (outcome, took > patience) {
            (Err(panic), _) => panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
                .unwrap_or_else(|| "a panic".to_owned()),
            (Ok(()), true) => format!("it took {took:?}"),
            (Ok(()), false) => return,
        };
        let kept = std::env::temp_dir().join(format!("fuzz-{}-{}", target.name, self.executions));
        std::fs::write(&kept, bytes).unwrap();
        self.broken.push(format!(
            "{}: {why}; the input is {}",
            target.name,
            kept.display()
        ));
    }
}

#[test]
fn b22_no_reader_breaks_on_its_seeds_and_their_mutations() {
    let mut broken = Vec::new();
    let mut executions = 0;
    for target in TARGETS {
        let seeds = seeds(target);
        assert!(!seeds.is_empty(), "{} has no seed", target.name);
        let mut tried = Tried::default();
        for seed in &seeds {
            tried.run(target, seed);
            // Every prefix is a cut-off file; of long ones some.
            let step = (seed.len() / 40).max(1);
            for end in (0..seed.len()).step_by(step) {
                tried.run(target, &seed[..end]);
            }
        }
        let mut dice = Dice(22);
        for _ in 0..120 {
            tried.run(target, &mutate(&mut dice, &seeds, target.words));
        }
        let slowest = std::mem::take(&mut tried.slowest);
        for bytes in large(&seeds, target.words) {
            tried.run_within(target, &bytes, LARGE_PATIENCE);
        }
        println!(
            "{}: slowest {} ms, of a MiB {} ms",
            target.name,
            slowest.as_millis(),
            tried.slowest.as_millis()
        );
        executions += tried.executions;
        broken.extend(tried.broken);
    }
    assert!(TARGETS.len() >= 10 && executions > 2_500, "{executions}");
    println!(
        "B22: {} readers, {executions} executions, {} broken",
        TARGETS.len(),
        broken.len()
    );
    assert!(broken.is_empty(), "{broken:#?}");
}

/// `POAMD_FUZZ_SECONDS` on each target, or on those that `POAMD_FUZZ_TARGETS` names: `scripts/fuzz` asks for it.
#[test]
fn fuzz_for_as_long_as_told() {
    let Some(seconds) = std::env::var("POAMD_FUZZ_SECONDS").ok() else {
        return;
    };
    let time = Duration::from_secs(seconds.parse().unwrap());
    let only = std::env::var("POAMD_FUZZ_TARGETS").unwrap_or_default();
    let seed = std::env::var("POAMD_FUZZ_SEED").map_or(1, |s| s.parse().unwrap());
    let mut broken = Vec::new();
    for target in TARGETS {
        if !only.is_empty() && !only.split(',').any(|name| name == target.name) {
            continue;
        }
        let seeds = seeds(target);
        let (mut dice, mut tried, began) = (Dice(seed), Tried::default(), Instant::now());
        while began.elapsed() < time && tried.broken.len() < 5 {
            tried.run(target, &mutate(&mut dice, &seeds, target.words));
        }
        println!(
            "fuzz {}: {} executions in {} s, slowest {} ms, {} broken",
            target.name,
            tried.executions,
            began.elapsed().as_secs(),
            tried.slowest.as_millis(),
            tried.broken.len()
        );
        broken.extend(tried.broken);
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
