//! The files of a set of policies: from the program itself or from a directory, sorted into helpers, policies and
//! their tests. Not in it: what they say.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use include_dir::{Dir, include_dir};

use super::PolicyProblem;
use super::engine::SOURCE_BYTES;

static PACKAGED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/policies");

/// Folders below a directory of policies; deeper ones are refused, so that a loop of links ends.
const MOST_FOLDERS: usize = 8;
const MOST_FILES: usize = 5000;

/// One Rego file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Relative to the directory of policies, with `/`.
    pub path: String,
    pub text: String,
}

/// A file with the file of its tests.
#[derive(Debug, Clone)]
pub(super) struct Tested {
    pub(super) file: SourceFile,
    pub(super) test: SourceFile,
}

/// A directory of policies, sorted.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) helpers: Vec<Tested>,
    pub(super) policies: Vec<Tested>,
}

impl SourceFile {
    /// The file's name without `.rego`.
    pub(super) fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        name.strip_suffix(".rego").unwrap_or(name)
    }

    /// Whether it stands in the folder of shared helpers.
    fn is_helper(&self) -> bool {
        self.path.starts_with("lib/")
    }
}

/// The files that are part of the program.
pub(super) fn packaged() -> Vec<SourceFile> {
    fn walk(dir: &'static Dir<'static>, files: &mut Vec<SourceFile>) {
        for file in dir.files() {
            if let (Some(path), Some(text)) = (file.path().to_str(), file.contents_utf8())
                && path.ends_with(".rego")
            {
                files.push(SourceFile {
                    path: path.replace('\\', "/"),
                    text: text.to_owned(),
                });
            }
        }
        dir.dirs().for_each(|dir| walk(dir, files));
    }
    let mut files = Vec::new();
    walk(&PACKAGED, &mut files);
    files
}

/// The Rego files below an operator's directory.
pub(super) fn from_directory(root: &Path, problems: &mut Vec<PolicyProblem>) -> Vec<SourceFile> {
    let mut files = Vec::new();
    walk(root, "", MOST_FOLDERS, &mut files, problems);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn walk(
    dir: &Path,
    below: &str,
    depth: usize,
    files: &mut Vec<SourceFile>,
    problems: &mut Vec<PolicyProblem>,
) {
    let shown = if below.is_empty() {
        dir.display().to_string()
    } else {
        below.to_owned()
    };
    let mut problem = |path: &str, text: String| {
        problems.push(PolicyProblem {
            file: path.to_owned(),
            text,
        })
    };
    if depth == 0 {
        return problem(
            &shown,
            format!("lies more than {MOST_FOLDERS} folders deep; move it up"),
        );
    }
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) => {
            return problem(
                &shown,
                format!("cannot be listed: {e}; make it readable for the daemon's user"),
            );
        }
    };
    for entry in entries {
        let path = match entry {
            Ok(entry) => entry.path(),
            Err(e) => {
                problems.push(PolicyProblem {
                    file: shown.clone(),
                    text: format!("cannot be listed: {e}"),
                });
                continue;
            }
        };
        let Some(name) = path
            .file_name()
            .and_then(|name| name.to_str())
            .filter(|name| !name.starts_with('.'))
        else {
            continue;
        };
        let relative = if below.is_empty() {
            name.to_owned()
        } else {
            format!("{below}/{name}")
        };
        if path.is_dir() {
            walk(&path, &relative, depth - 1, files, problems);
        } else if name.ends_with(".rego") {
            match read(&path, files.len()) {
                Ok(text) => files.push(SourceFile {
                    path: relative,
                    text,
                }),
                Err(text) => problems.push(PolicyProblem {
                    file: relative,
                    text,
                }),
            }
        }
    }
}

fn read(path: &Path, so_far: usize) -> Result<String, String> {
    if so_far >= MOST_FILES {
        return Err(format!(
            "is one file more than the {MOST_FILES} a directory of policies may hold"
        ));
    }
    let size = fs::metadata(path)
        .map_err(|e| format!("cannot be read: {e}"))?
        .len();
    if size > SOURCE_BYTES as u64 {
        return Err(format!(
            "has {size} bytes, more than {SOURCE_BYTES}; split it"
        ));
    }
    fs::read_to_string(path).map_err(|e| format!("cannot be read: {e}"))
}

/// Puts each file with its tests; a file without tests and tests without a file are problems.
pub(super) fn sort(files: Vec<SourceFile>, problems: &mut Vec<PolicyProblem>) -> Sources {
    let (tests, files): (Vec<_>, Vec<_>) = files
        .into_iter()
        .partition(|file| file.path.ends_with("_test.rego"));
    let mut tests: BTreeMap<String, SourceFile> = tests
        .into_iter()
        .map(|file| (file.path.replace("_test.rego", ".rego"), file))
        .collect();
    let mut sources = Sources::default();
    for file in files {
        match tests.remove(&file.path) {
            Some(test) if file.is_helper() => sources.helpers.push(Tested { file, test }),
            Some(test) => sources.policies.push(Tested { file, test }),
            None => {
                let beside = file.path.replace(".rego", "_test.rego");
                problems.push(PolicyProblem {
                    file: file.path,
                    text: format!("has no tests; write {beside}"),
                });
            }
        }
    }
    for (tested, test) in tests {
        problems.push(PolicyProblem {
            file: test.path,
            text: format!("tests {tested}, which does not exist"),
        });
    }
    sources
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn file(path: &str) -> SourceFile {
        SourceFile {
            path: path.to_owned(),
            text: String::new(),
        }
    }

    #[test]
    fn files_find_their_tests() {
        let mut problems = Vec::new();
        let sources = sort(
            [
                "lib/a.rego",
                "lib/a_test.rego",
                "x/b.rego",
                "x/b_test.rego",
                "c.rego",
                "d_test.rego",
            ]
            .map(file)
            .to_vec(),
            &mut problems,
        );
        assert_eq!((sources.helpers.len(), sources.policies.len()), (1, 1));
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            problems,
            [
                "c.rego: has no tests; write c_test.rego",
                "d_test.rego: tests d.rego, which does not exist"
            ]
        );
    }

    #[test]
    fn a_directory_is_read_within_its_bounds() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("sub/.git")).unwrap();
        for (path, text) in [
            ("sub/a.rego", "package a"),
            ("sub/.git/b.rego", "x"),
            ("README.md", "x"),
            (".c.rego", "x"),
        ] {
            fs::write(dir.path().join(path), text).unwrap();
        }
        fs::write(dir.path().join("big.rego"), "#".repeat(SOURCE_BYTES + 1)).unwrap();
        fs::create_dir_all(dir.path().join("1/2/3/4/5/6/7/8/9")).unwrap();
        let mut problems = Vec::new();
        let files = from_directory(dir.path(), &mut problems);
        assert_eq!(
            files,
            [SourceFile {
                path: "sub/a.rego".to_owned(),
                text: "package a".to_owned()
            }]
        );
        let text = problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n");
        assert!(
            problems.len() == 2 && text.contains("split it") && text.contains("folders deep"),
            "{text}"
        );
        let mut problems = Vec::new();
        from_directory(&dir.path().join("absent"), &mut problems);
        assert_eq!(problems.len(), 1);
    }
}
