//! The filters as options, the same on every list.

use clap::Args;

use crate::domain::rating::Rating;
use crate::query::filter::{Filter, Pattern};

/// Text filters but that of accounts take a part of the value or a glob (`*`, `?`), in any case. Several values: any of them.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Filters")]
pub struct Filters {
    /// Region, or "global"
    #[arg(long, value_name = "TEXT", value_delimiter = ',')]
    pub region: Vec<Pattern>,
    /// Technology: s3, iamuser, securitygroup …
    #[arg(long, value_name = "TEXT", value_delimiter = ',')]
    pub technology: Vec<Pattern>,
    /// Account number or name, whole or as a glob
    #[arg(long, value_name = "TEXT", value_delimiter = ',')]
    pub account: Vec<Pattern>,
    /// The account's label: Prod, Dev, Test …
    #[arg(long, value_name = "TEXT", value_delimiter = ',')]
    pub account_type: Vec<Pattern>,
    /// Name of an item
    #[arg(long, value_name = "TEXT", value_delimiter = ',')]
    pub name: Vec<Pattern>,
    /// ARN of an item
    #[arg(long, value_name = "TEXT")]
    pub arn: Vec<Pattern>,
    /// Text in an item's present configuration
    #[arg(long, value_name = "TEXT")]
    pub config_text: Vec<Pattern>,
    /// Least score
    #[arg(long, value_name = "POINTS", value_parser = tenths, allow_negative_numbers = true)]
    pub min_score: Option<i64>,
    /// Least score without what is justified
    #[arg(long, value_name = "POINTS", value_parser = tenths, allow_negative_numbers = true)]
    pub min_unjustified: Option<i64>,
    /// Status; an unknown one is answered with those there are
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub status: Vec<String>,
    /// Detector: policy, securityhub, guardduty, inspector …
    #[arg(long, value_name = "TEXT", value_delimiter = ',')]
    pub source: Vec<Pattern>,
    /// low, moderate, high
    #[arg(long, value_name = "RATING", value_delimiter = ',')]
    pub rating: Vec<Rating>,
}

impl Filters {
    /// The filter they ask for.
    pub fn filter(&self) -> Filter {
        Filter {
            region: self.region.clone(),
            technology: self.technology.clone(),
            account: self.account.clone(),
            account_type: self.account_type.clone(),
            name: self.name.clone(),
            arn: self.arn.clone(),
            config_text: self.config_text.clone(),
            min_score: self.min_score,
            min_unjustified: self.min_unjustified,
            status: self.status.iter().map(|s| s.to_lowercase()).collect(),
            source: self.source.clone(),
            rating: self.rating.clone(),
            desk: Vec::new(),
        }
    }

    /// Nobody asked for a status.
    pub fn any_status(&self) -> bool {
        self.status.is_empty()
    }
}

/// Points as people write them, in tenths.
fn tenths(text: &str) -> Result<i64, String> {
    let points: f64 = text
        .parse()
        .map_err(|_| format!("{text:?} is not a number of points such as 9 or 4.5"))?;
    if !(0.0..=1e9).contains(&points) {
        return Err(format!("{text:?} is no score: scores start at 0"));
    }
    Ok((points * 10.0).ceil() as i64)
}
