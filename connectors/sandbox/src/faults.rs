//! Faults a stand-in is told to show: by chance from a seed, or scripted call by call.
//!
//! Only the decision is here; [`crate::gate`] carries it out around a call. Every decision is counted
//! together with its opportunities, so that a test can say that a fault really happened.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// What a call does to the state of a stand-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Read,
    /// Makes something that bears a marker: the calls that must not be repeated blindly.
    Create,
    Write,
}

/// A call as the faults see it.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// The stand-in's own name for it (`issue.create`, `us-east-1/securityhub/GetFindings`); may be empty.
    pub operation: &'a str,
    pub class: Class,
}

/// Faults by chance, and standing properties of a stand-in. All off by default.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Seed of the chances, so that a run can be repeated.
    pub seed: u64,
    /// Share of creates (0.0–1.0) whose work is done `late_by` after the call came in, whether or not the caller is still there.
    pub late_create: f64,
    pub late_by: Duration,
    /// Share of creates and writes that are carried out and then not answered.
    pub lost_reply: f64,
    /// Share of all calls whose connection is closed before any work.
    pub dropped_call: f64,
    /// Share of all calls carried out and answered with a success that is not what it should be.
    pub garbage: f64,
    /// Before every answer.
    pub latency: Duration,
    /// How far search is behind the store (Jira).
    pub index_lag: Duration,
    /// Fields whose writing is silently left out (ServiceNow).
    pub silently_dropped: Vec<String>,
    /// Tickets hidden by rights that are applied after the page was cut (ServiceNow `sys_id`s).
    pub hidden_after_paging: Vec<String>,
}

/// Which calls a scripted fault waits for. An empty one matches every call.
#[derive(Debug, Clone, Default)]
pub struct Matcher {
    pub method: Option<String>,
    /// Any part of the path.
    pub path: Option<String>,
    /// Any part of the operation's name.
    pub operation: Option<String>,
    pub class: Option<Class>,
}

impl Matcher {
    pub fn any() -> Self {
        Self::default()
    }

    pub fn class(class: Class) -> Self {
        Self {
            class: Some(class),
            ..Self::default()
        }
    }

    pub fn call(method: &str, path: &str) -> Self {
        Self {
            method: Some(method.to_owned()),
            path: Some(path.to_owned()),
            ..Self::default()
        }
    }

    pub fn operation(operation: &str) -> Self {
        Self {
            operation: Some(operation.to_owned()),
            ..Self::default()
        }
    }

    fn matches(&self, call: &Call<'_>) -> bool {
        self.method
            .as_deref()
            .is_none_or(|m| m.eq_ignore_ascii_case(call.method))
            && self.path.as_deref().is_none_or(|p| call.path.contains(p))
            && self
                .operation
                .as_deref()
                .is_none_or(|o| call.operation.contains(o))
            && self.class.is_none_or(|c| c == call.class)
    }
}

/// What a scripted fault does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Answered like this, without any work.
    Answer(Canned),
    /// The connection is closed before any work.
    DropCall,
    /// The work is done, the connection closed without an answer.
    LoseReply,
    /// The work is done this much later, also if the caller has gone.
    Late(Duration),
    /// The work is done, the answer is a 200 that is not JSON.
    Garbage,
    /// The work is done and answered 202 with an empty body (ServiceNow's full queue).
    Accepted,
    /// Answered 202 without any work.
    AcceptedAndLost,
    /// The answer is held back this long, after the work.
    Slow(Duration),
    /// The answer's body ends after half of its announced length.
    Truncated,
}

impl Act {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Answer(_) => "answer",
            Self::DropCall => "drop-call",
            Self::LoseReply => "lose-reply",
            Self::Late(_) => "late",
            Self::Garbage => "garbage",
            Self::Accepted => "accepted",
            Self::AcceptedAndLost => "accepted-and-lost",
            Self::Slow(_) => "slow",
            Self::Truncated => "truncated",
        }
    }
}

/// An answer given instead of work.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Canned {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Canned {
    pub fn status(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn body(mut self, body: &str) -> Self {
        self.body = body.to_owned();
        self
    }

    /// Jira's refusal for too many calls (`itsm.md` 1.10).
    pub fn rate_limited(reason: &str, retry_after: u32) -> Self {
        Self::status(429)
            .header("Retry-After", &retry_after.to_string())
            .header("RateLimit-Reason", reason)
            .header("X-RateLimit-Remaining", "0")
    }
}

/// A fault that waits for its calls: the first `times` that match after `skip` others that matched.
#[derive(Debug, Clone)]
pub struct Scripted {
    pub when: Matcher,
    pub skip: u32,
    pub times: u32,
    pub act: Act,
}

impl Scripted {
    pub fn once(when: Matcher, act: Act) -> Self {
        Self {
            when,
            skip: 0,
            times: 1,
            act,
        }
    }

    pub fn times(when: Matcher, times: u32, act: Act) -> Self {
        Self {
            when,
            skip: 0,
            times,
            act,
        }
    }

    /// Until [`FaultBook::clear_script`].
    pub fn always(when: Matcher, act: Act) -> Self {
        Self::times(when, u32::MAX, act)
    }

    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }
}

/// How often a fault could have happened and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    pub opportunities: u64,
    pub happened: u64,
}

/// The faults of one stand-in; clones share it.
#[derive(Clone, Default)]
pub struct FaultBook(Arc<Mutex<State>>);

struct State {
    faults: Faults,
    script: Vec<Scripted>,
    random: StdRng,
    tallies: BTreeMap<&'static str, Tally>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            faults: Faults::default(),
            script: Vec::new(),
            random: StdRng::seed_from_u64(0),
            tallies: BTreeMap::new(),
        }
    }
}

impl FaultBook {
    pub fn new(faults: Faults) -> Self {
        let book = Self::default();
        book.set(faults);
        book
    }

    /// Replaces the faults by chance and starts their seed anew; the script stays.
    pub fn set(&self, faults: Faults) {
        let mut state = self.lock();
        state.random = StdRng::seed_from_u64(faults.seed);
        state.faults = faults;
    }

    /// Adds to the script. Earlier entries are asked first.
    pub fn script(&self, fault: Scripted) {
        self.lock().script.push(fault);
    }

    pub fn clear_script(&self) {
        self.lock().script.clear();
    }

    /// The standing properties now.
    pub fn standing(&self) -> Faults {
        self.lock().faults.clone()
    }

    /// Opportunities and hits by fault name (`late`, `lose-reply`, `drop-call`, `garbage` …).
    pub fn tallies(&self) -> BTreeMap<&'static str, Tally> {
        self.lock().tallies.clone()
    }

    /// What shall happen to this call: at most one fault, the script before chance.
    pub fn decide(&self, call: &Call<'_>) -> Option<Act> {
        let mut state = self.lock();
        let act = state.scripted(call).or_else(|| state.by_chance(call));
        if let Some(act) = &act {
            state.tallies.entry(act.name()).or_default().happened += 1;
        }
        act
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn scripted(&mut self, call: &Call<'_>) -> Option<Act> {
        let mut hit = None;
        for fault in self
            .script
            .iter_mut()
            .filter(|f| f.times > 0 && f.when.matches(call))
        {
            if fault.skip > 0 {
                fault.skip -= 1;
            } else {
                fault.times = if fault.times == u32::MAX {
                    u32::MAX
                } else {
                    fault.times - 1
                };
                hit = Some(fault.act.clone());
                break;
            }
        }
        self.script.retain(|f| f.times > 0);
        hit
    }

    fn by_chance(&mut self, call: &Call<'_>) -> Option<Act> {
        let creates = call.class == Class::Create;
        let writes = call.class != Class::Read;
        let Faults {
            late_create,
            late_by,
            lost_reply,
            dropped_call,
            garbage,
            ..
        } = self.faults;
        if creates && self.draw("late", late_create) {
            return Some(Act::Late(late_by));
        }
        if writes && self.draw("lose-reply", lost_reply) {
            return Some(Act::LoseReply);
        }
        if self.draw("drop-call", dropped_call) {
            return Some(Act::DropCall);
        }
        self.draw("garbage", garbage).then_some(Act::Garbage)
    }

    fn draw(&mut self, name: &'static str, share: f64) -> bool {
        if share <= 0.0 {
            return false;
        }
        self.tallies.entry(name).or_default().opportunities += 1;
        self.random.random_bool(share.min(1.0))
    }
}
