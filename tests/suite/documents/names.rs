//! What documents name exists: links and their anchors, files, flags, and what Prometheus is told to load.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::{blocks, documents, root, text};

/// Code and blocks taken out: what stands there is no link.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let mut all = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            all += line;
            all.push('\n');
        }
    }
    all
}

/// Anchors that GitHub and GitLab make of a document's headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text)
        .lines()
        .filter_map(|line| Some(line.strip_prefix('#')?.trim_start_matches('#').trim().to_owned()))
        .collect::<Vec<_>>();
    let anchor = |heading: &String| {
        let kept: String =
            heading.to_lowercase().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect();
        kept.replace(' ', "-")
    };
    headings.iter().map(anchor).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut wrong = Vec::new();
    for document in documents() {
        let text = text(&document);
        let folder = Path::new(&document).parent().unwrap().to_owned();
        for target in prose(&text).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.starts_with("http") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { document.clone() } else { folder.join(file).display().to_string() };
            let there = root().join(&path);
            if !there.exists() {
                wrong.push(format!("{document}: {target}: there is no {path}"));
            } else if !anchor.is_empty() && !anchors(&std::fs::read_to_string(&there).unwrap()).contains(anchor) {
                wrong.push(format!("{document}: {target}: there is no such heading"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn flags_and_files_exist() {
    let mut program = forewarn::cli::command();
    program.build();
    let mut flags = BTreeSet::new();
    for command in std::iter::once(&program).chain(program.get_subcommands()) {
        flags.extend(command.get_arguments().filter_map(|argument| Some(format!("--{}", argument.get_long()?))));
    }
    let mut wrong = Vec::new();
    // The plan of the code names what is drawn and not built yet, and says so.
    for document in documents().into_iter().filter(|document| document != "docs/architecture.md") {
        let text = prose(&text(&document));
        for code in text.split('`').skip(1).step_by(2) {
            let flag = code.split(['=', ' ']).next().expect("split gives one");
            if flag.starts_with("--") && !flags.contains(flag) {
                wrong.push(format!("{document}: no command has {flag}"));
            }
            let ours =
                ["alerts/", "config/", "dashboards/", "docs/", ".ci/"].iter().any(|folder| code.starts_with(folder));
            if ours && !code.contains(['*', '{', ' ']) && !root().join(code).exists() {
                wrong.push(format!("{document}: there is no {code}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_prometheus_is_told_is_good() {
    let mut checked = 0;
    for document in documents() {
        let text = text(&document);
        for block in blocks(&text, "yaml").into_iter().filter(|block| block.contains("scrape_configs:")) {
            // Relative paths start at the folder of the file.
            let file = tempfile::Builder::new().suffix(".yml").tempfile().unwrap();
            std::fs::write(file.path(), block.replace("alerts/", &format!("{}/alerts/", root().display()))).unwrap();
            let output = Command::new("promtool").args(["check", "config"]).arg(file.path()).output().unwrap();
            assert!(output.status.success(), "{document}: {}", String::from_utf8_lossy(&output.stderr));
            checked += 1;
        }
    }
    assert!(checked >= 2, "the documents show how to scrape");
}
