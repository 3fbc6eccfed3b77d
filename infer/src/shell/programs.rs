//! The real programs behind the models.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// The search path without the folders of models.
pub fn real_path() -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).filter(|folder| !folder.join(MODELS_MARK).exists());
    // What could be split can be joined.
    env::join_paths(folders).unwrap_or_default()
}

/// The program that `name` means where there are no models: a path, or a name that is looked for on `path`.
pub fn real_program(name: &str, path: &OsStr) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| {
        let Ok(target) = fs::canonicalize(path) else { return false };
        target.is_file() && !env::current_exe().is_ok_and(|own| own == target) && !is_cache(&target)
    };
    if name.contains('/') {
        let path = PathBuf::from(name);
        if is_program(&path) {
            return Some(path);
        }
    }
    let name = Path::new(name).file_name()?;
    env::split_paths(path).map(|folder| folder.join(name)).find(is_program).map(preferred)
}

/// The program that a choice of the system's administrator stands for (Debian's `update-alternatives`): by its own name it is the same
/// program elsewhere, too, where others were chosen.
fn preferred(program: PathBuf) -> PathBuf {
    let chosen = fs::read_link(&program).ok().filter(|link| link.starts_with("/etc/alternatives"));
    chosen.and_then(|link| fs::read_link(link).ok()).filter(|chosen| chosen.is_absolute()).unwrap_or(program)
}

/// Caches that are called by the names of compilers: behind them there would be two memos.
fn is_cache(program: &Path) -> bool {
    program.file_name().is_some_and(|name| ["ccache", "sccache", "distcc", "icecc"].iter().any(|cache| name == *cache))
}

/// The file that tells a folder of models from one of programs.
pub const MODELS_MARK: &str = ".oyster-models";
