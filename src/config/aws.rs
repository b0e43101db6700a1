//! `[aws]`: how AWS is reached, and what is asked of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use poamd_contract::ids::{AccountId, Region};
use url::Url;

use super::reader::Reader;
use super::schema::{Key, Kind, Section};
use super::secret::Secret;
use super::value::choice;

/// Services whose address can be set; a new source or watch of another service adds its name.
pub const SERVICES: &[&str] = &[
    "ec2",
    "guardduty",
    "iam",
    "inspector",
    "inspector2",
    "organizations",
    "s3",
    "securityhub",
    "sts",
];

/// Detectors that findings are pulled from, by their name in the ledger.
pub const SOURCES: &[&str] = &[
    "securityhub",
    "securityhub-v2",
    "guardduty",
    "inspector",
    "inspector-classic",
];

pub const SECTION: Section = Section {
    name: "aws",
    many: false,
    doc: "How AWS is reached, and what is asked of it.",
    variants: None,
    keys: &[
        Key::new(
            "region",
            Kind::Region,
            r#""us-gov-west-1""#,
            "Region of the first sign-in (STS). Without it: the first region of each account.",
        ),
        Key::new(
            "profile",
            Kind::Text,
            r#""poamd""#,
            "Profile of the AWS configuration files that gives the base credentials. Without it, and without a key below, the usual \
             chain: environment, files, container, instance profile (for the last see poamd.service.d/instance-profile.conf).",
        ),
        Key::new(
            "access_key_id",
            Kind::Secret,
            r#"{ credential = "aws_access_key_id" }"#,
            "Static base credentials: where the key id is kept. Better have none.",
        ),
        Key::new(
            "secret_access_key",
            Kind::Secret,
            r#"{ credential = "aws_secret_access_key" }"#,
            "Static base credentials: where the secret key is kept.",
        ),
        Key::new(
            "endpoint_url",
            Kind::Url,
            r#""https://aws.internal.example""#,
            "One address for all services instead of AWS's own, for a proxy, an \
            emulator or a stand-in.",
        ),
        Key::new(
            "endpoint_urls",
            Kind::Map {
                keys: SERVICES,
                of: &Kind::Url,
            },
            r#"{ securityhub = "https://vpce-1.securityhub.us-gov-west-1.vpce.example", sts = "https://vpce-2.sts.us-gov-west-1.vpce.example" }"#,
            "An address by service, for VPC endpoints; stands above endpoint_url.",
        ),
        Key::with_default(
            "use_fips",
            Kind::Flag,
            "false",
            "Use FIPS endpoints; a service without one in a region is reported, \
            never replaced by its ordinary one.",
        )
        .example("true"),
        Key::new(
            "ca_file",
            Kind::Path,
            r#""/etc/poamd/ca.pem""#,
            "Certificates (PEM) trusted besides the system's own.",
        ),
        Key::with_default(
            "sources",
            Kind::List(&Kind::Choice(SOURCES)),
            r#"["securityhub", "guardduty", "inspector", "inspector-classic"]"#,
            "Where findings are pulled from. Inspector Classic ended on 20 May 2026; \
            it is reported as a coverage gap until it is taken out here. \"securityhub-v2\" is the new Security Hub (OCSF); it may stand \
            beside \"securityhub\": what both show is one finding.",
        )
        .example(r#"["securityhub", "securityhub-v2", "guardduty", "inspector"]"#),
        Key::new(
            "technologies",
            Kind::List(&Kind::Name),
            r#"["securitygroup", "s3", "iamuser", "policy"]"#,
            "Which kinds of resources are scanned. Without it: all that poamd knows.",
        ),
        Key::with_default(
            "concurrency",
            Kind::Integer { min: 1, max: 64 },
            "8",
            "How many pairs of account and region are worked on at the same time.",
        ),
        Key::with_default(
            "reconcile",
            Kind::Duration {
                min: Duration::from_secs(3_600),
                max: Duration::from_secs(24 * 3_600),
            },
            r#""24h""#,
            "A pull reads what was updated since the last one. Once in this time it reads everything, each account, region and source at an \
            hour of its own: only then can a finding be missing, and only then does poamd see what people set in Security Hub itself.",
        )
        .example(r#""12h""#),
        Key::with_default(
            "overlap",
            Kind::Duration {
                min: Duration::from_secs(60),
                max: Duration::from_secs(6 * 3_600),
            },
            r#""15m""#,
            "How far a pull reaches back behind the one before it: clocks differ, and services show a change late.",
        )
        .example(r#""30m""#),
        Key::with_default(
            "read",
            Kind::Choice(ReadMode::NAMES),
            r#""members""#,
            "members: each account is read with a role in it, and only its own findings, so that each has its own request rate; \
            aggregator: Security Hub, GuardDuty and Inspector are read in one administrator account for all its members, and nowhere else.",
        )
        .example(r#""aggregator""#),
        Key::new(
            "aggregator",
            Kind::AccountId,
            r#""210987654321""#,
            "The administrator account, for read = \"aggregator\"; it is one of the watched accounts.",
        ),
        Key::new(
            "home_region",
            Kind::Region,
            r#""us-gov-west-1""#,
            "Where Security Hub shows the findings of all linked regions, for read = \"aggregator\"; one of the administrator's own \
            regions. Without it: each region of the administrator account is read for itself.",
        ),
        Key::with_default(
            "budget",
            Kind::Fraction {
                min: 0.01,
                max: 1.0,
            },
            "0.66",
            "Share of AWS's published request rates that poamd allows itself; the \
            rest is for everybody else in the account.",
        ),
    ],
};

/// How AWS is reached, and what is asked of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Aws {
    pub region: Option<Region>,
    pub profile: Option<String>,
    pub access_key: Option<AccessKey>,
    pub endpoint_url: Option<Url>,
    /// By service name, one of [`SERVICES`].
    pub endpoint_urls: BTreeMap<String, Url>,
    pub use_fips: bool,
    pub ca_file: Option<PathBuf>,
    /// Some of [`SOURCES`].
    pub sources: Vec<String>,
    /// `None`: all there are.
    pub technologies: Option<Vec<String>>,
    pub concurrency: u32,
    /// 0.01 to 1.
    pub budget: f64,
    /// From one look at everything in a cell to the next.
    pub reconcile: Duration,
    pub overlap: Duration,
    pub read: Read,
}

choice! {
    /// Through which accounts findings are read.
    pub enum ReadMode {
        Members = "members",
        Aggregator = "aggregator",
    }
}

/// Through which accounts findings are read: never both, so that nothing is read twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// Each account for itself.
    Members,
    /// One administrator for all.
    Aggregator {
        account: AccountId,
        /// Where Security Hub gathers all regions.
        home: Option<Region>,
    },
}

/// A static key pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    pub id: Secret,
    pub secret: Secret,
}

impl Aws {
    pub(super) fn read(r: Reader<'_>) -> Option<Self> {
        r.reject_unknown();
        let (use_fips, sources) = (r.get("use_fips"), r.get("sources"));
        let (concurrency, budget) = (r.get("concurrency"), r.get("budget"));
        let (reconcile, overlap) = (r.get("reconcile"), r.get("overlap"));
        let read = read_mode(r);
        Some(Self {
            region: r.optional("region"),
            access_key: access_key(r),
            profile: r.optional("profile"),
            endpoint_url: r.optional("endpoint_url"),
            endpoint_urls: r.optional("endpoint_urls").unwrap_or_default(),
            ca_file: r.optional("ca_file"),
            technologies: r.optional("technologies"),
            use_fips: use_fips?,
            sources: sources?,
            concurrency: concurrency?,
            budget: budget?,
            reconcile: reconcile?,
            overlap: overlap?,
            read: read?,
        })
    }
}

fn read_mode(r: Reader<'_>) -> Option<Read> {
    let (account, home) = (r.optional("aggregator"), r.optional("home_region"));
    match r.get("read")? {
        ReadMode::Members => {
            for key in ["aggregator", "home_region"]
                .into_iter()
                .filter(|k| r.has(k))
            {
                r.fail(key, "is of no use without read = \"aggregator\"");
            }
            Some(Read::Members)
        }
        ReadMode::Aggregator if !r.has("aggregator") => {
            r.fail(
                "read",
                "\"aggregator\" needs the account: add aggregator = \"its number\"",
            );
            None
        }
        ReadMode::Aggregator => Some(Read::Aggregator {
            account: account?,
            home,
        }),
    }
}

fn access_key(r: Reader<'_>) -> Option<AccessKey> {
    let (id, secret) = (r.optional("access_key_id"), r.optional("secret_access_key"));
    for (one, other) in [
        ("access_key_id", "secret_access_key"),
        ("secret_access_key", "access_key_id"),
    ] {
        if r.has(one) && !r.has(other) {
            r.fail(one, format!("is of no use alone; add {other}"));
        }
    }
    if r.has("access_key_id") && r.has("profile") {
        r.fail(
            "profile",
            "cannot stand beside access_key_id; keep one of them",
        );
    }
    Some(AccessKey {
        id: id?,
        secret: secret?,
    })
}
