//! What the project is like, asked once: its kind; and what it wants when an issue is made, issue type and create screen.

use std::collections::BTreeMap;

use poamd_contract::error::{Result, Retry};
use poamd_http::Call;

use crate::client::Api;
use crate::config::JiraConfig;
use crate::wire::{CreateFields, Field, IssueTypes, Project};

/// Entries per page of create metadata.
const PAGE: usize = 100;

#[derive(Debug)]
pub struct Screen {
    pub issue_type_id: String,
    /// By field id.
    pub fields: BTreeMap<String, Field>,
}

impl Screen {
    pub async fn load(api: &Api, config: &JiraConfig) -> Result<Self> {
        let issue_type_id = issue_type(api, config).await?;
        let fields = fields(api, config, &issue_type_id).await?;
        Ok(Self {
            issue_type_id,
            fields,
        })
    }
}

/// Whether it is a Jira Service Management project, whose comments customers can see. Apart from the create screen:
/// comments must be read where nothing may be created any more.
pub async fn service_desk(api: &Api, config: &JiraConfig) -> Result<bool> {
    let project: Project = api
        .ask(&Call::get(format!("rest/api/3/project/{}", config.project)))
        .await?;
    // Unknown kinds count as service desks: an internal note harms nobody, a public one may.
    Ok(!matches!(
        project.project_type_key.as_str(),
        "software" | "business"
    ))
}

async fn issue_type(api: &Api, config: &JiraConfig) -> Result<String> {
    let path = format!("rest/api/3/issue/createmeta/{}/issuetypes", config.project);
    let mut names: Vec<String> = Vec::new();
    loop {
        let call = Call::get(&path)
            .query("startAt", names.len().to_string())
            .query("maxResults", PAGE.to_string());
        let page: IssueTypes = api.ask(&call).await?;
        if let Some(found) = page
            .issue_types
            .iter()
            .find(|kind| kind.name.eq_ignore_ascii_case(&config.issue_type))
        {
            return Ok(found.id.clone());
        }
        let got = page.issue_types.len();
        names.extend(page.issue_types.into_iter().map(|kind| kind.name));
        if got == 0 || names.len() >= page.total {
            let cause = format!(
                "project {} offers this account no issue type {:?}, but: {}; set issue_type",
                config.project,
                config.issue_type,
                names.join(", ")
            );
            return Err(api.error(&call, Retry::Never, &cause));
        }
    }
}

async fn fields(
    api: &Api,
    config: &JiraConfig,
    issue_type: &str,
) -> Result<BTreeMap<String, Field>> {
    let path = format!(
        "rest/api/3/issue/createmeta/{}/issuetypes/{issue_type}",
        config.project
    );
    let mut fields = BTreeMap::new();
    let mut start = 0;
    loop {
        let call = Call::get(&path)
            .query("startAt", start.to_string())
            .query("maxResults", PAGE.to_string());
        let page: CreateFields = api.ask(&call).await?;
        start += page.fields.len();
        let done = page.fields.is_empty() || start >= page.total;
        fields.extend(
            page.fields
                .into_iter()
                .map(|field| (field.field_id.clone(), field)),
        );
        if done {
            return Ok(fields);
        }
    }
}
