//! What is wrong with a configuration file: one line each, all of them at once.

use std::fmt;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file as it was named to us.
    pub file: String,
    /// From 1; `None` if the problem has no place (the file cannot be read).
    pub line: Option<usize>,
    /// `[mail] port`, `[[desks]] url`; empty for the file as a whole.
    pub key: String,
    /// The cause and, where there is one, the next step. One line.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.what)
    }
}

/// Everything wrong with a configuration, in the order of the file. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Text of the file as it may stand in a message: quoted, control characters escaped, capped.
pub(crate) fn quoted(text: &str) -> String {
    const CAP: usize = 80;
    if text.chars().count() <= CAP {
        format!("{text:?}")
    } else {
        format!("{:?}…", text.chars().take(CAP).collect::<String>())
    }
}

/// `; did you mean "port"?`, or nothing if no name is near.
pub(crate) fn did_you_mean<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, names)
        .map(|name| format!("; did you mean \"{name}\"?"))
        .unwrap_or_default()
}

/// The name closest to a word: at most two edits (a third of a longer word), a swap of neighbours counting as one.
fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 200 {
        return None;
    }
    let lower = word.to_lowercase();
    let names: Vec<&str> = names.into_iter().collect();
    let mut begun = names
        .iter()
        .filter(|name| name.to_lowercase().starts_with(&lower));
    if let (Some(name), None) = (begun.next(), begun.next())
        && lower.chars().count() >= 2
    {
        return Some(name);
    }
    let allowed = (lower.chars().count() / 3).max(2);
    names
        .into_iter()
        .map(|name| {
            (
                strsim::damerau_levenshtein(&lower, &name.to_lowercase()),
                name,
            )
        })
        .filter(|(distance, name)| *distance <= allowed && *distance < name.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_slip_finds_its_name_and_a_stranger_none() {
        let names = ["host", "port", "password", "security"];
        assert_eq!(nearest("prot", names), Some("port"));
        assert_eq!(nearest("Pasword", names), Some("password"));
        assert_eq!(nearest("sec", names), Some("security"));
        assert_eq!(
            nearest("mod", ["low", "moderate", "high"]),
            Some("moderate")
        );
        assert_eq!(nearest("colour", names), None);
        assert_eq!(nearest(&"x".repeat(5000), names), None);
    }

    #[test]
    fn a_problem_is_one_line_whatever_the_file_holds() {
        let line = Problem {
            file: "poamd.toml".into(),
            line: Some(12),
            key: "[mail] prot".into(),
            what: format!("{} is wrong", quoted("a\nb\u{1b}[31m")),
        }
        .to_string();
        assert_eq!(
            line,
            r#"poamd.toml:12: [mail] prot: "a\nb\u{1b}[31m" is wrong"#
        );
    }
}
