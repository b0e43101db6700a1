//! Comments of issues: list, add, get, edit, delete, and many by id.

use std::collections::BTreeMap;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::MethodFilter;
use serde_json::{Value, json};

use super::call::{Answer, By, Call, Done, Refusal};
use super::site::{Comment, Issue, Site};
use super::users::page;
use super::{Jira, adf, fields, op};

/// The comment property that makes a comment of a service project internal.
const INTERNAL: &str = "sd.public.comment";

pub fn routes() -> Router<Jira> {
    let one = op(MethodFilter::GET, get)
        .merge(op(MethodFilter::PUT, edit))
        .merge(op(MethodFilter::DELETE, delete));
    Router::new()
        .route(
            "/rest/api/3/issue/{issueIdOrKey}/comment",
            op(MethodFilter::GET, list).merge(op(MethodFilter::POST, add)),
        )
        .route("/rest/api/3/issue/{issueIdOrKey}/comment/{id}", one)
        .route("/rest/api/3/comment/list", op(MethodFilter::POST, by_ids))
}

fn list(site: &mut Site, call: &Call) -> Answer {
    let id = site.browse(call, call.param("issueIdOrKey"))?;
    let issue = site.issue(id)?;
    let mut visible = site.visible(issue, call.caller.as_deref());
    if call.query("orderBy") == Some("-created") {
        visible.reverse();
    }
    let properties = expands_properties(site, call);
    let shown = visible
        .into_iter()
        .map(|c| site.shown_comment(id, c, call.caller.as_deref(), properties))
        .collect();
    let mut page = page("comments", shown, call, 100);
    if let Some(page) = page.as_object_mut() {
        page.remove("isLast");
    }
    if let Some((comment, by)) = site.deleted_next.take() {
        site.delete_comment(comment, &by)?;
    }
    Ok(Done::ok(page))
}

fn add(site: &mut Site, call: &Call) -> Answer {
    let id = site.writable(call, call.param("issueIdOrKey"), "ADD_COMMENTS")?;
    let comment = site.add_comment(id, &call.body, &call.signed_in()?)?;
    let comment = site.comment(comment)?.1;
    Ok(Done::created(site.shown_comment(
        id,
        comment,
        call.caller.as_deref(),
        expands_properties(site, call),
    )))
}

fn get(site: &mut Site, call: &Call) -> Answer {
    let (issue, comment) = asked(site, call)?;
    let comment = site.comment(comment)?.1;
    Ok(Done::ok(site.shown_comment(
        issue,
        comment,
        call.caller.as_deref(),
        expands_properties(site, call),
    )))
}

fn edit(site: &mut Site, call: &Call) -> Answer {
    let (issue, comment) = asked(site, call)?;
    site.writable(call, &issue.to_string(), "EDIT_OWN_COMMENTS")?;
    let by = call.signed_in()?;
    own(site, comment, &by)?;
    site.edit_comment(comment, &call.body, &by)?;
    let comment = site.comment(comment)?.1;
    Ok(Done::ok(site.shown_comment(
        issue,
        comment,
        call.caller.as_deref(),
        expands_properties(site, call),
    )))
}

fn delete(site: &mut Site, call: &Call) -> Answer {
    let (issue, comment) = asked(site, call)?;
    site.writable(call, &issue.to_string(), "DELETE_OWN_COMMENTS")?;
    let by = call.signed_in()?;
    own(site, comment, &by)?;
    site.delete_comment(comment, &by)?;
    Ok(Done::empty())
}

/// Up to 1,000; those that are absent or hidden are left out.
fn by_ids(site: &mut Site, call: &Call) -> Answer {
    let ids: Vec<u64> = serde_json::from_value(call.body["ids"].clone()).unwrap_or_default();
    if ids.len() > 1_000 {
        return Err(Refusal::bad("The number of comment ids is more than 1000."));
    }
    let caller = call.caller.as_deref();
    let found = ids.into_iter().filter_map(|id| site.comment(id).ok());
    let visible = found.filter(|(_, c)| caller.is_some_and(|a| site.sees(c, a)));
    let shown = visible
        .map(|(issue, c)| site.shown_comment(issue, c, caller, expands_properties(site, call)))
        .collect();
    Ok(Done::ok(page("values", shown, call, 1_000)))
}

fn expands_properties(site: &Site, call: &Call) -> bool {
    site.options.expands_comment_properties && call.list("expand").iter().any(|e| e == "properties")
}

/// Issue and comment of the path, if the caller sees both.
fn asked(site: &Site, call: &Call) -> Result<(u64, u64), Refusal> {
    let issue = site.browse(call, call.param("issueIdOrKey"))?;
    let id = call.param("id");
    let unknown = || Refusal::not_found(&format!("Can not find a comment for the id: {id}."));
    let comments = site.visible(site.issue(issue)?, call.caller.as_deref());
    let found = comments
        .into_iter()
        .find(|c| c.id.to_string() == id)
        .map(|c| c.id);
    Ok((issue, found.ok_or_else(unknown)?))
}

fn own(site: &Site, comment: u64, by: &By) -> Result<(), Refusal> {
    if site.comment(comment)?.1.author == by.account {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::BAD_REQUEST)
        .message("You do not have the permission to change this comment."))
}

impl Site {
    /// # Errors
    /// 400 if the body is not rich text or the restriction names nobody; 413 beyond 5,000 comments.
    pub fn add_comment(&mut self, issue: u64, body: &Value, by: &By) -> Result<u64, Refusal> {
        self.checked(body)?;
        let mut properties = BTreeMap::new();
        for property in body["properties"].as_array().into_iter().flatten() {
            let (key, value) = fields::property(property["key"].as_str(), &property["value"])?;
            properties.insert(key, value);
        }
        if self.issue(issue)?.comments.len() >= 5_000 {
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE)
                .message("The issue has too many comments."));
        }
        let (id, now) = (self.next_id(), self.now());
        let comment = Comment {
            id,
            author: by.account.clone(),
            update_author: by.account.clone(),
            body: body["body"].clone(),
            created: now,
            updated: now,
            visibility: body["visibility"].clone(),
            properties,
        };
        let text = adf::plain(&comment.body);
        self.issue_mut(issue)?.comments.push(comment);
        self.touch(issue);
        self.note(
            "comment.created",
            issue,
            by,
            json!({ "comment": id.to_string(), "text": text }),
        );
        Ok(id)
    }

    /// The comments an edit or a move brings along, each checked before anything is changed.
    ///
    /// # Errors
    /// As [`Site::add_comment`].
    pub fn comments_in(&self, body: &Value) -> Result<Vec<Value>, Refusal> {
        let brought = body["update"]["comment"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|c| c["add"].clone());
        brought.map(|c| self.checked(&c).map(|()| c)).collect()
    }

    fn checked(&self, body: &Value) -> Result<(), Refusal> {
        if let Some(why) = adf::refusal(&body["body"]) {
            let fields = BTreeMap::from([("comment".to_owned(), why)]);
            return Err(Refusal::fields(fields).message("Comment body is not valid!"));
        }
        let visibility = &body["visibility"];
        let group = visibility["value"]
            .as_str()
            .or(visibility["identifier"].as_str());
        let known = |g: &str| {
            self.users
                .values()
                .any(|u| u.groups.iter().any(|n| n == g || format!("id-{n}") == g))
        };
        if visibility["type"] == "group" && !group.is_some_and(known) {
            return Err(Refusal::bad(
                "The group of the comment's restriction does not exist.",
            ));
        }
        Ok(())
    }

    /// Changes the text, and restriction and properties if they are given. The earlier text is gone.
    ///
    /// # Errors
    /// As [`Site::add_comment`].
    pub fn edit_comment(&mut self, comment: u64, body: &Value, by: &By) -> Result<(), Refusal> {
        self.checked(body)?;
        let now = self.now();
        let (issue, kept) = self.comment_mut(comment)?;
        kept.body = body["body"].clone();
        kept.updated = now;
        kept.update_author.clone_from(&by.account);
        if let Some(visibility) = body.get("visibility") {
            kept.visibility = visibility.clone();
        }
        for property in body["properties"].as_array().into_iter().flatten() {
            let (key, value) = fields::property(property["key"].as_str(), &property["value"])?;
            kept.properties.insert(key, value);
        }
        let text = adf::plain(&kept.body);
        self.touch(issue);
        self.note(
            "comment.edited",
            issue,
            by,
            json!({ "comment": comment.to_string(), "text": text }),
        );
        Ok(())
    }

    /// # Errors
    /// 404 if it is not there.
    pub fn delete_comment(&mut self, comment: u64, by: &By) -> Result<(), Refusal> {
        let (issue, _) = self.comment(comment)?;
        self.issue_mut(issue)?.comments.retain(|c| c.id != comment);
        self.note(
            "comment.deleted",
            issue,
            by,
            json!({ "comment": comment.to_string() }),
        );
        Ok(())
    }

    /// A comment and the id of its issue.
    ///
    /// # Errors
    /// 404 if it is not there.
    pub fn comment(&self, id: u64) -> Result<(u64, &Comment), Refusal> {
        let all = self
            .issues
            .values()
            .flat_map(|i| i.comments.iter().map(move |c| (i.id, c)));
        all.into_iter()
            .find(|(_, c)| c.id == id)
            .ok_or_else(|| no_comment(id))
    }

    pub fn comment_mut(&mut self, id: u64) -> Result<(u64, &mut Comment), Refusal> {
        let mut all = self.issues.values_mut().flat_map(|i| {
            let issue = i.id;
            i.comments.iter_mut().map(move |c| (issue, c))
        });
        all.find(|(_, c)| c.id == id).ok_or_else(|| no_comment(id))
    }

    /// Comments this caller may read, oldest first: a restricted one is missing without a sign.
    pub fn visible<'a>(&self, issue: &'a Issue, caller: Option<&str>) -> Vec<&'a Comment> {
        issue
            .comments
            .iter()
            .filter(|c| caller.is_some_and(|a| self.sees(c, a)))
            .collect()
    }

    fn sees(&self, comment: &Comment, account: &str) -> bool {
        let restricted = comment.visibility["value"]
            .as_str()
            .or(comment.visibility["identifier"].as_str());
        let groups = self
            .user(account)
            .map(|u| u.groups.as_slice())
            .unwrap_or_default();
        restricted.is_none_or(|to| groups.iter().any(|g| g == to || format!("id-{g}") == to))
    }

    pub fn comment_page(&self, issue: &Issue, caller: Option<&str>) -> Value {
        let visible = self.visible(issue, caller);
        let shown: Vec<Value> = visible
            .into_iter()
            .map(|c| self.shown_comment(issue.id, c, caller, false))
            .collect();
        json!({ "startAt": 0, "maxResults": shown.len(), "total": shown.len(), "comments": shown })
    }

    pub fn shown_comment(
        &self,
        issue: u64,
        comment: &Comment,
        caller: Option<&str>,
        properties: bool,
    ) -> Value {
        let person = |account: &str| self.user(account).map(|u| u.shown(&self.base));
        let internal = comment
            .properties
            .get(INTERNAL)
            .is_some_and(|p| p["internal"] == true);
        let mut shown = json!({
            "self": format!("{}/rest/api/3/issue/{issue}/comment/{}", self.base, comment.id), "id": comment.id.to_string(),
            "author": person(&comment.author), "updateAuthor": person(&comment.update_author), "body": comment.body,
            "created": self.time(comment.created, caller), "updated": self.time(comment.updated, caller),
            "jsdPublic": !(self.options.service_desk && internal),
        });
        if !comment.visibility.is_null() {
            shown["visibility"] = comment.visibility.clone();
        }
        if properties {
            shown["properties"] = comment
                .properties
                .iter()
                .map(|(k, v)| json!({ "key": k, "value": v }))
                .collect();
        }
        shown
    }
}

fn no_comment(id: u64) -> Refusal {
    Refusal::not_found(&format!("Can not find a comment for the id: {id}."))
}
