//! What tests and the demo's scripted person do on the Jira stand-in, past the API.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::call::{By, Refusal};
use super::fields::Change;
use super::site::{Comment, Issue, Site, is_marker};
use super::users::User;
use super::{JiraStandIn, adf};
use crate::faults::{Faults, Scripted};

/// An issue as a test reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Ticket {
    pub id: String,
    pub key: String,
    pub summary: String,
    /// Name of its status.
    pub status: String,
    /// Category of its status: `new`, `indeterminate`, `done`.
    pub category: String,
    pub labels: Vec<String>,
    pub marker: Option<String>,
    /// As stored: text, ids, ADF.
    pub fields: serde_json::Map<String, Value>,
    pub properties: BTreeMap<String, Value>,
    pub comments: Vec<Remark>,
    pub remote_links: Vec<Value>,
}

/// A comment as a test reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Remark {
    pub id: String,
    pub author: String,
    pub update_author: String,
    pub text: String,
    pub properties: BTreeMap<String, Value>,
}

impl JiraStandIn {
    /// All issues, by id.
    pub fn issues(&self) -> Vec<Ticket> {
        let site = self.jira.site();
        site.issues.values().map(|i| ticket(&site, i)).collect()
    }

    pub fn issue(&self, key: &str) -> Option<Ticket> {
        let site = self.jira.site();
        site.find(key)
            .and_then(|id| site.issues.get(&id))
            .map(|i| ticket(&site, i))
    }

    /// Keys of the issues made through the API under one marker, where there is more than one; deleted ones count, clones do not.
    pub fn duplicates(&self) -> BTreeMap<String, Vec<String>> {
        let mut by_marker: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (marker, key) in &self.jira.site().born {
            by_marker
                .entry(marker.clone())
                .or_default()
                .push(key.clone());
        }
        by_marker.retain(|_, keys| keys.len() > 1);
        by_marker
    }

    /// A person comments in plain text, a paragraph a line; returns the comment's id.
    ///
    /// # Errors
    /// As the API refuses, for instance an unknown key.
    pub fn person_comments(&self, key: &str, account: &str, text: &str) -> Result<String, Refusal> {
        self.person_comments_adf(key, account, &json!({ "body": adf::document(text) }))
    }

    /// As [`Self::person_comments`], with the body of the API (`body`, `visibility`, `properties`).
    ///
    /// # Errors
    /// As the API refuses.
    pub fn person_comments_adf(
        &self,
        key: &str,
        account: &str,
        body: &Value,
    ) -> Result<String, Refusal> {
        self.on(key, |site, id| {
            site.add_comment(id, body, &By::person(account))
                .map(|c| c.to_string())
        })
    }

    /// `account` changes the text of a comment, its own or another's.
    ///
    /// # Errors
    /// 404 if there is no such comment.
    pub fn person_edits_comment(
        &self,
        comment: &str,
        account: &str,
        text: &str,
    ) -> Result<(), Refusal> {
        let body = json!({ "body": adf::document(text) });
        self.jira
            .site()
            .edit_comment(number(comment)?, &body, &By::person(account))
    }

    /// # Errors
    /// 404 if there is no such comment.
    pub fn person_deletes_comment(&self, comment: &str, account: &str) -> Result<(), Refusal> {
        self.jira
            .site()
            .delete_comment(number(comment)?, &By::person(account))
    }

    /// As [`Self::person_deletes_comment`], but only when the next page of comments has been read.
    ///
    /// # Errors
    /// If the id is not a number.
    pub fn person_deletes_comment_between_pages(
        &self,
        comment: &str,
        account: &str,
    ) -> Result<(), Refusal> {
        self.jira.site().deleted_next = Some((number(comment)?, By::person(account)));
        Ok(())
    }

    /// Only members of `group` can read the comment from now on.
    ///
    /// # Errors
    /// 404 if there is no such comment.
    pub fn restrict_comment(&self, comment: &str, group: &str) -> Result<(), Refusal> {
        let mut site = self.jira.site();
        site.comment_mut(number(comment)?)?.1.visibility =
            json!({ "type": "group", "value": group, "identifier": format!("id-{group}") });
        Ok(())
    }

    /// Moves an issue to a status by its name, along whatever move is open.
    ///
    /// # Errors
    /// 409 if no move leads there.
    pub fn person_moves(&self, key: &str, account: &str, status: &str) -> Result<(), Refusal> {
        self.on(key, |site, id| {
            site.move_to(id, status, &By::person(account))
        })
    }

    /// Changes fields as an edit's body names them (`{"summary": …}`).
    ///
    /// # Errors
    /// As the API refuses.
    pub fn person_edits(&self, key: &str, account: &str, fields: &Value) -> Result<(), Refusal> {
        self.on(key, |site, id| {
            site.edit(id, &json!({ "fields": fields }), &By::person(account))
        })
    }

    /// # Errors
    /// 404 if it is not there.
    pub fn person_labels(
        &self,
        key: &str,
        account: &str,
        add: &[&str],
        remove: &[&str],
    ) -> Result<(), Refusal> {
        let owned = |list: &[&str]| list.iter().map(|l| (*l).to_owned()).collect();
        let change = Change::Labels {
            add: owned(add),
            remove: owned(remove),
        };
        self.on(key, |site, id| {
            change.apply(&mut site.issue_mut(id)?.fields, "labels");
            site.touch(id);
            site.note(
                "issue.edited",
                id,
                &By::person(account),
                json!({ "fields": ["labels"] }),
            );
            Ok(())
        })
    }

    /// # Errors
    /// 404 if it is not there.
    pub fn delete(&self, key: &str, account: &str) -> Result<(), Refusal> {
        self.on(key, |site, id| site.delete(id, &By::person(account)))
    }

    /// A person clones an issue: fields and labels are copied, properties and comments are not. Returns the new key.
    ///
    /// # Errors
    /// 404 if it is not there.
    pub fn clone_issue(&self, key: &str, account: &str) -> Result<String, Refusal> {
        self.on(key, |site, id| {
            let issue = site.issue(id)?.clone();
            let mut fields = issue.fields;
            fields.insert(
                "summary".to_owned(),
                json!(format!(
                    "CLONE - {}",
                    fields["summary"].as_str().unwrap_or_default()
                )),
            );
            fields.remove("resolution");
            let clone = site.insert(
                &issue.project,
                issue.issue_type,
                fields,
                BTreeMap::new(),
                account,
            );
            site.note(
                "issue.cloned",
                clone,
                &By::person(account),
                json!({ "of": id.to_string() }),
            );
            Ok(site.issue(clone)?.key())
        })
    }

    /// A person moves an issue to another project: the key changes, the id stays, the old key still leads to it. Returns the new key.
    ///
    /// # Errors
    /// 404 if the issue or the project is not there.
    pub fn move_issue(&self, key: &str, account: &str, project: &str) -> Result<String, Refusal> {
        self.on(key, |site, id| {
            let to = site
                .project(project)
                .map(|p| p.key.clone())
                .ok_or_else(|| Refusal::not_found("There is no such project."))?;
            let number = site.next_number(&to);
            let issue = site.issue_mut(id)?;
            issue.old_keys.push(issue.key());
            (issue.project, issue.number) = (to, number);
            site.touch(id);
            site.note(
                "issue.rekeyed",
                id,
                &By::person(account),
                json!({ "from": key }),
            );
            Ok(site.issue(id)?.key())
        })
    }

    /// Replaces the faults by chance.
    pub fn set_faults(&self, faults: Faults) {
        self.faults.set(faults);
    }

    /// Adds a scripted fault.
    pub fn script(&self, fault: Scripted) {
        self.faults.script(fault);
    }

    /// The token dies: every later call with it is anonymous.
    pub fn revoke_token(&self) {
        self.jira.site().credentials.clear();
    }

    /// The token lives again.
    pub fn restore_token(&self) {
        let pair = (
            self.email.clone(),
            self.token.clone(),
            self.own_account.clone(),
        );
        self.jira.site().credentials = vec![pair];
    }

    /// Permissions (`CREATE_ISSUES` …) our own account lacks from now on.
    pub fn deny(&self, permissions: &[&str]) {
        self.jira.site().denied = permissions
            .iter()
            .map(|p| (*p).to_owned())
            .collect::<BTreeSet<_>>();
    }

    /// Whether reading groups is refused.
    pub fn hide_groups(&self, hidden: bool) {
        self.jira.site().groups_hidden = hidden;
    }

    /// Changes an account or adds one.
    pub fn put_user(&self, user: User) {
        self.jira.site().users.insert(user.account_id.clone(), user);
    }

    pub fn user(&self, account: &str) -> Option<User> {
        self.jira.site().user(account).cloned()
    }

    fn on<T>(
        &self,
        key: &str,
        work: impl FnOnce(&mut Site, u64) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut site = self.jira.site();
        let id = site.find(key).ok_or_else(Refusal::no_issue)?;
        work(&mut site, id)
    }
}

fn number(comment: &str) -> Result<u64, Refusal> {
    comment
        .parse()
        .map_err(|_| Refusal::bad("The comment id is not a number."))
}

fn ticket(site: &Site, issue: &Issue) -> Ticket {
    let status = site.workflow().status(&issue.status);
    Ticket {
        id: issue.id.to_string(),
        key: issue.key(),
        summary: issue.text("summary"),
        status: status.map(|s| s.name.clone()).unwrap_or_default(),
        category: status.map(|s| s.category.clone()).unwrap_or_default(),
        labels: issue.labels(),
        marker: issue.labels().into_iter().find(|l| is_marker(l)),
        fields: issue.fields.clone(),
        properties: issue.properties.clone(),
        comments: issue.comments.iter().map(remark).collect(),
        remote_links: issue.remote_links.iter().map(|(_, l)| l.clone()).collect(),
    }
}

fn remark(comment: &Comment) -> Remark {
    Remark {
        id: comment.id.to_string(),
        author: comment.author.clone(),
        update_author: comment.update_author.clone(),
        text: adf::plain(&comment.body),
        properties: comment.properties.clone(),
    }
}
