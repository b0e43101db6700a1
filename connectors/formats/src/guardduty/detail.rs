//! What GuardDuty knows beyond the common words: who, from where, to what.

use poamd_contract::detail::{Attack, Detail};
use serde::Deserialize;

use super::GuardDuty;
use super::shape::{Affected, Container, Instance, Service};
use crate::attack::Story;
use crate::lenient::{Part, Text};
use crate::reach::tags;

/// The JSON text in `additionalInfo.value`, as far as it says what a finding rests on.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Inner<'a> {
    #[serde(rename = "threatListName")]
    list: Text<'a>,
    #[serde(rename = "threatName")]
    threat: Text<'a>,
    #[serde(rename = "threatFileSha256")]
    file: Text<'a>,
    #[serde(rename = "userAgent")]
    agent: Part<Agent<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Agent<'a> {
    #[serde(rename = "fullUserAgent")]
    full: Text<'a>,
}

impl GuardDuty<'_> {
    pub(super) fn detail(&self) -> Detail {
        let mut story = Story::default();
        of_service(&mut story, &self.service);
        of_resource(&mut story, &self.resource);
        let attack: Option<Attack> = story.end();
        Detail {
            attack,
            tags: tags(Some(&self.resource.instance.tags)),
            ..Detail::default()
        }
    }
}

fn of_service(story: &mut Story, service: &Service<'_>) {
    if let Some(action) = &service.action {
        story.of_action(action);
    }
    story.of_sequence(&service.detection.sequence);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float cast saturates"
    )]
    let count = service.count.value.map(|n| n as u64);
    story.attack.count = count;
    story.target("role", service.role.text());
    story.evidence("feature", service.feature.text());
    for list in &service.evidence.lists.items {
        story.evidence("threat list", list.list.text());
        for name in &list.names.items {
            story.evidence("threat", name.text());
        }
        story.evidence("file", list.file.text());
    }
    let text = service.additional.value.text();
    if text.starts_with('{') {
        let inner: Inner<'_> = serde_json::from_str(text).unwrap_or_default();
        story.evidence("threat list", inner.list.text());
        story.evidence("threat", inner.threat.text());
        story.evidence("file", inner.file.text());
        story.evidence("agent", inner.agent.full.text());
    }
    for threat in &service.scan.detections.by_name.names.items {
        let words = format!("{} {}", threat.name.text(), threat.severity.text());
        story.evidence("threat", &words);
    }
    let process = &service.runtime.process;
    let path = [&process.path, &process.name]
        .into_iter()
        .find(|leaf| !leaf.text().is_empty());
    if let Some(path) = path {
        story.evidence(
            "process",
            &format!("{} {}", path.text(), process.user.text()),
        );
        story.evidence("file", process.sha256.text());
    }
}

fn of_resource(story: &mut Story, of: &Affected<'_>) {
    let key = &of.access_key;
    story.target("user", key.user_name.text());
    story.target("user type", key.user_type.text());
    story.target("access key", key.id.text());
    story.target("principal", key.principal.text());
    of_instance(story, &of.instance);
    for bucket in of.buckets.items.iter().take(1) {
        story.target("bucket", bucket.name.text());
    }
    of_container(story, &of.container);
    let user = &of.kubernetes.user;
    story.target("kubernetes user", user.name.text());
    let workload = &of.kubernetes.workload;
    if !workload.name.text().is_empty() {
        let words = format!("{}/{}", workload.namespace.text(), workload.name.text());
        story.target("kubernetes workload", &words);
    }
    let database = &of.database_user;
    story.target("database user", database.user.text());
    story.target("database", database.database.text());
}

fn of_instance(story: &mut Story, instance: &Instance<'_>) {
    story.target("instance", instance.id.text());
    story.target("instance type", instance.kind.text());
    story.target("image", instance.image.text());
    story.target("zone", instance.zone.text());
    story.target("profile", instance.profile.arn.text());
    for interface in instance.interfaces.items.iter().take(1) {
        story.target("private address", interface.private.text());
        story.target("public address", interface.public.text());
        story.target("vpc", interface.vpc.text());
        story.target("subnet", interface.subnet.text());
        let groups = interface.groups.items.iter().map(|g| g.id.text());
        story.target("security groups", &groups.collect::<Vec<_>>().join(" "));
    }
}

fn of_container(story: &mut Story, container: &Container<'_>) {
    story.target("container", container.name.text());
    story.target("container image", container.image.text());
}
