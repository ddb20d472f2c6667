//! Finds the product's own programs: beside the laboratory's, or where the environment says.

use std::path::PathBuf;

use crate::error::{LabError, Result};

/// Path of `program` (`asterismd`, `asterctl`). Looks at `ASTERISM_BIN_DIR`, then in the target directory that the running
/// executable came from.
///
/// # Errors
/// [`LabError::Invalid`] with the command that builds it.
pub fn find(program: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().map_err(|source| LabError::io("finding the own executable", source))?;
    let named = std::env::var_os("ASTERISM_BIN_DIR").map(PathBuf::from);
    // target/<profile>/x for programs, target/<profile>/deps/x for tests
    let beside = own.ancestors().skip(1).take(2).map(PathBuf::from);
    let dirs: Vec<PathBuf> = named.into_iter().chain(beside).collect();
    dirs.iter().map(|dir| dir.join(program)).find(|file| file.is_file()).ok_or_else(|| {
        let looked: Vec<_> = dirs.iter().map(|dir| dir.display().to_string()).collect();
        LabError::Invalid {
            what: format!(
                "no program {program} in {}: build it with `cargo build -p {program}`, or name its directory in \
                 ASTERISM_BIN_DIR",
                looked.join(", ")
            ),
        }
    })
}
