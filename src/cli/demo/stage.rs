//! The stand-ins of the demo and the configuration that points at them. Everything lies in one folder.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use poamd_contract::clock::Clock;
use poamd_sandbox::aws::{self, AwsStandIn};
use poamd_sandbox::estate::Estate;
use poamd_sandbox::history::History;
use poamd_sandbox::jira::{self, JiraOptions, JiraStandIn};
use poamd_sandbox::servicenow::{ServiceNowOptions, ServiceNowStandIn, options as people};
use poamd_sandbox::smtp::{self, SmtpStandIn};

/// The running stand-ins. They stop when this is dropped.
pub struct Stage {
    pub dir: PathBuf,
    pub config: PathBuf,
    pub aws: AwsStandIn,
    pub jira: JiraStandIn,
    pub servicenow: ServiceNowStandIn,
    pub smtp: SmtpStandIn,
}

/// The login the demo's mail server asks for.
const MAIL_USER: &str = "poamd";
const MAIL_PASSWORD: &str = "demo-mail-password";

impl Stage {
    /// Starts everything on loopback and writes `poamd.toml`. A folder that holds a demo already is refused: its
    /// tickets would point at stand-ins that are gone.
    pub async fn set(dir: &Path, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let taken = |name: &str| dir.join(name).exists();
        if taken("poamd.toml") || taken("poamd.db") {
            let why = format!(
                "{} holds an earlier demo, whose ticket systems are gone: name another folder with --dir, or remove it",
                dir.display()
            );
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
        }
        for folder in ["mails", "exports", "secrets"] {
            fs::create_dir_all(dir.join(folder))?;
        }
        let history = History::to_file(clock.clone(), &dir.join("history.jsonl"))?;
        let estate = Estate::bundled(clock.now());
        let accounts = account_sections(&estate);
        let aws = AwsStandIn::start(estate, aws::Options::new(history.clone())).await?;
        let jira = JiraStandIn::start(jira_options(), history.clone()).await?;
        let servicenow =
            ServiceNowStandIn::start(ServiceNowOptions::default(), history.clone()).await?;
        let smtp = SmtpStandIn::start(smtp::Options {
            login: Some((MAIL_USER.to_owned(), MAIL_PASSWORD.to_owned())),
            mails: Some(dir.join("mails")),
            ..smtp::Options::new(history)
        })
        .await?;
        let config = dir.join("poamd.toml");
        let stage = Self {
            dir: dir.to_owned(),
            config,
            aws,
            jira,
            servicenow,
            smtp,
        };
        stage.write_secrets()?;
        fs::write(&stage.config, stage.configuration(&accounts))?;
        Ok(stage)
    }

    fn write_secrets(&self) -> io::Result<()> {
        let secrets = [
            ("aws_access_key_id", self.aws.access_key_id.as_str()),
            ("aws_secret_access_key", self.aws.secret_access_key.as_str()),
            ("jira_token", self.jira.token.as_str()),
            ("servicenow_password", self.servicenow.password.as_str()),
            ("smtp_password", MAIL_PASSWORD),
        ];
        for (name, value) in secrets {
            let path = self.dir.join("secrets").join(name);
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(path)?;
            writeln!(file, "{value}")?;
        }
        Ok(())
    }

    /// The same file an operator would write, pointing at loopback.
    fn configuration(&self, accounts: &str) -> String {
        format!(
            r#"# Written by poamd demo. The stand-ins it points at live as long as the demo runs.
[deployment]
name = "demo"

[database]
url = "sqlite://poamd.db"

[aws]
endpoint_url = "{aws}"
access_key_id = {{ file = "secrets/aws_access_key_id" }}
secret_access_key = {{ file = "secrets/aws_secret_access_key" }}
budget = 1.0
{accounts}
[tickets]
creates_per_run = 1000

[[desks]]
name = "servicenow"
system = "servicenow"
url = "{servicenow}"
user = "{snow_user}"
password = {{ file = "secrets/servicenow_password" }}
accounts = ["records-gov"]
justifiers = ["{snow_justifier}"]
settle = "2s"

[[desks]]
name = "jira"
system = "jira-cloud"
url = "{jira}"
email = "{email}"
token = {{ file = "secrets/jira_token" }}
project = "{project}"
justifiers = ["{jira_justifier}"]
settle = "2s"

[mail]
host = "127.0.0.1"
port = {smtp_port}
security = "none"
user = "{MAIL_USER}"
password = {{ file = "secrets/smtp_password" }}
from = "POA&M demo <poamd@demo.example>"

[[reports]]
name = "weekly-poam"
schedule = "0 7 * * MON"
time_zone = "America/New_York"
recipients = ["The ISSO <isso@demo.example>"]

[telemetry]
level = "warn"
"#,
            aws = self.aws.url,
            servicenow = self.servicenow.url,
            snow_user = self.servicenow.user_name,
            snow_justifier = self.servicenow_id(people::ALLOWED),
            jira = self.jira.url,
            email = self.jira.email,
            project = self.jira.project,
            jira_justifier = jira::users::ALLOWED,
            smtp_port = self.smtp.port(),
        )
    }

    /// A person's `sys_id` on the ServiceNow stand-in.
    fn servicenow_id(&self, user_name: &str) -> String {
        self.servicenow
            .user(user_name)
            .and_then(|row| row.get("sys_id").map(ToString::to_string))
            .unwrap_or_default()
    }

    /// Where the stand-ins listen, for people who want to look at them.
    pub fn addresses(&self) -> [(&'static str, String); 4] {
        [
            ("AWS", self.aws.url.clone()),
            ("Jira", self.jira.url.clone()),
            ("ServiceNow", self.servicenow.url.clone()),
            ("mail", self.smtp.address().to_string()),
        ]
    }
}

/// A project whose keys nobody takes for the ids of records.
fn jira_options() -> JiraOptions {
    JiraOptions {
        project: "SEC".to_owned(),
        ..JiraOptions::default()
    }
}

/// The estate's accounts as declared ones.
fn account_sections(estate: &Estate) -> String {
    let mut text = String::new();
    for account in estate.accounts() {
        let regions: Vec<String> = account.regions().iter().map(|r| format!("{r:?}")).collect();
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n[[accounts]]\nid = {:?}\nname = {:?}\nlabel = {:?}\nrole = {:?}\nregions = [{}]\n",
            account.id,
            account.name,
            account.label,
            account.role,
            regions.join(", ")
        );
        if let Some(external_id) = &account.external_id {
            let _ = writeln!(text, "external_id = {external_id:?}");
        }
    }
    text
}
