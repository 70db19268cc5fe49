//! The house stays as drawn: reads `docs/architecture.md` and fails when code and page differ. Plain text scanning, no
//! dependency, a second to run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

struct Row {
    rank: u32,
    imports: Vec<String>,
    crates: Vec<(String, Vec<String>)>,
}

struct Source {
    /// Below `src/`, without `.rs`.
    path: String,
    room: String,
    /// Production code: the trailing test module is cut off.
    code: String,
    whole: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn page() -> String {
    fs::read_to_string(root().join("docs/architecture.md")).expect("docs/architecture.md is there")
}

fn table(page: &str, name: &str) -> Vec<String> {
    let start = page.find(&format!("```table:{name}\n")).unwrap_or_else(|| panic!("the page has a table:{name}"));
    let body = &page[start..].split_once('\n').expect("a body").1;
    body.split("```")
        .next()
        .expect("an end")
        .lines()
        .map(str::to_owned)
        .filter(|line| !line.trim().is_empty())
        .collect()
}

fn imports(page: &str) -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::new();
    for line in table(page, "imports") {
        let mut columns = line.split(" :");
        let (rank, room) = columns.next().expect("a column").trim().split_once(' ').expect("rank room");
        let (imports, crates) = (columns.next().unwrap_or_default(), columns.next().unwrap_or_default());
        let crates = crates.split_whitespace().map(|word| match word.split_once('@') {
            Some((name, files)) => (name.to_owned(), files.split(',').map(str::to_owned).collect()),
            None => (word.to_owned(), Vec::new()),
        });
        let row = Row {
            rank: rank.parse().expect("a rank"),
            imports: imports.split_whitespace().map(str::to_owned).collect(),
            crates: crates.collect(),
        };
        assert!(rows.insert(room.trim().to_owned(), row).is_none(), "{room} stands twice in table:imports");
    }
    rows
}

/// Floors of one room.
const SINGLE: &[&str] = &["domain", "config", "cli", "app", "main", "lib"];

fn room(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        [floor, ..] if SINGLE.contains(floor) => (*floor).to_owned(),
        [floor, "mod"] | [floor] => (*floor).to_owned(),
        [floor, room, ..] => format!("{floor}::{room}"),
        [] => String::new(),
    }
}

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files(&path, into),
            false => into.push(path),
        }
    }
}

fn sources() -> Vec<Source> {
    let src = root().join("src");
    let mut all = Vec::new();
    files(&src, &mut all);
    all.retain(|path| path.extension().is_some_and(|ending| ending == "rs"));
    all.sort();
    let read = |path: &PathBuf| {
        let whole = fs::read_to_string(path).expect("source is text");
        let ends = ["\n#[cfg(test)]\nmod tests {", "\n#[cfg(test)]\npub(crate) mod tests {"];
        let end = ends.iter().filter_map(|start| whole.find(start)).min().unwrap_or(whole.len());
        let code = whole[..end].to_owned();
        let path = path.strip_prefix(&src).expect("below src").with_extension("").to_string_lossy().into_owned();
        let room = room(&path);
        Source { path, room, code, whole }
    };
    let mut sources: Vec<Source> = all.iter().map(read).collect();
    let tests: Vec<String> = sources.iter().flat_map(test_modules).collect();
    sources.retain(|source| {
        let test = |module: &String| source.path == *module || source.path.starts_with(&format!("{module}/"));
        !tests.iter().any(test)
    });
    sources
}

/// Files that are declared under `#[cfg(test)]`.
fn test_modules(source: &Source) -> Vec<String> {
    let own = match source.path.rsplit_once('/') {
        Some((folder, "mod")) => folder.to_owned(),
        _ => source.path.clone(),
    };
    let declared = source.whole.split("#[cfg(test)]\n").skip(1).filter_map(|after| {
        let line = after.lines().next()?.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
        let name = line.strip_prefix("mod ")?.strip_suffix(';')?;
        Some(format!("{own}/{name}"))
    });
    declared.collect()
}

/// Code without comments, so that words in prose count for nothing.
fn bare(code: &str) -> String {
    let strip = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    code.lines().map(strip).collect::<Vec<_>>().join("\n")
}

fn follows<'c>(code: &'c str, word: &str) -> Vec<&'c str> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = code[from..].find(word) {
        let start = from + at;
        let clean = code[..start].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':');
        if clean {
            found.push(&code[start + word.len()..]);
        }
        from = start + word.len();
    }
    found
}

fn segments(rest: &str) -> Vec<String> {
    let path: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
    path.split("::").map(str::to_owned).collect()
}

#[test]
fn rooms_import_only_what_the_table_names() {
    let table = imports(&page());
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !["main", "lib"].contains(&source.room.as_str())) {
        let Some(row) = table.get(&source.room) else {
            if !source.path.ends_with("/mod") || source.path.matches('/').count() > 1 {
                wrong.push(format!("{}: room {} is not in table:imports", source.path, source.room));
            }
            continue;
        };
        for rest in follows(&bare(&source.code), "crate::") {
            let parts = segments(rest);
            let target = room(&parts.iter().take(2).cloned().collect::<Vec<_>>().join("/"));
            let target = match table.contains_key(&target) {
                true => target,
                false => parts[0].clone(),
            };
            let named = target == source.room || row.imports.iter().any(|import| *import == target || import == "*");
            if !named {
                wrong.push(format!("{}: {} imports {target}", source.path, source.room));
            }
        }
    }
    assert!(wrong.is_empty(), "imports that docs/architecture.md does not name:\n{}", wrong.join("\n"));
}

#[test]
fn every_rank_falls() {
    let table = imports(&page());
    for (room, row) in &table {
        for import in row.imports.iter().filter(|import| *import != "*") {
            let target = table.get(import).unwrap_or_else(|| panic!("{room} imports {import}, which has no row"));
            assert!(target.rank < row.rank, "{room} (rank {}) imports {import} (rank {})", row.rank, target.rank);
        }
    }
}

/// Crates that every room may use.
const COMMON: &[&str] = &["chrono", "serde", "serde_json", "thiserror", "tracing", "tokio"];

#[test]
fn outside_crates_stand_only_where_the_table_says() {
    let table = imports(&page());
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml is there");
    let section =
        manifest.split("[dependencies]").nth(1).expect("dependencies").split("\n[").next().expect("a section");
    let crates: BTreeSet<String> = section
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name.trim().replace('-', "_"))
        .filter(|name| !name.starts_with('#') && !COMMON.contains(&name.as_str()))
        .collect();
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    for source in sources() {
        let code = bare(&source.code);
        for name in crates.iter().filter(|name| !follows(&code, &format!("{name}::")).is_empty()) {
            used.insert(name.clone());
            let entry = table.get(&source.room).and_then(|row| row.crates.iter().find(|(known, _)| known == name));
            let here = entry.is_some_and(|(_, files)| {
                files.is_empty() || files.iter().any(|file| source.path.split('/').any(|part| part == file))
            });
            if !here && source.room != "main" {
                wrong.push(format!("{}: uses {name}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "crates outside their place:\n{}", wrong.join("\n"));
    let idle: Vec<_> = crates.difference(&used).collect();
    assert!(idle.is_empty(), "dependencies that nothing uses: {idle:?}");
}

#[test]
fn pure_files_do_no_io() {
    const REFUSED: &[&str] =
        &["async ", ".await", "tokio::", "std::fs", "std::env", "std::net", "SystemTime", "Utc::now", "tracing::"];
    let pure: Vec<String> =
        table(&page(), "pure").iter().flat_map(|line| line.split_whitespace()).map(str::to_owned).collect();
    let mut wrong = Vec::new();
    for source in sources() {
        if !pure.iter().any(|prefix| source.path == *prefix || source.path.starts_with(&format!("{prefix}/"))) {
            continue;
        }
        let code = bare(&source.code);
        for word in REFUSED.iter().filter(|word| code.contains(**word)) {
            wrong.push(format!("{}: holds `{}`", source.path, word.trim()));
        }
    }
    assert!(wrong.is_empty(), "pure files that are not:\n{}", wrong.join("\n"));
    for prefix in &pure {
        let there =
            sources().iter().any(|source| source.path == *prefix || source.path.starts_with(&format!("{prefix}/")));
        assert!(there, "table:pure names {prefix}, which does not exist");
    }
}

fn limit(rows: &[String], name: &str) -> usize {
    let row =
        rows.iter().find(|row| row.split_whitespace().next() == Some(name)).unwrap_or_else(|| panic!("a row {name}"));
    let words: Vec<&str> = row.split_whitespace().collect();
    let stop = words.iter().position(|word| *word == "stop").expect("a stop");
    words[stop + 1].parse().expect("a number")
}

#[test]
fn sizes_keep_their_budgets() {
    let rows = table(&page(), "budgets");
    let (file, folder) = (limit(&rows, "file"), limit(&rows, "folder"));
    let (mod_rs, main_rs) = (limit(&rows, "mod.rs"), limit(&rows, "main.rs"));
    let mut wrong = Vec::new();
    let mut folders: BTreeMap<String, usize> = BTreeMap::new();
    for source in sources() {
        let lines = source.code.lines().count();
        let most = match source.path.rsplit('/').next() {
            Some("main") => main_rs,
            Some("mod") => mod_rs,
            _ => file,
        };
        if lines > most {
            wrong.push(format!("{}: {lines} lines, at most {most}", source.path));
        }
        let parent = source.path.rsplit_once('/').map_or("", |(parent, _)| parent);
        *folders.entry(parent.to_owned()).or_default() += 1;
        if !source.whole.starts_with("//!") {
            wrong.push(format!("{}: does not open with //!", source.path));
        }
        if ["utils", "common", "helpers", "types"].iter().any(|name| source.path.split('/').any(|part| part == *name)) {
            wrong.push(format!("{}: a name that says nothing", source.path));
        }
    }
    wrong.extend(
        folders.iter().filter(|(_, n)| **n > folder).map(|(path, n)| format!("{path}: {n} files, at most {folder}")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_page_shows_every_folder_and_no_other() {
    let page = page();
    let drawn: BTreeSet<String> = table(&page, "rooms")
        .iter()
        .filter_map(|line| line.split_whitespace().next())
        .map(|path| path.trim_end_matches('/').to_owned())
        .collect();
    let folder = |source: &Source| source.path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    let there: BTreeSet<String> = sources().iter().filter_map(folder).collect();
    let missing: Vec<_> = there.difference(&drawn).collect();
    let gone: Vec<_> = drawn.difference(&there).collect();
    assert!(missing.is_empty() && gone.is_empty(), "not on the page: {missing:?}; on the page and gone: {gone:?}");
}
