//! Rust files as the rules read them: comments and literals blanked, tests cut out. Not in it: any rule.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use walkdir::WalkDir;

/// A production file. `code` and `text` have the lines and columns of the file.
pub(super) struct Source {
    /// From the root of the repository, with slashes.
    pub(super) path: String,
    /// Without comments, what is in literals, and tests.
    pub(super) code: String,
    /// The same with what is in literals.
    pub(super) text: String,
}

/// A function with the line it begins on and how many it has.
pub(super) struct Function {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) lines: usize,
}

pub(super) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every production file of the application and of the connectors, read once.
pub(super) fn production() -> &'static [Source] {
    static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(read_all);
    &SOURCES
}

fn read_all() -> Vec<Source> {
    let mut sources = Vec::new();
    let mut roots = vec![root().join("src")];
    for entry in fs::read_dir(root().join("connectors")).unwrap() {
        let folder = entry.unwrap().path().join("src");
        if folder.is_dir() {
            roots.push(folder);
        }
    }
    roots.sort();
    for folder in roots {
        sources.extend(under(&folder));
    }
    assert!(sources.len() > 200, "only {} files found", sources.len());
    sources
}

fn under(folder: &Path) -> Vec<Source> {
    let files = WalkDir::new(folder).sort_by_file_name();
    let mut read: Vec<(PathBuf, Source)> = Vec::new();
    let mut tests = BTreeSet::new();
    for file in files.into_iter().map(Result::unwrap) {
        if file.path().extension().is_none_or(|end| end != "rs") {
            continue;
        }
        let (source, modules) = parse(
            &name(file.path()),
            &fs::read_to_string(file.path()).unwrap(),
        );
        tests.extend(modules.iter().map(|module| home(file.path()).join(module)));
        read.push((file.path().to_owned(), source));
    }
    read.retain(|(path, _)| {
        !tests
            .iter()
            .any(|test| path.with_extension("") == *test || path.starts_with(test))
            && !path
                .file_stem()
                .is_some_and(|stem| stem.to_string_lossy().ends_with("_tests"))
    });
    read.into_iter().map(|(_, source)| source).collect()
}

/// A path as the rules write it.
pub(super) fn name(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap()
        .to_str()
        .unwrap()
        .replace('\\', "/")
}

/// Where the modules that a file names lie.
fn home(file: &Path) -> PathBuf {
    let stem = file.file_stem().unwrap().to_str().unwrap();
    if ["mod", "lib", "main"].contains(&stem) {
        file.parent().unwrap().to_owned()
    } else {
        file.with_extension("")
    }
}

/// A file without its tests, and the names of test modules that lie in files of their own.
pub(super) fn parse(path: &str, text: &str) -> (Source, Vec<String>) {
    let (mut code, mut text) = blank(text);
    let mut modules = Vec::new();
    let mut from = 0;
    while let Some(found) = find(&code, b"#[cfg(test)]", from) {
        let end = item_end(&code, found + 12);
        let item = String::from_utf8_lossy(&code[found + 12..end]).into_owned();
        if let Some(module) = item
            .trim()
            .strip_suffix(';')
            .and_then(|item| item.split("mod ").nth(1))
        {
            modules.push(module.trim().to_owned());
        }
        wipe(&mut code, found..end);
        wipe(&mut text, found..end);
        from = end;
    }
    let source = Source {
        path: path.to_owned(),
        code: String::from_utf8(code).unwrap(),
        text: String::from_utf8(text).unwrap(),
    };
    (source, modules)
}

fn find(code: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    code[from..]
        .windows(wanted.len())
        .position(|part| part == wanted)
        .map(|at| at + from)
}

fn wipe(code: &mut [u8], range: std::ops::Range<usize>) {
    for byte in &mut code[range] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

/// Where an item ends: behind its braces, or behind its semicolon if that comes first.
fn item_end(code: &[u8], from: usize) -> usize {
    let mut nested = 0_usize;
    let mut braces = 0_usize;
    for (at, byte) in code.iter().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => nested += 1,
            b')' | b']' => nested = nested.saturating_sub(1),
            b'{' => braces += 1,
            b'}' => {
                braces = braces.saturating_sub(1);
                if braces == 0 {
                    return at + 1;
                }
            }
            b';' if nested == 0 && braces == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// The file with comments and literals blanked, and with comments alone blanked.
fn blank(text: &str) -> (Vec<u8>, Vec<u8>) {
    let bytes = text.as_bytes();
    let (mut code, mut kept) = (bytes.to_vec(), bytes.to_vec());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let part = if rest.starts_with(b"//") {
            rest.iter()
                .position(|byte| *byte == b'\n')
                .unwrap_or(rest.len())
        } else if rest.starts_with(b"/*") {
            find(rest, b"*/", 2).map_or(rest.len(), |end| end + 2)
        } else if let Some(literal) = literal(rest, at.checked_sub(1).map(|before| bytes[before])) {
            wipe(&mut code, at + 1..at + literal - 1);
            at += literal;
            continue;
        } else {
            at += 1;
            continue;
        };
        wipe(&mut code, at..at + part);
        wipe(&mut kept, at..at + part);
        at += part;
    }
    (code, kept)
}

/// How long the string or character is that begins here. A lifetime is none.
fn literal(rest: &[u8], before: Option<u8>) -> Option<usize> {
    let word = before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let raw = match rest {
        [b'r', b'"' | b'#', ..] if !word => Some(1),
        [b'b', b'r', b'"' | b'#', ..] if !word => Some(2),
        _ => None,
    };
    if let Some(prefix) = raw {
        let hashes = rest[prefix..]
            .iter()
            .take_while(|byte| **byte == b'#')
            .count();
        if rest.get(prefix + hashes) != Some(&b'"') {
            return None;
        }
        let close = [b"\"".to_vec(), vec![b'#'; hashes]].concat();
        return Some(
            find(rest, &close, prefix + hashes + 1).map_or(rest.len(), |end| end + close.len()),
        );
    }
    match rest {
        [b'"', ..] => Some(quoted(rest, b'"')),
        [b'\'', b'\\', ..] => Some(quoted(rest, b'\'')),
        // 'a' and 'é', but not 'static
        [b'\'', ..] => (2..=5)
            .find(|at| rest.get(*at) == Some(&b'\''))
            .filter(|at| {
                std::str::from_utf8(&rest[1..*at]).is_ok_and(|inner| inner.chars().count() == 1)
            })
            .map(|at| at + 1),
        _ => None,
    }
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

impl Source {
    /// Lines that say something.
    pub(super) fn lines(&self) -> usize {
        self.code
            .lines()
            .filter(|line| !line.trim().is_empty())
            .count()
    }

    /// The line a place in the file is on.
    pub(super) fn line(&self, at: usize) -> usize {
        self.code.as_bytes()[..at]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1
    }

    pub(super) fn functions(&self) -> Vec<Function> {
        let code = self.code.as_bytes();
        let mut functions = Vec::new();
        let mut from = 0;
        while let Some(at) = find(code, b"fn ", from) {
            from = at + 3;
            let alone = at == 0 || !(code[at - 1].is_ascii_alphanumeric() || code[at - 1] == b'_');
            let name: String = self.code[from..]
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            let end = item_end(code, from);
            if alone && !name.is_empty() && code[end - 1] == b'}' {
                let line = self.line(at);
                functions.push(Function {
                    name,
                    line,
                    lines: self.line(end - 1) - line + 1,
                });
            }
        }
        functions
    }

    /// The lines that name a crate: at the head of a path, in `use … as …`, or anywhere if no other word looks like it.
    pub(super) fn names(&self, name: &str) -> Vec<usize> {
        let heads = self.paths(name).into_iter().map(|(_, line)| line);
        let mut lines: Vec<usize> = heads.collect();
        for (number, line) in self.code.lines().enumerate() {
            let imported = line.split_once("use ").is_some_and(|(_, rest)| {
                rest.strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with([';', ' ']))
            });
            let word = |c: char| !(c.is_alphanumeric() || c == '_');
            if imported || name.contains('_') && line.split(word).any(|found| found == name) {
                lines.push(number + 1);
            }
        }
        lines
    }

    /// Every path that begins with a word, written out: `crate::{a, b::C}` is `a` and `b::C`. With the line.
    pub(super) fn paths(&self, first: &str) -> Vec<(String, usize)> {
        let wanted = format!("{first}::");
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(at) = find(self.code.as_bytes(), wanted.as_bytes(), from) {
            from = at + wanted.len();
            let before = self.code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let line = self.line(at);
            let mut paths = Vec::new();
            tree(&self.code[from..], "", &mut paths);
            found.extend(paths.into_iter().map(|path| (path, line)));
        }
        found
    }
}

/// Reads a path or a tree of them; how much of the text that was.
fn tree(text: &str, prefix: &str, paths: &mut Vec<String>) -> usize {
    let mut path = prefix.to_owned();
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let word = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '*'))
            .unwrap_or(rest.len());
        if word > 0 {
            path.push_str(&rest[..word]);
            at += word;
            if text[at..].starts_with("::") && !text[at..].starts_with("::<") {
                path.push_str("::");
                at += 2;
                continue;
            }
            paths.push(path);
            return at;
        }
        if rest.starts_with('{') {
            return at + branches(rest, &path, paths);
        }
        paths.push(path.trim_end_matches("::").to_owned());
        return at;
    }
}

fn branches(text: &str, prefix: &str, paths: &mut Vec<String>) -> usize {
    let mut at = 1;
    while let Some(next) = text[at..].chars().next() {
        match next {
            '}' => return at + 1,
            c if c == ',' || c.is_whitespace() => at += c.len_utf8(),
            _ => {
                let read = tree(&text[at..], prefix, paths);
                // `as Name` is left over.
                at += read.max(1);
            }
        }
    }
    at
}

#[test]
fn files_are_read_as_the_compiler_reads_them() {
    let (source, modules) = parse(
        "x.rs",
        r##"//! arn:aws: in a comment
use crate::{a::B, c::{self, D}};
fn one<'a>(x: &'a str, y: [u8; 2]) -> char {
    let s = "not // a comment } \" fn no() {";
    let r = r#"raw " } "#; /* { */
    '{'
}
trait T { fn none(&self); }
#[cfg(test)]
mod tests { fn gone() { crate::gone::now() } }
#[cfg(test)]
mod elsewhere;
fn two() { crate::e::f() }
"##,
    );
    assert_eq!(modules, ["elsewhere"]);
    let functions: Vec<_> = source
        .functions()
        .into_iter()
        .map(|f| (f.name, f.line, f.lines))
        .collect();
    assert_eq!(
        functions,
        [("one".to_owned(), 3, 5), ("two".to_owned(), 13, 1)]
    );
    let paths: Vec<_> = source
        .paths("crate")
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    assert_eq!(paths, ["a::B", "c::self", "c::D", "e::f"]);
    assert!(source.text.contains("not // a comment") && !source.code.contains("not // a comment"));
    assert!(!source.text.contains("arn:aws:"));
}
