//! Files that a server reads. They are written only if they differ. Only root and the server's group can read secrets.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use crate::failure::{DuringIo as _, Failure};
use crate::home;

/// Writes a file unless it has this content already. Returns true if it wrote.
pub(super) fn replace_if_changed(
    path: &Path,
    content: &[u8],
    is_secret: bool,
    group: Option<&str>,
) -> Result<bool, Failure> {
    if fs::read(path).is_ok_and(|existing| existing == content) {
        return Ok(false);
    }
    home::replace(path, content, if is_secret { 0o600 } else { 0o644 }).while_path("write", path)?;
    if is_secret {
        hand_over(path, group)?;
    }
    Ok(true)
}

/// Lets a group read a secret, besides root.
pub(super) fn hand_over(path: &Path, group: Option<&str>) -> Result<(), Failure> {
    let Some(group) = group else { return Ok(()) };
    chown(path, None, Some(group_id(group)?)).while_path("hand over", path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o640)).while_path("hand over", path)
}

fn group_id(name: &str) -> Result<u32, Failure> {
    let path = Path::new("/etc/group");
    let groups = fs::read_to_string(path).while_path("read", path)?;
    groups
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.split(':').nth(1)?.parse().ok())
        .next()
        .ok_or_else(|| io::Error::other(format!("there is no group {name}")))
        .while_path("read", path)
}

/// Deletes the contents of a directory, except one file. Does nothing if there is no such directory.
pub(super) fn delete_contents(directory: &Path, except: Option<&Path>) -> Result<(), Failure> {
    let Ok(entries) = fs::read_dir(directory) else { return Ok(()) };
    for entry in entries {
        let path = entry.while_path("read", directory)?.path();
        if except == Some(&*path) {
            continue;
        }
        let is_directory = fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir());
        if is_directory { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.while_path("remove", &path)?;
    }
    Ok(())
}
