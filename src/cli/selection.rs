//! Which accounts, regions and services a scan or a pull is about.

use clap::Args;

use super::summary::Told;
use crate::jobs::Selection;

#[derive(Debug, Clone, Args)]
pub struct Selected {
    /// Account number or name; without it all that are watched
    #[arg(long, value_name = "ACCOUNT", value_delimiter = ',')]
    account: Vec<String>,
    /// Region; without it all of each account
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    region: Vec<String>,
    /// Technology (scan) or source (pull); without it all
    #[arg(long, value_name = "NAME", value_delimiter = ',', visible_aliases = ["technology", "source"])]
    service: Vec<String>,
    #[command(flatten)]
    pub told: Told,
}

impl Selected {
    pub fn selection(&self) -> Selection {
        Selection {
            accounts: self.account.clone(),
            regions: self.region.clone(),
            services: self.service.clone(),
            full: false,
        }
    }
}
