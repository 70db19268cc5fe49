//! Absolute globs over this machine's files: `*` stays within one part of a path, `**` crosses `/`.
//!
//! Follows symbolic links (certificates usually are some), never twice into one folder, so a loop ends.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use crate::domain::reason::FailureReason;

/// Files taken from one pattern.
pub const MOST_FILES: usize = 10_000;
/// Folders below the fixed part of a pattern.
const DEEPEST: usize = 64;

/// One entry of `files:`.
#[derive(Clone, Debug)]
pub struct Pattern {
    written: String,
    matcher: GlobMatcher,
    /// What a folder of each depth must match to be looked into; the deeper ones may be any.
    way: Vec<GlobMatcher>,
    /// The part before the first wildcard.
    base: PathBuf,
    /// Folders between base and file; `**` may be any number of them.
    depth: usize,
}

/// What a pattern matches now.
#[derive(Debug)]
pub struct Found {
    /// Sorted.
    pub paths: Vec<PathBuf>,
    /// Part of it could not be looked at: the absence of a file is then no evidence.
    pub missed: Option<(FailureReason, String)>,
}

impl Found {
    pub fn failed(why: &str) -> Self {
        Self { paths: Vec::new(), missed: Some((FailureReason::NotFound, why.to_owned())) }
    }
}

impl Pattern {
    pub fn new(written: &str) -> Result<Self, String> {
        if !written.starts_with('/') {
            return Err(format!("the pattern {written:?} is not absolute"));
        }
        let matcher = matcher(written).map_err(|error| format!("the pattern cannot be read: {error}"))?;
        let parts: Vec<&str> = written.split('/').collect();
        let fixed = parts.iter().take_while(|part| !is_wild(part)).count();
        let base: PathBuf =
            if fixed == parts.len() { written.into() } else { format!("{}/", parts[..fixed].join("/")).into() };
        let depth = if written.contains("**") { DEEPEST } else { parts.len().saturating_sub(fixed + 1) };
        let way = way(&parts, fixed);
        Ok(Self { written: written.to_owned(), matcher, way, base, depth })
    }
    fn leads(&self, folder: &Path, depth: usize) -> bool {
        depth < self.depth && self.way.get(depth).is_none_or(|matcher| matcher.is_match(folder))
    }
    /// No wildcard: the path of one file.
    pub fn is_plain(&self) -> bool {
        !is_wild(&self.written)
    }
    /// The folders before the first part that may be anything; `[s]` in a part is only a plain letter.
    pub fn prefix(&self) -> PathBuf {
        let mut parts: Vec<String> = self.written.split('/').map(spelt).collect();
        parts.pop();
        let fixed = parts.iter().take_while(|part| !is_wild(part)).cloned().collect::<Vec<_>>();
        format!("{}/", fixed.join("/")).into()
    }
    /// Looks through the folders now; blocking.
    pub fn find(&self, most: usize) -> Found {
        if self.is_plain() {
            return Found { paths: vec![self.base.clone()], missed: None };
        }
        let mut search =
            Search { pattern: self, most, seen: HashSet::new(), found: Found { paths: Vec::new(), missed: None } };
        search.folder(&self.base, 0);
        search.found.paths.sort();
        search.found
    }
}

fn matcher(glob: &str) -> Result<GlobMatcher, globset::Error> {
    Ok(GlobBuilder::new(glob).literal_separator(true).build()?.compile_matcher())
}

/// Folders aside are not opened: one that forbids it would make the pattern unread. Ends at `**` and at a brace, which
/// may hold a `/`.
fn way(parts: &[&str], fixed: usize) -> Vec<GlobMatcher> {
    let wild = parts.len().saturating_sub(1).saturating_sub(fixed);
    let known = parts[fixed..].iter().take(wild).take_while(|part| !part.contains("**") && !part.contains('{'));
    let ends = (fixed..).zip(known).map(|(nth, _)| parts[..=nth].join("/"));
    ends.map_while(|prefix| matcher(&prefix).ok()).collect()
}

/// `ss[l]` as `ssl`: a class of one letter is that letter.
fn spelt(part: &str) -> String {
    let mut rest = part;
    let mut out = String::new();
    while let Some((before, after)) = rest.split_once('[') {
        let mut class = after.chars();
        match (class.next(), class.next()) {
            (Some(letter), Some(']')) if letter.is_alphanumeric() => {
                out.push_str(before);
                out.push(letter);
                rest = class.as_str();
            }
            _ => break,
        }
    }
    out + rest
}

fn is_wild(part: &str) -> bool {
    part.contains(['*', '?', '[', '{', '\\'])
}

struct Search<'a> {
    pattern: &'a Pattern,
    most: usize,
    seen: HashSet<PathBuf>,
    found: Found,
}

impl Search<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) {
        match std::fs::canonicalize(folder).and_then(|real| Ok((std::fs::read_dir(folder)?, real))) {
            Ok((entries, real)) => {
                if self.seen.insert(real) {
                    for entry in entries {
                        match entry {
                            Ok(entry) => self.entry(&entry.path(), depth),
                            Err(error) => self.miss(folder, &error),
                        }
                    }
                }
            }
            Err(error) => self.miss(folder, &error),
        }
    }
    fn entry(&mut self, path: &Path, depth: usize) {
        // A link that leads nowhere is unread if it matches, and nothing otherwise.
        let is_folder = std::fs::metadata(path).is_ok_and(|meta| meta.is_dir());
        if is_folder && self.pattern.leads(path, depth) {
            self.folder(path, depth + 1);
        } else if !is_folder && self.pattern.matcher.is_match(path) {
            if self.found.paths.len() < self.most {
                self.found.paths.push(path.to_owned());
            } else {
                let why = format!("{} matches more than {} files; narrow it", self.pattern.written, self.most);
                self.found.missed.get_or_insert((FailureReason::TooLarge, why));
            }
        }
    }
    fn miss(&mut self, folder: &Path, error: &std::io::Error) {
        self.found
            .missed
            .get_or_insert_with(|| (super::bytes::reason(error), format!("{}: {error}", folder.display())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for path in ["a.pem", "a.key", "x/b.pem", "x/y/c.pem", "x/y/d.crt", "z/e.pem"] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        dir
    }

    fn find(dir: &tempfile::TempDir, pattern: &str) -> Vec<String> {
        let found = Pattern::new(&format!("{}/{pattern}", dir.path().display())).unwrap().find(MOST_FILES);
        assert!(found.missed.is_none(), "{found:?}");
        found.paths.iter().map(|path| path.strip_prefix(dir.path()).unwrap().display().to_string()).collect()
    }

    #[test]
    fn one_star_stays_in_its_folder_and_two_cross() {
        let dir = tree();
        assert_eq!(find(&dir, "*.pem"), ["a.pem"]);
        assert_eq!(find(&dir, "*/*.pem"), ["x/b.pem", "z/e.pem"]);
        assert_eq!(find(&dir, "x/**/*.pem"), ["x/b.pem", "x/y/c.pem"]);
        assert_eq!(find(&dir, "**/*.{pem,crt}"), ["a.pem", "x/b.pem", "x/y/c.pem", "x/y/d.crt", "z/e.pem"]);
        assert_eq!(find(&dir, "[xz]/?.pem"), ["x/b.pem", "z/e.pem"]);
    }

    #[test]
    fn the_fixed_part_of_a_pattern_ends_where_it_may_be_anything() {
        let table = [
            ("/etc/ss[l]/certs/*.pem", "/etc/ssl/certs/"),
            ("/etc/letsencryp[t]/live/*/cert.pem", "/etc/letsencrypt/live/"),
            ("/etc/pki/ca.pem", "/etc/pki/"),
            ("/a/[bc]/d.pem", "/a/"),
            ("/a/x[/d.pem", "/a/"),
            ("/*.pem", "/"),
            ("/a/**/b.pem", "/a/"),
        ];
        for (written, prefix) in table {
            let pattern = Pattern { written: written.into(), ..Pattern::new("/a").unwrap() };
            assert_eq!(pattern.prefix(), PathBuf::from(prefix), "{written}");
        }
    }

    #[test]
    fn links_are_followed_and_loops_end() {
        let dir = tree();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("x/loop")).unwrap();
        std::os::unix::fs::symlink("b.pem", dir.path().join("x/live.pem")).unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("x/dead.pem")).unwrap();
        assert_eq!(find(&dir, "x/*.pem"), ["x/b.pem", "x/dead.pem", "x/live.pem"]);
        assert!(find(&dir, "**/*.pem").len() < 20);
    }

    #[test]
    fn folders_that_lead_nowhere_are_not_opened() {
        let dir = tree();
        let opened = |pattern: &str| {
            let pattern = Pattern::new(&format!("{}/{pattern}", dir.path().display())).unwrap();
            let found = Found { paths: Vec::new(), missed: None };
            let mut search = Search { pattern: &pattern, most: MOST_FILES, seen: HashSet::new(), found };
            search.folder(&pattern.base.clone(), 0);
            search.seen.len()
        };
        assert_eq!(opened("[x]/*.pem"), 2);
        assert_eq!(opened("[x]/y/*.pem"), 3);
        assert_eq!(opened("*/nowhere/*.pem"), 3);
        assert_eq!(opened("{x/y,z}/*.pem"), 4);
        assert_eq!(find(&dir, "{x/y,z}/*.pem"), ["x/y/c.pem", "z/e.pem"]);
        assert_eq!(find(&dir, "?/y/*.crt"), ["x/y/d.crt"]);
    }

    #[test]
    fn what_cannot_be_looked_at_is_said() {
        let dir = tree();
        let find =
            |pattern: &str, most| Pattern::new(&format!("{}/{pattern}", dir.path().display())).unwrap().find(most);
        assert_eq!(find("absent/*.pem", 9).missed.unwrap().0, FailureReason::NotFound);
        let capped = find("**/*.pem", 2);
        assert_eq!((capped.paths.len(), capped.missed.unwrap().0), (2, FailureReason::TooLarge));
        assert!(Pattern::new("relative/*.pem").is_err());
        assert!(Pattern::new("/a/[.pem").is_err());
        assert!(Pattern::new("/a/b.pem").unwrap().is_plain());
    }
}
