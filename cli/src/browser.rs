//! Opens a file in the person's browser.

use std::path::Path;

/// Opens a file. Returns false where no browser can be started, and prints the path instead: that is not an error.
pub fn open(path: &Path) -> bool {
    let absolute = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match open::that_detached(&absolute) {
        Ok(()) => true,
        Err(error) => {
            eprintln!("no browser can be started here ({error}); open {} yourself", absolute.display());
            false
        }
    }
}
