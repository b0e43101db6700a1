//! A secret is a name: where it is kept. What it is stays out of the configuration, of `Debug` and of every message.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use poamd_contract::secret::{ExposeSecret, SecretString};

use super::env::Env;

/// Longer files are no secret but a mistake.
const LARGEST: u64 = 64 * 1024;

/// Where a secret is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Secret {
    /// A systemd credential: the file of this name in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    File(PathBuf),
    /// An environment variable.
    Env(String),
}

/// A secret that has been fetched.
#[derive(Debug)]
pub struct Resolved {
    pub value: SecretString,
    /// What is unsafe about the place it was found in, for people.
    pub warning: Option<String>,
}

/// Why a secret could not be fetched: the place, the cause, the next step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {cause}")]
pub struct SecretError {
    pub place: String,
    pub cause: String,
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(name) => write!(f, "credential {name:?}"),
            Self::File(path) => write!(f, "file {path:?}"),
            Self::Env(name) => write!(f, "environment variable {name:?}"),
        }
    }
}

impl Secret {
    /// Fetches it now; one newline at the end is not part of it. Call again to see a rotated one.
    pub fn resolve(&self, env: &dyn Env) -> Result<Resolved, SecretError> {
        let fail = |cause: String| SecretError {
            place: self.to_string(),
            cause,
        };
        let resolved = match self {
            Self::Credential(name) => {
                let folder = env.var("CREDENTIALS_DIRECTORY").ok_or_else(|| {
                    fail(format!(
                        "CREDENTIALS_DIRECTORY is not set; systemd sets it for a unit with LoadCredentialEncrypted={name}, \
                         elsewhere set it to a folder that holds a file of this name"
                    ))
                })?;
                let value = read(&Path::new(&folder).join(name)).map_err(|cause| {
                    fail(format!(
                        "{cause}; store it with systemd-creds encrypt --name={name} - /etc/credstore.encrypted/{name} \
                         and restart the service"
                    ))
                })?;
                Resolved {
                    value,
                    warning: None,
                }
            }
            Self::File(path) => {
                let value = read(path).map_err(fail)?;
                Resolved {
                    value,
                    warning: readable_by_all(path),
                }
            }
            Self::Env(name) => {
                let value = env.var(name).ok_or_else(|| {
                    fail("is not set, or not UTF-8; set it for this process".into())
                })?;
                Resolved {
                    value: trimmed(value),
                    warning: None,
                }
            }
        };
        if resolved.value.expose_secret().is_empty() {
            return Err(fail("is empty; put the secret there".into()));
        }
        Ok(resolved)
    }
}

fn read(path: &Path) -> Result<SecretString, String> {
    let file = std::fs::File::open(path).map_err(|cause| format!("cannot be read ({cause})"))?;
    let mut text = String::new();
    let size = file
        .take(LARGEST + 1)
        .read_to_string(&mut text)
        .map_err(|cause| format!("cannot be read ({cause})"))?;
    let value = trimmed(text);
    if u64::try_from(size).is_ok_and(|size| size > LARGEST) {
        return Err("is longer than 64 KiB; name the file that holds only the secret".to_owned());
    }
    Ok(value)
}

fn trimmed(mut text: String) -> SecretString {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    SecretString::from(text)
}

fn readable_by_all(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o004 != 0)
        .then(|| format!("file {path:?} can be read by every user; run chmod 0600 on it"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn each_place_gives_its_secret_without_the_last_newline() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("jira_token"), "s3cret\n\n").unwrap();
        let path = dir.path().to_str().unwrap();
        let got = |secret: Secret, env: &BTreeMap<String, String>| {
            secret
                .resolve(env)
                .map(|r| r.value.expose_secret().to_owned())
        };
        let with_dir = env(&[("CREDENTIALS_DIRECTORY", path), ("TOKEN", "abc\r\n")]);
        assert_eq!(
            got(Secret::Credential("jira_token".into()), &with_dir).unwrap(),
            "s3cret\n"
        );
        assert_eq!(
            got(Secret::File(dir.path().join("jira_token")), &with_dir).unwrap(),
            "s3cret\n"
        );
        assert_eq!(got(Secret::Env("TOKEN".into()), &with_dir).unwrap(), "abc");
    }

    #[test]
    fn what_is_missing_is_named_with_the_next_step() {
        let missing = |secret: Secret, pairs: &[(&str, &str)]| {
            secret.resolve(&env(pairs)).unwrap_err().to_string()
        };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_str().unwrap();
        std::fs::write(dir.path().join("empty"), "\n").unwrap();
        std::fs::write(dir.path().join("big"), "x".repeat(70_000)).unwrap();
        std::fs::write(dir.path().join("binary"), [0xff, 0xfe]).unwrap();
        for (text, word) in [
            (
                missing(Secret::Credential("t".into()), &[]),
                "CREDENTIALS_DIRECTORY is not set",
            ),
            (
                missing(
                    Secret::Credential("t".into()),
                    &[("CREDENTIALS_DIRECTORY", path)],
                ),
                "systemd-creds encrypt --name=t",
            ),
            (
                missing(Secret::File(dir.path().join("none")), &[]),
                "cannot be read",
            ),
            (
                missing(Secret::File(dir.path().join("empty")), &[]),
                "is empty",
            ),
            (
                missing(Secret::File(dir.path().join("big")), &[]),
                "longer than 64 KiB",
            ),
            (
                missing(Secret::File(dir.path().join("binary")), &[]),
                "cannot be read",
            ),
            (missing(Secret::Env("T".into()), &[]), "is not set"),
        ] {
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn a_file_that_everybody_can_read_is_warned_of() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "x").unwrap();
        for (mode, warned) in [(0o644, true), (0o640, false), (0o600, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let resolved = Secret::File(path.clone()).resolve(&env(&[])).unwrap();
            assert_eq!(resolved.warning.is_some(), warned, "{mode:o}");
        }
    }

    #[test]
    fn debug_shows_where_and_never_what() {
        let resolved = Secret::Env("T".into())
            .resolve(&env(&[("T", "hunter2")]))
            .unwrap();
        assert!(!format!("{resolved:?}").contains("hunter2"));
    }
}
