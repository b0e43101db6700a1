//! One worker a database file: a second one is told so at once and writes nothing. PostgreSQL is shared by leases
//! instead.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::store::DatabaseUrl;

/// Held as long as this process works on the database; the system lets go of it however the process ends.
#[derive(Debug)]
pub struct Instance {
    _lock: Option<File>,
}

#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    #[error(
        "another poamd (process {pid}) works on {database}: stop it, or let it do the work on its schedule; nothing was written"
    )]
    Taken { pid: String, database: String },
    #[error(
        "the lock file {file} cannot be used ({source}): its folder must be writable for poamd"
    )]
    Unusable {
        file: String,
        source: std::io::Error,
    },
}

impl Instance {
    /// Takes the lock beside the database file, or says who has it. Never waits.
    pub fn claim(url: &DatabaseUrl) -> Result<Self, InstanceError> {
        let Some(database) = url.file() else {
            return Ok(Self { _lock: None });
        };
        let path = lock_path(database);
        let unusable = |source| InstanceError::Unusable {
            file: path.display().to_string(),
            source,
        };
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(unusable)?;
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // Who it is, is only told; that it is held, is known.
                let _ = file.read_to_string(&mut pid);
                let pid = if pid.trim().is_empty() {
                    "unknown"
                } else {
                    pid.trim()
                }
                .to_owned();
                return Err(InstanceError::Taken {
                    pid,
                    database: database.display().to_string(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        file.set_len(0).map_err(unusable)?;
        file.rewind().map_err(unusable)?;
        writeln!(file, "{}", std::process::id()).map_err(unusable)?;
        Ok(Self { _lock: Some(file) })
    }
}

fn lock_path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_is_first() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("poamd.db"));
        let first = Instance::claim(&url).unwrap();
        let refused = Instance::claim(&url).unwrap_err().to_string();
        assert!(
            refused.contains(&std::process::id().to_string()),
            "{refused}"
        );
        drop(first);
        assert!(Instance::claim(&url).is_ok());
    }
}
