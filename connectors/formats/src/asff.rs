//! AWS Security Finding Format, as Security Hub's `GetFindings` writes it (PascalCase).
//! Who made a finding decides its identity and its weakness; the state table is `design.md`'s.

mod detail;
mod fields;
mod shape;

use chrono::{DateTime, Utc};
use poamd_contract::finding::{
    FindingReport, Identity, ResourceRef, Signal, Weakness, WeaknessKind,
};
use poamd_contract::ids::Region;
use poamd_contract::severity::Severity;

use crate::control;
use crate::document::{
    Document, NO_ACCOUNT, NO_ID, Packages, rating, remediation, severity_of_label,
};
use crate::given::Given;
use crate::lenient::Text;
use crate::marks::{DESCRIPTION, Marks, TITLE};
use crate::origin::{Clues, Origin};
use crate::product::{Check, Maker, Product, Said};
use crate::resource::{Named, place};
use crate::weakness::{code, incident, reachability, vulnerability, weakness};

pub(crate) use shape::Asff;

impl<'a> Document<'a> for Asff<'a> {
    fn is_like(&self) -> bool {
        // Not by the account: Inspector2's own format, in this case, has it too.
        self.product_arn.value.is_some() || self.generator_id.value.is_some()
    }

    fn report(&self, given: &Given, mut marks: Marks) -> Result<FindingReport, &'static str> {
        if self.id.text().is_empty() {
            return Err(NO_ID);
        }
        let origin = self.clues().settle(given, &mut marks).ok_or(NO_ACCOUNT)?;
        self.note_forms(&mut marks);
        let product = self.product();
        let signal = self.signal(product.maker, &mut marks);
        let resources = self.resources(&origin, &mut marks);
        let control = self
            .control(&product)
            .map(|control| marks.id("control", &control));
        let about = About {
            native_id: marks.id("id", self.id.text()),
            region: place(&origin, control.as_deref(), resources.first()),
            title: control::bare_title(
                marks.required("title", &self.title, TITLE),
                control.as_deref(),
            ),
            primary: resources.first(),
            control,
            product,
            origin: &origin,
        };
        Ok(FindingReport {
            source: about.product.source(),
            channel: given.channel,
            identity: about.identity(),
            weakness: self.weakness(&about),
            description: marks.text("description", &self.description, DESCRIPTION),
            remediation: self.remediation(),
            severity: self.severity(signal, &mut marks),
            score: None,
            requirements: self.requirements(&mut marks),
            first_observed: marks.time("first-observed", &self.first_observed_at),
            last_observed: marks.time("last-observed", &self.last_observed_at),
            created: marks.time("created", &self.created_at),
            updated: self.updated(&mut marks),
            signal,
            sample: self.is_sample(about.product.maker),
            detail: Box::new(self.detail(about.product.maker, &about.title)),
            native_id: about.native_id,
            region: about.region,
            title: about.title,
            account: origin.account,
            partition: origin.partition,
            resources,
            marks: marks.into_list(),
            raw: None,
        })
    }
}

/// What identity and weakness are made of.
struct About<'a> {
    native_id: String,
    region: Region,
    title: String,
    primary: Option<&'a ResourceRef>,
    control: Option<String>,
    product: Product<'a>,
    origin: &'a Origin,
}

impl About<'_> {
    /// `design.md`, Fingerprint.
    fn identity(&self) -> Identity {
        match (self.product.maker, &self.control, self.primary) {
            (Maker::SecurityHub, Some(control), Some(primary)) => Identity::Control {
                account: self.origin.account.clone(),
                region: self.region.clone(),
                control: control.clone(),
                resource: primary.id.clone(),
            },
            (Maker::GuardDuty | Maker::Inspector | Maker::InspectorClassic | Maker::Aws, _, _)
                if self.native_id.starts_with("arn:") =>
            {
                Identity::Native {
                    arn: self.native_id.clone(),
                }
            }
            // The same id in two regions or accounts is two findings: the product's ARN has both.
            _ => Identity::Product {
                product_arn: self.product.arn.to_owned(),
                id: self.native_id.clone(),
            },
        }
    }
}

impl Asff<'_> {
    fn product(&self) -> Product<'_> {
        let fields = &self.product_fields;
        Product::of(&Said {
            arn: self.product_arn.text(),
            id: self.id.text(),
            products: [self.product_name.text(), fields.product.text()],
            companies: [self.company_name.text(), fields.company.text()],
            generator: self.generator_id.text(),
            version: fields.inspector_version.text(),
        })
    }

    fn clues(&self) -> Clues<'_> {
        let primary = self.resources.items.first();
        let region = match (self.region.text(), primary) {
            ("", Some(primary)) => primary.region.text(),
            (region, _) => region,
        };
        let ids = [
            Some(&self.id),
            primary.map(|r| &r.id),
            Some(&self.product_arn),
        ];
        Clues {
            account: self.aws_account_id.text(),
            region,
            partition: primary.map_or("", |r| r.partition.text()),
            ids: ids.into_iter().flatten().map(Text::text).collect(),
        }
    }

    fn resources(&self, origin: &Origin, marks: &mut Marks) -> Vec<ResourceRef> {
        let named = self
            .resources
            .items
            .iter()
            .filter(|r| !r.id.text().is_empty())
            .map(|r| Named {
                id: r.id.text().into(),
                kind: r.kind.text(),
                region: r.region.text(),
                tag: r.tags.get("Name"),
            });
        named.map(|named| named.reference(origin, marks)).collect()
    }

    /// The control a finding speaks of. Others than Security Hub may name one (it is then the weakness),
    /// but their ids are not searched for one.
    fn control(&self, product: &Product<'_>) -> Option<String> {
        let fields = &self.product_fields;
        let own = product.maker == Maker::SecurityHub;
        let of_standard = if fields.control_id.text().is_empty() {
            &fields.rule_id
        } else {
            &fields.control_id
        };
        control::Clues {
            security_control: self.compliance.security_control_id.text(),
            of_standard: if own { of_standard.text() } else { "" },
            generator: if own { self.generator_id.text() } else { "" },
            id: if own { self.id.text() } else { "" },
        }
        .control()
        .map(|control| control.into_owned())
    }

    fn weakness(&self, about: &About<'_>) -> Weakness {
        if let Some(control) = &about.control {
            return weakness(WeaknessKind::Control, control);
        }
        match about.product.maker {
            Maker::GuardDuty => {
                let kind = self.kinds().find(|t| t.contains(':'));
                let root = about
                    .primary
                    .map_or(about.origin.account.as_str(), |r| r.id.as_str());
                incident(kind.unwrap_or(&about.title), root)
            }
            Maker::Inspector | Maker::InspectorClassic => self.inspector_weakness(about),
            Maker::Config if !self.product_fields.config_rule.text().is_empty() => {
                weakness(WeaknessKind::Other, self.product_fields.config_rule.text())
            }
            _ => self.other_weakness(about),
        }
    }

    /// The detector's types; people may set others in the hub, and the detector's stay beside them.
    fn kinds(&self) -> impl Iterator<Item = &str> {
        let own = &self.finding_provider_fields.types;
        let both = own.items.iter().chain(&self.types.items);
        both.map(Text::text).filter(|text| !text.is_empty())
    }

    fn inspector_weakness(&self, about: &About<'_>) -> Weakness {
        match self
            .vulnerabilities
            .items
            .first()
            .filter(|v| !v.id.text().is_empty())
        {
            Some(found) if found.code_vulnerabilities.items.is_empty() => vulnerability(
                found.id.text(),
                found.related_vulnerabilities.items.iter().map(Text::text),
            ),
            Some(found) => code(found.id.text()),
            None if self
                .types
                .items
                .iter()
                .any(|t| t.text().ends_with("Network Reachability")) =>
            {
                reachability(&about.title)
            }
            None => weakness(WeaknessKind::Other, &format!("inspector/{}", about.title)),
        }
    }

    /// The rule of whoever made it; without one, its title.
    fn other_weakness(&self, about: &About<'_>) -> Weakness {
        let kind = if self.vulnerabilities.items.is_empty() {
            WeaknessKind::Other
        } else {
            WeaknessKind::Vulnerability
        };
        let check = about.product.check(&Check {
            generator: self.generator_id.text(),
            kind: self.kinds().next().unwrap_or_default(),
            field: self.product_fields.check_name.text(),
            title: &about.title,
        });
        let generator = check.as_deref().unwrap_or(self.generator_id.text());
        let rule = [generator, &about.title, &about.native_id];
        weakness(
            kind,
            rule.into_iter()
                .find(|text| !text.is_empty())
                .unwrap_or_default(),
        )
    }

    /// The label wins over the number: GuardDuty sends LOW with 40 (`poam.md` 3.2).
    fn severity(&self, signal: Signal, marks: &mut Marks) -> Option<Severity> {
        let ratings = [&self.severity, &self.finding_provider_fields.severity];
        let [hub, own] = ratings.map(|r| Severity::from_label(r.label.text().trim()));
        if let Some(severity) = rating(own, hub, signal, marks) {
            return Some(severity);
        }
        if let Some(label) = ratings
            .iter()
            .map(|r| &r.label)
            .find(|label| !label.text().is_empty())
        {
            return severity_of_label(label.text(), marks);
        }
        let number = ratings.iter().find_map(|r| r.normalized.value);
        if number.is_none() {
            marks.add("severity-missing");
        }
        #[allow(
            clippy::cast_possible_truncation,
            reason = "a float cast saturates, and the scale ends at 100"
        )]
        number.map(|n| Severity::from_normalized(n.ceil() as i64))
    }

    /// `design.md`, "From ASFF to status".
    fn signal(&self, maker: Maker, marks: &mut Marks) -> Signal {
        let is = |leaf: &Text<'_>, word: &str| leaf.text().eq_ignore_ascii_case(word);
        let status = &self.compliance.status;
        if is(status, "PASSED") {
            return Signal::Passed;
        }
        let inspector = matches!(maker, Maker::Inspector | Maker::InspectorClassic);
        if is(&self.record_state, "ARCHIVED")
            || inspector && is(&self.product_fields.inspector_status, "CLOSED")
        {
            return if maker == Maker::GuardDuty {
                Signal::ArchivedByHand
            } else {
                Signal::Archived
            };
        }
        if is(status, "NOT_AVAILABLE") {
            return Signal::NoConclusion;
        }
        known("compliance", status, &["FAILED", "WARNING"], marks);
        known("record-state", &self.record_state, &["ACTIVE"], marks);
        let workflow = &self.workflow.status;
        match workflow.text().to_ascii_uppercase().as_str() {
            "SUPPRESSED" => Signal::OpenSuppressedAtSource,
            "RESOLVED" => Signal::OpenResolvedAtSource,
            _ => {
                known("workflow", workflow, &["NEW", "NOTIFIED"], marks);
                Signal::Open
            }
        }
    }

    fn is_sample(&self, maker: Maker) -> bool {
        let guardduty = maker == Maker::GuardDuty
            && (self
                .product_fields
                .guardduty("additionalInfo/sample")
                .eq_ignore_ascii_case("true")
                || self.title.text().starts_with("[SAMPLE]"));
        self.sample.value == Some(true) || guardduty
    }

    fn remediation(&self) -> String {
        let advice = &self.remediation.recommendation;
        let none = Packages::default();
        let packages = self
            .vulnerabilities
            .items
            .first()
            .map_or(&none, |v| &v.vulnerable_packages);
        remediation(advice.text.text(), &packages.items, advice.url.text())
    }

    fn requirements(&self, marks: &mut Marks) -> Vec<String> {
        let list = &self.compliance.related_requirements;
        marks.list("requirements", list);
        list.items
            .iter()
            .filter(|r| !r.text().is_empty())
            .map(|r| marks.text("requirement", r, 128))
            .collect()
    }

    fn updated(&self, marks: &mut Marks) -> Option<DateTime<Utc>> {
        if self.updated_at.value.is_none() && !self.updated_at.odd {
            marks.add("updated-missing");
        }
        marks.time("updated", &self.updated_at)
    }

    /// Parts of the wrong type, whose content is taken as far as it goes.
    fn note_forms(&self, marks: &mut Marks) {
        marks.part("severity", &self.severity);
        marks.part("compliance", &self.compliance);
        marks.part("workflow", &self.workflow);
        marks.part("product-fields", &self.product_fields);
        marks.part("remediation", &self.remediation);
        marks.list("resources", &self.resources);
        marks.list("types", &self.types);
        if self.resources.items.iter().all(|r| r.id.text().is_empty()) {
            marks.add("resources-missing");
        }
        if self.product_arn.text().is_empty() {
            marks.add("product-missing");
        }
        let texts = [
            ("id", &self.id),
            ("account", &self.aws_account_id),
            ("region", &self.region),
            ("severity", &self.severity.label),
            ("compliance", &self.compliance.status),
        ];
        for (name, leaf) in texts {
            if leaf.odd {
                marks.add(&format!("{name}-wrong-type"));
            }
        }
    }
}

/// Marks a word that is there and none of those the format knows.
fn known(what: &str, leaf: &Text<'_>, words: &[&str], marks: &mut Marks) {
    let text = leaf.text();
    if !text.is_empty() && !words.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        marks.unknown(what, text);
    }
}
