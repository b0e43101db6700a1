//! The database as a file, and the disk it lies on.

use std::path::Path;

use poamd_contract::health::Check;

use crate::cli::failure::Failure;
use crate::cli::load::Opened;
use crate::store::dialect;

const MIB: u64 = 1024 * 1024;
/// Below this the next pull may not fit.
const DISK_LOW: u64 = 1024 * MIB;
const DISK_FULL: u64 = 64 * MIB;

pub fn checks(opened: &Opened) -> Result<Vec<Check>, Failure> {
    let (version, verdict, schema) = opened.store.read_here(|conn| {
        Ok((
            dialect::version(conn)?,
            dialect::quick_check(conn)?,
            dialect::schema_version(conn)?,
        ))
    })?;
    let schema = schema.unwrap_or_else(|| "none".to_owned());
    let file = opened.store.url().file();
    let size = file.map_or_else(String::new, |file| {
        format!(
            ", {} MiB in {}",
            size_of(file).div_ceil(MIB),
            file.display()
        )
    });
    let name = "database";
    let mut checks = vec![if verdict == "ok" {
        Check::ok(name, format!("{version}, schema {schema}, sound{size}"))
    } else {
        Check::failed(
            name,
            format!("damaged ({verdict}): stop the daemon, keep the file, restore the last backup"),
        )
    }];
    checks.extend(file.map(disk));
    Ok(checks)
}

/// The file with what was written and not yet folded into it.
fn size_of(file: &Path) -> u64 {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    [file, Path::new(&log)]
        .iter()
        .filter_map(|path| std::fs::metadata(path).ok())
        .map(|meta| meta.len())
        .sum()
}

fn disk(file: &Path) -> Check {
    let name = "disk";
    let folder = file
        .parent()
        .filter(|f| !f.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    match rustix::fs::statvfs(folder) {
        Err(cause) => Check::warning(
            name,
            format!(
                "{} cannot be asked: {cause}; look at it with df",
                folder.display()
            ),
        ),
        Ok(disk) => room(name, disk.f_bavail.saturating_mul(disk.f_frsize)),
    }
}

fn room(name: &str, free: u64) -> Check {
    let said = format!("{} MiB free", free / MIB);
    if free < DISK_FULL {
        Check::failed(
            name,
            format!("{said}: free space at once, nothing more can be written soon"),
        )
    } else if free < DISK_LOW {
        Check::warning(name, format!("{said}: free some before the next pull"))
    } else {
        Check::ok(name, said)
    }
}

#[cfg(test)]
mod tests {
    use poamd_contract::health::Verdict;

    use super::*;

    #[test]
    fn room_runs_out_in_two_steps() {
        for (mib, verdict) in [
            (10_000, Verdict::Ok),
            (500, Verdict::Warning),
            (10, Verdict::Failed),
        ] {
            assert_eq!(room("disk", mib * MIB).verdict, verdict, "{mib}");
        }
    }
}
