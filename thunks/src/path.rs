//! A path within the folder that a function runs in: relative, and never out of it.

use std::fmt;

/// A path of names joined by slashes, none of them empty, `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelativePath(String);

/// A path that leads nowhere in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PathError {
    /// The path.
    pub path: String,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no path within a folder: names joined by slashes, without `.` and `..`", self.path)
    }
}

impl std::error::Error for PathError {}

/// As long as paths are on Linux.
const MAX_BYTES: usize = 4095;

impl RelativePath {
    /// The path that `path` says.
    pub fn new(path: impl Into<String>) -> Result<Self, PathError> {
        let path = path.into();
        let is_name = |name: &str| !name.is_empty() && name != "." && name != ".." && !name.contains('\0');
        if path.len() > MAX_BYTES || !path.split('/').all(is_name) {
            return Err(PathError { path });
        }
        Ok(Self(path))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Folders and, last, the file's own name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_the_folder_are_refused() {
        for path in ["", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "./a", "a\0b", &"a/".repeat(3000)] {
            assert_eq!(RelativePath::new(path), Err(PathError { path: path.to_owned() }));
        }
        for path in ["a", "a/b", "...", ".a/b..", "a b/ü"] {
            assert_eq!(RelativePath::new(path).unwrap().as_str(), path);
        }
    }
}
