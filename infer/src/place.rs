//! Where a call is made, and what its names mean where it is run: the same folders, seen from the root of the build.

use oyster_thunks::RelativePath;

use crate::word::Refusal;

/// The folder that a call is made in, and the root of the build around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The root: absolute, without symbolic links.
    root: String,
    /// The folder below it; empty for itself.
    folder: String,
}

/// Where a name leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Located {
    /// To a file of the build, by its path from the root.
    Inside(RelativePath),
    /// To a file of the machine, by its whole path.
    Outside(String),
}

impl Place {
    /// The folder `folder` of the build at `root`, both absolute and without symbolic links; none if it is not below it.
    pub fn new(root: &str, folder: &str) -> Option<Self> {
        let root = root.trim_end_matches('/');
        let below = folder.strip_prefix(root).filter(|below| below.is_empty() || below.starts_with('/'))?;
        root.is_empty().then_some("/").or(Some(root)).filter(|root| root.starts_with('/'))?;
        Some(Self { root: root.to_owned(), folder: below.trim_matches('/').to_owned() })
    }

    /// The root; empty for `/`.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// The folder below the root; empty for itself.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// What follows the root in a name that begins with it.
    pub fn below_root<'a>(&self, path: &'a str) -> Option<&'a str> {
        let below = path.strip_prefix(&self.root)?;
        (below.is_empty() || below.starts_with('/')).then_some(below)
    }

    /// Where `path` leads, if no folder on the way is a symbolic link.
    pub fn locate(&self, path: &str) -> Result<Located, Refusal> {
        let whole = match path.starts_with('/') {
            true => path.to_owned(),
            false => format!("{}/{}/{path}", self.root, self.folder),
        };
        let whole = plain(&whole);
        match self.below_root(&whole) {
            None if !path.starts_with('/') => {
                Err(Refusal::strange(format!("{path}, which is not below {}", self.root)))
            }
            None => Ok(Located::Outside(whole)),
            Some(below) => match RelativePath::new(below.trim_start_matches('/')) {
                Ok(path) if !below.contains('\n') => Ok(Located::Inside(path)),
                _ => Err(Refusal::strange(format!("`{path}` as the name of a file"))),
            },
        }
    }

    /// The folders below the root that must be there for `path` to lead somewhere: those that it enters and leaves again.
    pub fn visited(&self, path: &str) -> Vec<String> {
        if path.starts_with('/') && self.below_root(path).is_none() {
            return Vec::new();
        }
        let below = self.below_root(path).filter(|_| path.starts_with('/'));
        let whole = below.map_or_else(|| format!("{}/{path}", self.folder), str::to_owned);
        let (mut names, mut visited) = (Vec::new(), Vec::new());
        for name in whole.split('/').filter(|name| !name.is_empty() && *name != ".") {
            if name == ".." {
                visited.push(names.join("/"));
                names.pop();
            } else {
                names.push(name);
            }
        }
        visited
    }
}

/// An absolute path without `.` and `..`.
fn plain(path: &str) -> String {
    let mut names = Vec::new();
    for name in path.split('/').filter(|name| !name.is_empty() && *name != ".") {
        if name == ".." {
            names.pop();
        } else {
            names.push(name);
        }
    }
    format!("/{}", names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(path: &str) -> Result<Located, Refusal> {
        Ok(Located::Inside(RelativePath::new(path).unwrap()))
    }

    #[test]
    fn names_lead_into_the_build_or_out_of_it() {
        let place = Place::new("/home/me/x", "/home/me/x/build/sub").unwrap();
        assert_eq!(place.locate("a.c"), inside("build/sub/a.c"));
        assert_eq!(place.locate("../../src/./a.c"), inside("src/a.c"));
        assert_eq!(place.locate("/home/me/x//src/a.c"), inside("src/a.c"));
        assert_eq!(place.locate("/usr/lib/gcc/../x.o"), Ok(Located::Outside("/usr/lib/x.o".into())));
        assert_eq!(place.locate("/home/me/xy"), Ok(Located::Outside("/home/me/xy".into())));
        assert!(place.locate("../../../y").is_err() && place.locate("../..").is_err());
        assert_eq!(place.visited("../gen/../../src/a.c"), ["build/sub", "build/gen", "build"]);
        assert_eq!(Place::new("/home/me/x", "/home/me/xy"), None);
        assert_eq!(Place::new("/", "/tmp").unwrap().locate("a"), inside("tmp/a"));
    }
}
