//! Intelligence on CVEs as its publishers write it: CISA's KEV catalog (JSON), FIRST's EPSS scores (CSV), CISA's SSVC
//! answers in CVE records ("Vulnrichment"). Text in, entries out, or what is wrong with it: half a catalog is none.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use poamd_contract::clock::is_of_our_days;
use poamd_contract::ids::BadId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::clock::Impact;

/// The three kinds of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IntelKind {
    Kev,
    Epss,
    Ssvc,
}

impl IntelKind {
    pub const ALL: [Self; 3] = [Self::Kev, Self::Epss, Self::Ssvc];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kev => "kev",
            Self::Epss => "epss",
            Self::Ssvc => "ssvc",
        }
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Kev => "CISA KEV catalog",
            Self::Epss => "EPSS scores",
            Self::Ssvc => "SSVC answers (Vulnrichment)",
        }
    }

    /// Older than this it misleads: EPSS and KEV change daily to weekly, SSVC grows slowly.
    pub fn stale_after(self) -> TimeDelta {
        match self {
            Self::Kev | Self::Epss => TimeDelta::days(7),
            Self::Ssvc => TimeDelta::days(30),
        }
    }
}

impl AsRef<str> for IntelKind {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for IntelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for IntelKind {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        Self::ALL
            .into_iter()
            .find(|k| k.as_str() == text)
            .ok_or_else(|| BadId {
                text: text.to_owned(),
                expected: "a kind of intelligence (kev, epss, ssvc)",
            })
    }
}

/// One entry of the KEV catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KevEntry {
    pub cve: String,
    pub added: NaiveDate,
    pub due: NaiveDate,
    pub name: String,
    pub ransomware: bool,
    /// `forensicTriage` as printed; `None` in entries from before BOD 26-04.
    pub triage: Option<String>,
}

/// One EPSS score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpssEntry {
    pub cve: String,
    /// Probability of exploitation within 30 days, in millionths.
    pub epss: u32,
    /// In millionths.
    pub percentile: u32,
}

/// SSVC answers on one CVE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SsvcEntry {
    pub cve: String,
    /// `none`, `poc`, `active`.
    pub exploitation: Option<String>,
    pub automatable: Option<bool>,
    pub impact: Option<Impact>,
    pub at: Option<DateTime<Utc>>,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadIntel(pub String);

fn bad<T>(what: impl Into<String>) -> Result<T, BadIntel> {
    Err(BadIntel(what.into()))
}

/// `CVE-2026-1234`, in this case of letters.
pub fn is_cve(text: &str) -> bool {
    let Some((year, number)) = text
        .strip_prefix("CVE-")
        .and_then(|rest| rest.split_once('-'))
    else {
        return false;
    };
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    year.len() == 4 && (4..=19).contains(&number.len()) && digits(year) && digits(number)
}

fn short(text: &str) -> String {
    text.chars().take(60).flat_map(char::escape_debug).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KevFile {
    date_released: DateTime<Utc>,
    count: Option<usize>,
    vulnerabilities: Vec<KevLine>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KevLine {
    #[serde(rename = "cveID")]
    cve: String,
    date_added: NaiveDate,
    due_date: NaiveDate,
    #[serde(default)]
    vulnerability_name: String,
    #[serde(default)]
    known_ransomware_campaign_use: String,
    forensic_triage: Option<String>,
}

/// The catalog: its date of release and its entries.
pub fn kev(text: &[u8]) -> Result<(DateTime<Utc>, Vec<KevEntry>), BadIntel> {
    let file: KevFile = serde_json::from_slice(text)
        .map_err(|e| BadIntel(format!("is no KEV catalog as CISA writes it: {e}")))?;
    if let Some(count) = file.count.filter(|n| *n != file.vulnerabilities.len()) {
        return bad(format!(
            "says count {count} and has {} entries: it was cut off or changed",
            file.vulnerabilities.len()
        ));
    }
    if file.vulnerabilities.is_empty() {
        return bad("has no entry");
    }
    let mut entries = Vec::with_capacity(file.vulnerabilities.len());
    for line in file.vulnerabilities {
        if !is_cve(&line.cve) {
            return bad(format!(
                "has the entry {:?}, which is no CVE id",
                short(&line.cve)
            ));
        }
        if ![line.date_added, line.due_date].iter().all(is_of_our_days) {
            return bad(format!(
                "says of {} that it was added on {} and is due on {}: these are no days of a catalog",
                line.cve, line.date_added, line.due_date
            ));
        }
        entries.push(KevEntry {
            cve: line.cve,
            added: line.date_added,
            due: line.due_date,
            name: line.vulnerability_name,
            ransomware: line
                .known_ransomware_campaign_use
                .eq_ignore_ascii_case("known"),
            triage: line.forensic_triage,
        });
    }
    if !is_of_our_days(&file.date_released.date_naive()) {
        return bad(format!(
            "says that it was released on {}",
            file.date_released
        ));
    }
    Ok((file.date_released, unique(entries, |e| &e.cve)?))
}

/// The scores: the date of the model's run and the entries.
pub fn epss(text: &str) -> Result<(DateTime<Utc>, Vec<EpssEntry>), BadIntel> {
    let mut lines = text.lines().enumerate();
    let Some((_, head)) = lines.next() else {
        return bad("is empty");
    };
    let date = head
        .strip_prefix('#')
        .and_then(|head| {
            head.split(',')
                .find_map(|part| part.trim().strip_prefix("score_date:"))
        })
        .and_then(score_date)
        .filter(|at| is_of_our_days(&at.date_naive()));
    let Some(date) = date else {
        return bad(
            "has no first line \"#model_version:…,score_date:…\": it is no EPSS file as FIRST writes it",
        );
    };
    match lines.next() {
        Some((_, columns)) if columns.trim() == "cve,epss,percentile" => {}
        _ => return bad("has no second line \"cve,epss,percentile\""),
    }
    let mut entries = Vec::new();
    for (number, line) in lines {
        if line.trim().is_empty() {
            continue;
        }
        let entry = epss_line(line).ok_or_else(|| {
            BadIntel(format!(
                "line {}: {:?} is not a CVE id and two numbers from 0 to 1",
                number + 1,
                short(line)
            ))
        })?;
        entries.push(entry);
    }
    if entries.is_empty() {
        return bad("has no entry");
    }
    Ok((date, unique(entries, |e| &e.cve)?))
}

/// `2026-11-20T00:00:00+0000`, `2026-11-20`.
fn score_date(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z")
        .map(|at| at.with_timezone(&Utc))
        .ok()
        .or_else(|| text.parse().ok())
        .or_else(|| {
            text.parse::<NaiveDate>()
                .ok()
                .and_then(|day| day.and_hms_opt(0, 0, 0))
                .map(|at| at.and_utc())
        })
}

fn epss_line(line: &str) -> Option<EpssEntry> {
    let mut parts = line.trim_end_matches('\r').split(',');
    let (cve, epss, percentile) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !is_cve(cve) {
        return None;
    }
    let millionths = |text: &str| {
        text.parse::<f64>()
            .ok()
            .filter(|p| (0.0..=1.0).contains(p))
            .map(|p| (p * 1e6).round() as u32)
    };
    Some(EpssEntry {
        cve: cve.to_owned(),
        epss: millionths(epss)?,
        percentile: millionths(percentile)?,
    })
}

/// The SSVC answers in a CVE record (format 5), as CISA's container adds them; `None` if the record has none.
pub fn ssvc(record: &Value) -> Result<Option<SsvcEntry>, BadIntel> {
    let Some(cve) = record.pointer("/cveMetadata/cveId").and_then(Value::as_str) else {
        return bad("is no CVE record: it has no cveMetadata.cveId");
    };
    if !is_cve(cve) {
        return bad(format!("names {:?}, which is no CVE id", short(cve)));
    }
    let containers = record
        .pointer("/containers/adp")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let contents = containers
        .iter()
        .filter_map(|container| container.get("metrics")?.as_array())
        .flatten()
        .filter_map(|metric| metric.get("other"))
        .filter(|other| other.get("type").and_then(Value::as_str) == Some("ssvc"))
        .filter_map(|other| other.get("content"));
    // The newest answers count.
    let at = |content: &Value| -> Option<DateTime<Utc>> {
        let at: DateTime<Utc> = content.get("timestamp")?.as_str()?.parse().ok()?;
        Some(at).filter(|at| is_of_our_days(&at.date_naive()))
    };
    Ok(contents.max_by_key(|content| at(content)).map(|content| {
        let answer = |name: &str| -> Option<String> {
            let options = content.get("options")?.as_array()?;
            let text = options.iter().find_map(|option| option.get(name)?.as_str());
            text.map(str::to_lowercase)
        };
        SsvcEntry {
            cve: cve.to_owned(),
            exploitation: answer("Exploitation")
                .filter(|word| ["none", "poc", "active"].contains(&word.as_str())),
            automatable: match answer("Automatable").as_deref() {
                Some("yes") => Some(true),
                Some("no") => Some(false),
                _ => None,
            },
            impact: answer("Technical Impact").and_then(|word| Impact::parse(&word)),
            at: at(content),
        }
    }))
}

/// What a file holds, by its first bytes and its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Kev,
    Epss,
    CveRecord,
}

/// Tells the kinds apart by content. `json` is the file as JSON if it is any.
pub fn shape(bytes: &[u8], json: Option<&Value>) -> Option<Shape> {
    if let Some(json) = json {
        if json.get("vulnerabilities").is_some() && json.get("catalogVersion").is_some() {
            return Some(Shape::Kev);
        }
        return (json.pointer("/cveMetadata/cveId").is_some()).then_some(Shape::CveRecord);
    }
    let head = &bytes[..bytes.len().min(200)];
    let head = String::from_utf8_lossy(head);
    (head.starts_with("#model_version") || head.starts_with("cve,epss")).then_some(Shape::Epss)
}

fn unique<T>(mut entries: Vec<T>, cve: impl Fn(&T) -> &String) -> Result<Vec<T>, BadIntel> {
    entries.sort_by(|a, b| cve(a).cmp(cve(b)));
    match entries.windows(2).find(|two| cve(&two[0]) == cve(&two[1])) {
        Some(two) => bad(format!("has {} twice", cve(&two[0]))),
        None => Ok(entries),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cve_ids_are_known_by_their_form() {
        for good in ["CVE-2014-0160", "CVE-2026-1234567"] {
            assert!(is_cve(good), "{good}");
        }
        for bad in [
            "cve-2014-0160",
            "CVE-14-0160",
            "CVE-2014-016",
            "CVE-2014-01x0",
            "ALAS-1",
            "",
        ] {
            assert!(!is_cve(bad), "{bad}");
        }
    }

    fn catalog() -> Value {
        json!({
            "catalogVersion": "2026.11.17", "dateReleased": "2026-11-17T17:00:00.0000Z", "count": 1,
            "vulnerabilities": [{ "cveID": "CVE-2099-90001", "dateAdded": "2026-11-17", "dueDate": "2026-11-20",
                "vulnerabilityName": "X", "knownRansomwareCampaignUse": "Known", "forensicTriage": "Yes" }]
        })
    }

    #[test]
    fn a_catalog_is_read_whole_or_not_at_all() {
        let read = |value: &Value| kev(value.to_string().as_bytes());
        let (released, entries) = read(&catalog()).unwrap();
        assert_eq!(
            released,
            "2026-11-17T17:00:00Z".parse::<DateTime<Utc>>().unwrap()
        );
        assert_eq!(entries[0].due, "2026-11-20".parse().unwrap());
        assert!(entries[0].ransomware && entries[0].triage.as_deref() == Some("Yes"));
        for (change, want) in [
            (json!({ "count": 2 }), "cut off"),
            (json!({ "vulnerabilities": [], "count": 0 }), "no entry"),
            (json!({ "dateReleased": "yesterday" }), "no KEV catalog"),
            (
                json!({ "dateReleased": "+262142-12-31T00:00:00Z" }),
                "released on",
            ),
        ] {
            let mut broken = catalog();
            for (key, value) in change.as_object().unwrap() {
                broken[key] = value.clone();
            }
            let error = read(&broken).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
        let mut broken = catalog();
        broken["vulnerabilities"][0]["cveID"] = json!("CVE-X");
        assert!(read(&broken).unwrap_err().0.contains("no CVE id"));
        for (key, far) in [("dueDate", "+262142-12-31"), ("dateAdded", "-262143-01-01")] {
            broken = catalog();
            broken["vulnerabilities"][0][key] = json!(far);
            let error = read(&broken).unwrap_err().0;
            assert!(error.contains("no days of a catalog"), "{error}");
        }
        broken = catalog();
        let twice = broken["vulnerabilities"][0].clone();
        broken["vulnerabilities"]
            .as_array_mut()
            .unwrap()
            .push(twice);
        broken["count"] = json!(2);
        assert!(read(&broken).unwrap_err().0.contains("twice"));
    }

    #[test]
    fn scores_are_read_to_the_millionth_and_a_bad_line_is_named() {
        let file = "#model_version:v2026.03.14,score_date:2026-11-20T00:00:00+0000\ncve,epss,percentile\n\
            CVE-2014-0160,0.94464,0.99987\r\nCVE-2026-1000,0.00001,1\n";
        let (date, entries) = epss(file).unwrap();
        assert_eq!(
            date,
            "2026-11-20T00:00:00Z".parse::<DateTime<Utc>>().unwrap()
        );
        assert_eq!((entries[0].epss, entries[0].percentile), (944_640, 999_870));
        assert_eq!((entries[1].epss, entries[1].percentile), (10, 1_000_000));
        for (file, want) in [
            ("", "is empty"),
            ("cve,epss,percentile\nCVE-2014-0160,1,1", "no first line"),
            ("#score_date:2026-11-20\nCVE,x", "no second line"),
            ("#score_date:2026-11-20\ncve,epss,percentile\n", "no entry"),
            (
                "#score_date:2026-11-20\ncve,epss,percentile\nCVE-2014-0160,2,1",
                "line 3",
            ),
            (
                "#score_date:2026-11-20\ncve,epss,percentile\nCVE-2014-0160,1",
                "line 3",
            ),
        ] {
            let error = epss(file).unwrap_err().to_string();
            assert!(error.contains(want), "{file}: {error}");
        }
    }

    fn record(answers: &[(&str, &str, &str)]) -> Value {
        let metrics: Vec<Value> = answers
            .iter()
            .map(|(at, automatable, impact)| {
                json!({ "other": { "type": "ssvc", "content": { "timestamp": at, "options": [
                    { "Exploitation": "active" }, { "Automatable": automatable }, { "Technical Impact": impact } ] } } })
            })
            .collect();
        json!({ "dataType": "CVE_RECORD", "cveMetadata": { "cveId": "CVE-2026-1000" },
            "containers": { "adp": [ { "metrics": [ { "other": { "type": "kev" } } ] }, { "metrics": metrics } ] } })
    }

    #[test]
    fn the_newest_answers_of_a_record_count_and_unknown_words_are_none() {
        let got = ssvc(&record(&[
            ("2026-11-02T10:00:00.123456Z", "yes", "total"),
            ("2026-11-01T10:00:00Z", "no", "partial"),
        ]))
        .unwrap()
        .unwrap();
        assert_eq!(
            (got.automatable, got.impact, got.exploitation.as_deref()),
            (Some(true), Some(Impact::Total), Some("active"))
        );
        let odd = ssvc(&record(&[("2026-11-02T10:00:00Z", "perhaps", "huge")]))
            .unwrap()
            .unwrap();
        assert_eq!((odd.automatable, odd.impact), (None, None));
        assert_eq!(ssvc(&record(&[])).unwrap(), None);
        assert!(ssvc(&json!({})).is_err());
    }

    #[test]
    fn files_are_told_apart_by_content() {
        let shape_of =
            |text: &str| shape(text.as_bytes(), serde_json::from_str(text).ok().as_ref());
        assert_eq!(shape_of(&catalog().to_string()), Some(Shape::Kev));
        assert_eq!(shape_of(&record(&[]).to_string()), Some(Shape::CveRecord));
        assert_eq!(
            shape_of("#model_version:v1,score_date:x\n"),
            Some(Shape::Epss)
        );
        assert_eq!(shape_of("{}"), None);
        assert_eq!(shape_of("hello"), None);
    }
}
