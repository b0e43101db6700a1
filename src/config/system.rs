//! `[system]`: the authorized system that the records belong to, as forms name it.

use super::reader::Reader;
use super::schema::{Key, Kind, Section};
use super::value::choice;

pub const SECTION: Section = Section {
    name: "system",
    many: false,
    doc: "The authorized system, as its forms name it: stands in the heads of exports.",
    variants: None,
    keys: &[
        Key::new(
            "provider",
            Kind::Text,
            r#""Example Cloud Inc.""#,
            "Who operates it (CSP), as in the authorization package.",
        ),
        Key::new(
            "name",
            Kind::Text,
            r#""Claims Portal""#,
            "The system, as in the authorization package. Without it: the name of [deployment].",
        ),
        Key::new(
            "impact",
            Kind::Choice(Impact::NAMES),
            r#""moderate""#,
            "Impact level of the authorization.",
        ),
        Key::new(
            "id",
            Kind::Text,
            r#""FR0000000042""#,
            "Identifier that the authority gave it.",
        ),
        Key::new(
            "package_uri",
            Kind::Url,
            r#""https://trust.example.com/fedramp/overview.json""#,
            "Address of the Certification Package Overview; FedRAMP's VER documents must name it.",
        ),
        Key::new(
            "office",
            Kind::Text,
            r#""Office of the CISO""#,
            "Office or organization that answers for its records (eMASS: Office/Org).",
        ),
        Key::new(
            "contact",
            Kind::Text,
            r#""Dana Reyes (ISSO)""#,
            "Point of contact of records that have none of their own.",
        ),
        Key::new(
            "service",
            Kind::Text,
            r#""Claims API""#,
            "Marketplace service name of records that have none of their own; \"All\" means the whole boundary.",
        ),
    ],
};

choice! {
    /// Impact level of the authorization.
    pub enum Impact {
        Low = "low",
        Moderate = "moderate",
        High = "high",
    }
}

/// The authorized system.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct System {
    pub provider: Option<String>,
    pub name: Option<String>,
    pub impact: Option<Impact>,
    pub id: Option<String>,
    pub package_uri: Option<String>,
    pub office: Option<String>,
    pub contact: Option<String>,
    pub service: Option<String>,
}

impl System {
    pub(super) fn read(r: Reader<'_>) -> Option<Self> {
        r.reject_unknown();
        Some(Self {
            provider: r.optional("provider"),
            name: r.optional("name"),
            impact: r.optional("impact"),
            id: r.optional("id"),
            package_uri: r.optional::<url::Url>("package_uri").map(String::from),
            office: r.optional("office"),
            contact: r.optional("contact"),
            service: r.optional("service"),
        })
    }
}
