//! Reads one section of the file by its table of keys: unknown, missing and wrong ones become problems.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::Source;
use super::problem::{did_you_mean, quoted};
use super::schema::{Key, SECTIONS, Section};
use super::value::{FromToml, Place};

/// One section, one time. A section that is absent reads as an empty one.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'s> {
    source: &'s Source<'s>,
    section: &'static Section,
    table: Option<&'s DeTable<'s>>,
    /// Where the section begins.
    offset: Option<usize>,
    variant: Option<&'static str>,
}

impl<'s> Reader<'s> {
    fn new(
        source: &'s Source<'s>,
        section: &'static Section,
        table: Option<&'s DeTable<'s>>,
        offset: Option<usize>,
    ) -> Self {
        Self {
            source,
            section,
            table,
            offset,
            variant: None,
        }
    }

    /// Whether the section stands in the file.
    pub fn is_present(&self) -> bool {
        self.table.is_some()
    }

    /// Whether the file gives this key.
    pub fn has(&self, name: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(name))
    }

    /// Restricts the section to the keys of a variant.
    pub fn with_variant(self, variant: &'static str) -> Self {
        Self {
            variant: Some(variant),
            ..self
        }
    }

    /// A key that has a default or is required. `None` means that a problem has been noted.
    pub fn get<T: FromToml>(&self, name: &'static str) -> Option<T> {
        let key = self.key(name)?;
        if let Some(value) = self.table.and_then(|table| table.get(name)) {
            return T::from_toml(value, &key.kind, &self.place(name));
        }
        match key.default {
            Some(default) => self.default(default, key),
            None => {
                self.fail(
                    name,
                    format!("missing; write for instance {name} = {}", key.example),
                );
                None
            }
        }
    }

    /// A key whose absence means something of its own; `None` if it is absent or a problem has been noted.
    pub fn optional<T: FromToml>(&self, name: &'static str) -> Option<T> {
        if self.has(name) { self.get(name) } else { None }
    }

    fn default<T: FromToml>(&self, default: &'static str, key: &'static Key) -> Option<T> {
        match DeValue::parse(default) {
            Ok(value) => T::from_toml(&value, &key.kind, &self.place(key.name)),
            Err(error) => {
                self.fail(
                    key.name,
                    format!("its own default {} is not TOML: {error}", quoted(default)),
                );
                None
            }
        }
    }

    fn key(&self, name: &'static str) -> Option<&'static Key> {
        let key = self
            .section
            .keys_of(self.variant)
            .find(|key| key.name == name);
        if key.is_none() {
            self.fail(
                name,
                "is read but not described: a fault of poamd itself, please report it",
            );
        }
        key
    }

    fn place(&self, name: &str) -> Place<'s> {
        Place {
            source: self.source,
            key: format!("{} {name}", self.section.heading()),
        }
    }

    /// Notes a problem with a key, at its line if it is there, else at the section's.
    pub fn fail(&self, name: &str, what: impl Into<String>) {
        let at = self
            .table
            .and_then(|table| table.get_key_value(name))
            .map(|(key, _)| key.span().start);
        self.source.problem(
            at.or(self.offset),
            &format!("{} {name}", self.section.heading()),
            what,
        );
    }

    /// Notes every key that the section does not have.
    pub fn reject_unknown(&self) {
        for key in self.table.into_iter().flat_map(DeTable::keys) {
            let name: &str = key.get_ref();
            if self
                .section
                .keys_of(self.variant)
                .any(|known| known.name == name)
                || self.section.holds(name)
            {
                continue;
            }
            self.fail(name, self.unknown(name));
        }
    }

    fn unknown(&self, name: &str) -> String {
        if let Some(only) = self
            .section
            .keys
            .iter()
            .filter(|key| key.name == name)
            .find_map(|key| key.only)
        {
            let by = self.section.variants.map_or("", |(by, _)| by);
            return format!("unknown key here; it belongs to {by} = \"{only}\"");
        }
        let hint = did_you_mean(name, self.section.keys_of(self.variant).map(|key| key.name));
        let elsewhere = SECTIONS
            .iter()
            .find(|section| section.keys.iter().any(|key| key.name == name));
        match elsewhere {
            Some(section) if hint.is_empty() => {
                format!("unknown key here; it belongs into {}", section.heading())
            }
            _ => format!("unknown key{hint}"),
        }
    }
}

/// The file's sections by name.
pub(crate) struct Sections<'s> {
    source: &'s Source<'s>,
    root: &'s DeTable<'s>,
}

impl<'s> Sections<'s> {
    /// Notes every section that does not exist.
    pub fn new(source: &'s Source<'s>, root: &'s DeTable<'s>) -> Self {
        for (key, value) in root {
            let name: &str = key.get_ref();
            if SECTIONS.iter().any(|section| section.place().0 == name) {
                continue;
            }
            let what = match value.get_ref() {
                DeValue::Table(_) | DeValue::Array(_) => {
                    format!(
                        "unknown section{}",
                        did_you_mean(name, SECTIONS.iter().map(|section| section.name))
                    )
                }
                _ => match SECTIONS
                    .iter()
                    .find(|section| section.keys.iter().any(|key| key.name == name))
                {
                    Some(section) => format!(
                        "stands outside of its section; put it under {}",
                        section.heading()
                    ),
                    None => "unknown key outside of any section".to_owned(),
                },
            };
            let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
            source.problem(Some(key.span().start), &format!("[{shown}]"), what);
        }
        Self { source, root }
    }

    /// Where a section stands, if it does.
    fn found(
        &self,
        section: &'static Section,
    ) -> Option<(&'s Spanned<Cow<'s, str>>, &'s Spanned<DeValue<'s>>)> {
        let (outer, inner) = section.place();
        match inner {
            None => self.root.get_key_value(outer),
            // An outer one that is no table is told of where it is read itself.
            Some(inner) => self
                .root
                .get(outer)
                .and_then(|value| value.get_ref().as_table())
                .and_then(|table| table.get_key_value(inner)),
        }
    }

    /// A section that stands once.
    pub fn one(&self, section: &'static Section) -> Reader<'s> {
        let Some((key, value)) = self.found(section) else {
            return Reader::new(self.source, section, None, None);
        };
        let offset = Some(key.span().start);
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.source.problem(
                offset,
                &section.heading(),
                format!("has to be one section, headed {}", section.heading()),
            );
        }
        Reader::new(self.source, section, table, offset)
    }

    /// A section that may stand several times.
    pub fn many(&self, section: &'static Section) -> Vec<Reader<'s>> {
        let Some((key, value)) = self.found(section) else {
            return Vec::new();
        };
        let wrong = |offset| {
            let text = format!(
                "has to be a list of sections, each headed {} with two brackets",
                section.heading()
            );
            self.source.problem(Some(offset), &section.heading(), text);
        };
        let Some(entries) = value.get_ref().as_array() else {
            wrong(key.span().start);
            return Vec::new();
        };
        let read = |entry: &'s Spanned<DeValue<'s>>| {
            let table = entry.get_ref().as_table();
            if table.is_none() {
                wrong(entry.span().start);
            }
            table.map(|table| {
                Reader::new(self.source, section, Some(table), Some(entry.span().start))
            })
        };
        entries.iter().filter_map(read).collect()
    }
}
