//! Prints how many ASFF documents of about 3 KB one core parses a second, and how many it hashes.
//! `cargo run --release -p poamd-formats --example docs_per_second`

use std::time::Instant;

use poamd_contract::finding::Channel;
use poamd_formats::{content_hash, read_documents};

const DOCUMENTS: usize = 100_000;
const FIXTURES: [&str; 3] = [
    include_str!("../../../tests/fixtures/aws/asff/01-securityhub-s3.8-consolidated-failed.json"),
    include_str!("../../../tests/fixtures/aws/asff/06-guardduty-ec2-c2-high.json"),
    include_str!("../../../tests/fixtures/aws/asff/09-inspector-ec2-cve-kev-high.json"),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut file = String::from("{\"Findings\":[");
    for n in 0..DOCUMENTS {
        let reply: serde_json::Value = serde_json::from_str(FIXTURES[n % FIXTURES.len()])?;
        let mut finding = reply["Findings"][0].clone();
        finding["Id"] = format!("{}{n:08}", finding["Id"].as_str().unwrap_or_default()).into();
        if n > 0 {
            file.push(',');
        }
        file.push_str(&finding.to_string());
    }
    file.push_str("]}");
    println!(
        "{DOCUMENTS} documents, {} bytes each",
        file.len() / DOCUMENTS
    );

    let rounds: usize = std::env::args().nth(1).map_or(Ok(3), |n| n.parse())?;
    for round in 1..=rounds {
        let begin = Instant::now();
        let mut count = 0;
        let mut hashing = std::time::Duration::ZERO;
        let mut sum = 0u64;
        for page in read_documents(Channel::File, "bench", file.as_bytes()) {
            let page = page?;
            count += page.reports.len();
            let begin = Instant::now();
            for report in &page.reports {
                sum ^= content_hash(report);
            }
            hashing += begin.elapsed();
        }
        let parsing = begin.elapsed() - hashing;
        println!(
            "round {round}: {count} parsed at {:.0} a second, hashed at {:.0} a second ({sum:016x})",
            count as f64 / parsing.as_secs_f64(),
            count as f64 / hashing.as_secs_f64(),
        );
    }
    Ok(())
}
