//! Where a database file may lie: WAL needs memory that all its users share, which no network file system gives.

use std::path::Path;

use super::StoreError;

/// Magic numbers of statfs(2) and what they stand for.
const NETWORK: [(u32, &str); 6] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x0102_1997, "9P"),
    (0x7375_7245, "Coda"),
];

fn network_name(magic: u32) -> Option<&'static str> {
    NETWORK
        .into_iter()
        .find(|(number, _)| *number == magic)
        .map(|(_, name)| name)
}

/// Refuses a database on a network file system (SQLite, "Write-Ahead Logging", 1).
pub(super) fn refuse_network(database: &Path) -> Result<(), StoreError> {
    let folder = database
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    // A folder that cannot be asked is told of by whoever opens the file in it.
    let Ok(found) = rustix::fs::statfs(folder) else {
        return Ok(());
    };
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "magic numbers have 32 bits; the field is wider on some machines and signed on others"
    )]
    let magic = found.f_type as u32;
    match network_name(magic) {
        Some(kind) => Err(StoreError::NetworkFileSystem {
            kind,
            place: database.display().to_string(),
        }),
        None => Ok(()),
    }
}

/// A new database can be read by its owner alone, whatever the umask: every weakness stands in it. Its log and index
/// files get the same rights from SQLite.
pub(super) fn make_private(database: &Path) {
    use std::os::unix::fs::OpenOptionsExt;
    // One that is there keeps its rights; one that cannot be made is told of by whoever opens it.
    let _ = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(database);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_their_numbers() {
        for (magic, name) in NETWORK {
            assert_eq!(network_name(magic), Some(name));
        }
        // ext4, tmpfs, XFS, Btrfs, overlay.
        for magic in [0xef53, 0x0102_1994, 0x5846_5342, 0x9123_683e, 0x794c_7630] {
            assert_eq!(network_name(magic), None);
        }
    }

    #[test]
    fn a_new_database_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("poamd.db");
        make_private(&path);
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        make_private(&path);
        assert_eq!(mode(), 0o640);
    }

    #[test]
    fn a_local_folder_and_one_that_is_not_there_pass() {
        let folder = tempfile::tempdir().unwrap();
        assert!(refuse_network(&folder.path().join("poamd.db")).is_ok());
        assert!(refuse_network(Path::new("poamd.db")).is_ok());
        assert!(refuse_network(Path::new("/does/not/exist/poamd.db")).is_ok());
    }
}
