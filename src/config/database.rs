//! `[database]`: where the ledger is kept.

use std::path::{Path, PathBuf};

use poamd_contract::secret::{ExposeSecret, SecretString};
use toml::Spanned;
use toml::de::DeValue;
use url::Url;

use super::address::without_login;
use super::env::Env;
use super::problem::quoted;
use super::reader::Reader;
use super::schema::{Key, Kind, Section};
use super::secret::Secret;
use super::value::{FromToml, Place};

pub const SECTION: Section = Section {
    name: "database",
    many: false,
    doc: "Where the ledger is kept. State, lock and ballast files stand beside a SQLite database.",
    variants: None,
    keys: &[
        Key::with_default(
            "url",
            Kind::DatabaseUrl,
            r#""sqlite:///var/lib/poamd/poamd.db""#,
            "sqlite:///absolute/path.db, sqlite://relative.db (counted from this file's folder), or postgres://user@host:5432/name. \
             Without it: poamd.db in the service's state directory ($STATE_DIRECTORY), else the path shown here.",
        ),
        Key::new(
            "password",
            Kind::Secret,
            r#"{ credential = "database_password" }"#,
            "PostgreSQL only: where the password is kept. Not needed with peer or \
            certificate authentication.",
        ),
        Key::with_default(
            "pool_size",
            Kind::Integer { min: 1, max: 64 },
            "8",
            "Connections for reading; writing always uses one of its own.",
        ),
    ],
};

/// Which database, and how to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    pub url: DatabaseUrl,
    pub password: Option<Secret>,
    pub pool_size: u32,
}

/// The two databases there are. Holds no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    Sqlite(PathBuf),
    Postgres(Url),
}

impl Database {
    pub(super) fn read(r: Reader<'_>, env: &dyn Env) -> Option<Self> {
        r.reject_unknown();
        let (url, pool_size) = (r.get("url"), r.get("pool_size"));
        let password = r.optional("password");
        let url = if r.has("url") {
            url?
        } else {
            in_state_directory(env).or(url)?
        };
        if password.is_some() && matches!(url, DatabaseUrl::Sqlite(_)) {
            r.fail("password", "is of no use with SQLite; leave it out");
        }
        Some(Self {
            url,
            password,
            pool_size: pool_size?,
        })
    }
}

/// systemd may name several folders, the first is ours.
fn in_state_directory(env: &dyn Env) -> Option<DatabaseUrl> {
    let folders = env.var("STATE_DIRECTORY")?;
    let first = folders
        .split(':')
        .next()
        .filter(|folder| folder.starts_with('/'))?;
    Some(DatabaseUrl::Sqlite(Path::new(first).join("poamd.db")))
}

impl DatabaseUrl {
    /// Reads one; relative SQLite paths count from `folder`.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("sqlite://") {
            return match path {
                "" | ":memory:" => {
                    Err("names no file; write sqlite:///absolute/path.db".to_owned())
                }
                path if path.ends_with('/') || path.contains(['?', '#']) => {
                    Err(format!("{} is not the path of a file", quoted(path)))
                }
                path => Ok(Self::Sqlite(folder.join(path))),
            };
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(format!(
                "{} is neither sqlite:// nor postgres://",
                quoted(&without_login(text))
            ));
        }
        let url = Url::parse(text).map_err(|cause| {
            format!(
                "{} is not an address ({cause})",
                quoted(&without_login(text))
            )
        })?;
        if url.password().is_some() || url.query_pairs().any(|(name, _)| name == "password") {
            return Err(
                "has a password in it; take it out and write password = { credential = \
            \"database_password\" }"
                    .into(),
            );
        }
        if url.path().trim_matches('/').is_empty() {
            return Err(format!(
                "{} names no database; write postgres://user@host:5432/name",
                quoted(&without_login(text))
            ));
        }
        Ok(Self::Postgres(url))
    }

    /// What the database library connects to. Secret as soon as there is a password.
    pub fn connection(&self, password: Option<&SecretString>) -> SecretString {
        match self {
            Self::Sqlite(path) => SecretString::from(path.display().to_string()),
            Self::Postgres(url) => {
                let mut url = url.clone();
                if let Some(password) = password {
                    // Only a URL without host refuses a password; libpq then asks for it and says so.
                    let _ = url.set_password(Some(password.expose_secret()));
                }
                SecretString::from(String::from(url))
            }
        }
    }
}

impl FromToml for DatabaseUrl {
    fn from_toml(value: &Spanned<DeValue<'_>>, _: &Kind, place: &Place<'_>) -> Option<Self> {
        let text = String::from_toml(value, &Kind::Text, place)?;
        Self::parse(&text, place.source.folder()).map_or_else(|what| place.fail(value, what), Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_a_file_or_a_server_and_never_a_password() {
        let parse = |text: &str| DatabaseUrl::parse(text, Path::new("/etc/poamd"));
        assert_eq!(
            parse("sqlite:///var/x.db"),
            Ok(DatabaseUrl::Sqlite("/var/x.db".into()))
        );
        assert_eq!(
            parse("sqlite://x/y.db"),
            Ok(DatabaseUrl::Sqlite("/etc/poamd/x/y.db".into()))
        );
        assert!(matches!(
            parse("postgresql://poamd@db:5432/poamd?sslmode=verify-full"),
            Ok(DatabaseUrl::Postgres(_))
        ));
        for bad in [
            "sqlite://",
            "sqlite://:memory:",
            "sqlite:///var/",
            "mysql://x/y",
            "/var/x.db",
            "postgres://host",
            "postgres://host/",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        for bad in [
            "postgres://u:hunter2@h/d",
            "postgres://h/d?password=hunter2",
            "mysql://u:hunter2@h/d",
            "postgres://u:hunter2@[h/d",
        ] {
            assert!(!parse(bad).unwrap_err().contains("hunter2"), "{bad}");
        }
    }

    #[test]
    fn a_password_goes_into_the_connection_and_into_no_debug_text() {
        let url = DatabaseUrl::parse("postgres://poamd@db/poamd", Path::new("")).unwrap();
        let connection = url.connection(Some(&SecretString::from("p@ss/word")));
        assert_eq!(
            connection.expose_secret(),
            "postgres://poamd:p%40ss%2Fword@db/poamd"
        );
        assert!(!format!("{connection:?}").contains("ss"));
        assert_eq!(
            url.connection(None).expose_secret(),
            "postgres://poamd@db/poamd"
        );
    }
}
