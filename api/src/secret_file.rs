//! Files that hold keys: made once, whole or not at all, and for their owner alone.

use std::{fs, io, io::Write, path::Path};

/// Reads a file; where there is none yet, makes it from what `make` gives. Of servers that start at once one makes it, and
/// what that made holds for all.
pub(crate) fn read_or_make(
    path: &Path,
    make: impl FnOnce() -> io::Result<Vec<u8>>,
) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => return read,
    }
    match put(path, &make()?, |from, to| fs::hard_link(from, to)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    fs::read(path)
}

/// Puts another file in the place of one.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    put(path, content, |from, to| fs::rename(from, to))
}

fn put(
    path: &Path,
    content: &[u8],
    into: impl FnOnce(&Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // Such files have the mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    // After a rename there is nothing left to remove.
    into(file.path(), path)
}
