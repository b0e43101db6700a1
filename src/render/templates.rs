//! The set of templates: those of the package, then the operator's own of the same names.
//!
//! A template's name is its path without `.hbs`. Its name decides its sink: `….html` escapes HTML, everything below
//! `tickets/` is ticket text (blocks), all else is plain text. Strict mode: a name that does not exist is an error.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use handlebars::Handlebars;
use include_dir::{Dir, include_dir};
use serde::Serialize;

use super::guard::{self, Refused};
use super::{helpers, sink};

static PACKAGED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// The largest template read from the operator's directory, in bytes.
const LARGEST: u64 = 256 * 1024;

/// Templates could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("template {name} is not one of ours, so nothing would use it; nearest is {nearest}")]
    Unknown { name: String, nearest: String },
    #[error(
        "template {name} names the partial {partial}, which does not exist for its kind of output"
    )]
    NoPartial { name: String, partial: String },
    #[error("templates in {}: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: String },
}

/// A template that could not be rendered: a name its data does not have, or a wrong kind of value.
#[derive(Debug, thiserror::Error)]
#[error("template {name}: {source}")]
pub struct RenderFailure {
    pub name: String,
    pub source: Box<handlebars::RenderError>,
}

/// Data for templates that can show itself in typical, empty and hostile form.
pub trait Sampled: Serialize + Sized {
    /// The templates it is made for.
    const TEMPLATES: &'static [&'static str];

    /// Named samples.
    fn samples() -> Vec<(&'static str, Self)>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Html,
    Text,
    Blocks,
}

impl Kind {
    fn of(name: &str) -> Self {
        if name.ends_with(".html") {
            Self::Html
        } else if name.starts_with("tickets/") {
            Self::Blocks
        } else {
            Self::Text
        }
    }
}

/// All templates, checked and ready.
pub struct Templates {
    html: Handlebars<'static>,
    text: Handlebars<'static>,
    blocks: Handlebars<'static>,
    names: Vec<String>,
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Templates")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

impl Templates {
    /// The package's own.
    pub fn packaged() -> Result<Self, LoadError> {
        Self::from_sources(packaged_sources())
    }

    /// The package's own, replaced by those of the same name below `overrides`. The directory and its files must
    /// belong to root or to us and be writable by nobody else.
    pub fn with_overrides(overrides: &Path) -> Result<Self, LoadError> {
        let mut sources = packaged_sources();
        for (name, source) in read_overrides(overrides)? {
            if !sources.contains_key(&name) {
                let nearest = nearest(&name, sources.keys());
                return Err(LoadError::Unknown { name, nearest });
            }
            sources.insert(name, source);
        }
        Self::from_sources(sources)
    }

    fn from_sources(sources: BTreeMap<String, String>) -> Result<Self, LoadError> {
        let mut templates = Self {
            html: registry(sink::html),
            text: registry(sink::text),
            blocks: registry(sink::block),
            names: sources.keys().cloned().collect(),
        };
        helpers::register_text(&mut templates.text);
        for (name, source) in &sources {
            let template = guard::check(name, source)?;
            for partial in partials(&template) {
                if Kind::of(&partial) != Kind::of(name) || !sources.contains_key(&partial) {
                    return Err(LoadError::NoPartial {
                        name: name.clone(),
                        partial,
                    });
                }
            }
            templates
                .of_mut(Kind::of(name))
                .register_template(name, template);
        }
        Ok(templates)
    }

    /// Renders a template by its name, e.g. `reports/poam/body.html`.
    pub fn render<C: Serialize>(&self, name: &str, data: &C) -> Result<String, RenderFailure> {
        let registry = match Kind::of(name) {
            Kind::Html => &self.html,
            Kind::Text => &self.text,
            Kind::Blocks => &self.blocks,
        };
        registry.render(name, data).map_err(|source| RenderFailure {
            name: name.to_owned(),
            source: Box::new(source),
        })
    }

    /// Renders a plain-text template that is not one of the set, such as a subject from the configuration. Refused is
    /// what no template may contain.
    pub fn render_text<C: Serialize>(
        &self,
        name: &str,
        source: &str,
        data: &C,
    ) -> Result<Result<String, RenderFailure>, Refused> {
        guard::check(name, source)?;
        let rendered = self.text.render_template(source, data);
        Ok(rendered.map_err(|source| RenderFailure {
            name: name.to_owned(),
            source: Box::new(source),
        }))
    }

    /// Renders all templates of a kind of data with all its samples, so that a wrong override is found when it is
    /// loaded and not when the report is due.
    pub fn prove<C: Sampled>(&self) -> Result<(), RenderFailure> {
        for (_, sample) in C::samples() {
            for name in C::TEMPLATES {
                self.render(name, &sample)?;
            }
        }
        Ok(())
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    fn of_mut(&mut self, kind: Kind) -> &mut Handlebars<'static> {
        match kind {
            Kind::Html => &mut self.html,
            Kind::Text => &mut self.text,
            Kind::Blocks => &mut self.blocks,
        }
    }
}

fn registry(sink: fn(&str) -> String) -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.set_prevent_indent(true);
    registry.register_escape_fn(sink);
    helpers::register(&mut registry);
    registry
}

fn partials(template: &handlebars::Template) -> Vec<String> {
    use handlebars::template::{Parameter, TemplateElement};
    let mut names = Vec::new();
    for element in &template.elements {
        match element {
            TemplateElement::PartialExpression(partial) => {
                if let Parameter::Name(name) = &partial.name {
                    names.push(name.clone());
                }
            }
            TemplateElement::HelperBlock(block) => {
                names.extend(
                    block
                        .template
                        .iter()
                        .chain(block.inverse.iter())
                        .flat_map(partials),
                );
            }
            _ => {}
        }
    }
    names
}

fn packaged_sources() -> BTreeMap<String, String> {
    let mut sources = BTreeMap::new();
    let mut folders = vec![&PACKAGED];
    while let Some(folder) = folders.pop() {
        folders.extend(folder.dirs());
        for file in folder.files() {
            if let (Some(name), Some(text)) = (template_name(file.path()), file.contents_utf8()) {
                sources.insert(name, text.to_owned());
            }
        }
    }
    sources
}

fn template_name(path: &Path) -> Option<String> {
    path.to_str()?.strip_suffix(".hbs").map(str::to_owned)
}

fn read_overrides(root: &Path) -> Result<Vec<(String, String)>, LoadError> {
    let wrong = |path: &Path, cause: String| LoadError::Unreadable {
        path: path.to_owned(),
        cause,
    };
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        trusted(&folder)?;
        let entries =
            std::fs::read_dir(&folder).map_err(|error| wrong(&folder, error.to_string()))?;
        for entry in entries {
            let path = entry
                .map_err(|error| wrong(&folder, error.to_string()))?
                .path();
            let about = trusted(&path)?;
            if about.is_dir() {
                folders.push(path);
                continue;
            }
            let relative = path.strip_prefix(root).unwrap_or(&path);
            // Editors leave their own files beside templates; only .hbs are ours.
            let Some(name) = template_name(relative) else {
                continue;
            };
            if about.len() > LARGEST {
                return Err(wrong(&path, format!("larger than {LARGEST} bytes")));
            }
            let source =
                std::fs::read_to_string(&path).map_err(|error| wrong(&path, error.to_string()))?;
            found.push((name, source));
        }
    }
    Ok(found)
}

/// Whoever may write a template decides what we mail: only root or we.
fn trusted(path: &Path) -> Result<std::fs::Metadata, LoadError> {
    let wrong = |cause: String| LoadError::Unreadable {
        path: path.to_owned(),
        cause,
    };
    let about = std::fs::symlink_metadata(path).map_err(|error| wrong(error.to_string()))?;
    if about.is_symlink() {
        return Err(wrong("symbolic links are not followed".to_owned()));
    }
    let own = rustix::process::geteuid().as_raw();
    if about.uid() != 0 && about.uid() != own {
        return Err(wrong(
            "belongs neither to root nor to the user poamd runs as; chown it to root".to_owned(),
        ));
    }
    if about.mode() & 0o022 != 0 {
        return Err(wrong("others may write it; chmod go-w".to_owned()));
    }
    Ok(about)
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> String {
    known
        .min_by_key(|other| strsim::levenshtein(name, other))
        .cloned()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn with(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<Templates, LoadError>) {
        let folder = tempfile::tempdir().unwrap();
        for (name, source) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, source).unwrap();
        }
        let loaded = Templates::with_overrides(folder.path());
        (folder, loaded)
    }

    #[test]
    fn an_override_replaces_one_template_and_leaves_the_rest() {
        let (_folder, loaded) = with(&[
            ("reports/poam/subject.txt.hbs", "Mine: {{deployment}}"),
            ("notes.md", "x"),
        ]);
        let loaded = loaded.unwrap();
        assert_eq!(
            loaded
                .render(
                    "reports/poam/subject.txt",
                    &serde_json::json!({"deployment": "a\nb"})
                )
                .unwrap(),
            "Mine: a b"
        );
        assert_eq!(loaded.names(), Templates::packaged().unwrap().names());
    }

    #[test]
    fn overrides_that_could_do_harm_or_nothing_are_refused() {
        let words = |files: &[(&str, &str)]| with(files).1.unwrap_err().to_string();
        assert!(
            words(&[("reports/poam/body.html.hbs", "{{{title}}}")]).contains("without escaping")
        );
        assert!(
            words(&[("reports/poam/bdy.html.hbs", "x")])
                .contains("nearest is reports/poam/body.html")
        );
        assert!(
            words(&[("reports/poam/body.html.hbs", "{{> tickets/partials/body}}")])
                .contains("partial")
        );
        assert!(
            words(&[("reports/poam/subject.txt.hbs", &"x".repeat(300_000))]).contains("larger")
        );
        let (folder, _) = with(&[("reports/poam/subject.txt.hbs", "x")]);
        let path = folder.path().join("reports/poam/subject.txt.hbs");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        assert!(
            Templates::with_overrides(folder.path())
                .unwrap_err()
                .to_string()
                .contains("others may write")
        );
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
        assert!(
            Templates::with_overrides(folder.path())
                .unwrap_err()
                .to_string()
                .contains("symbolic")
        );
    }
}
