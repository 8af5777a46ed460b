//! Links in the file system. The server follows none that lead out of its workspace.

use std::path::Path;

/// Whether a path exists and leads out of a folder.
pub(crate) fn leads_out(path: &Path, root: &Path) -> bool {
    let Ok(real) = std::fs::canonicalize(path) else { return false };
    !std::fs::canonicalize(root).is_ok_and(|root| real.starts_with(root))
}

/// Whether a folder contains a link that leads out of `root`, which is a canonical path. Folders of predictions and observations
/// hold few files; unreadable ones count as leading out.
pub(crate) fn has_outward_link(folder: &Path, root: &Path) -> bool {
    const DEEPEST: usize = 6;
    fn search(folder: &Path, root: &Path, depth: usize) -> std::io::Result<bool> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let is_bad = if kind.is_symlink() {
                leads_out(&entry.path(), root)
            } else {
                kind.is_dir() && (depth == 0 || search(&entry.path(), root, depth - 1)?)
            };
            if is_bad {
                tracing::warn!("{} leads out of the workspace; not served", entry.path().display());
                return Ok(true);
            }
        }
        Ok(false)
    }
    search(folder, root, DEEPEST).unwrap_or(true)
}
