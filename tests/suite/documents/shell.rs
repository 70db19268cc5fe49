//! Every command that is shown anywhere is run here: shell blocks and inline commands of the documents, comments of the
//! examples and rules, examples of `--help`. A line that cannot be run here is in [`NOT_RUN`] with the reason.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{blocks, documents, files, root, text};

/// What a reader replaces, and by what it is replaced here.
const PLACEHOLDERS: [(&str, &str); 8] = [
    ("COMMAND", "list"),
    ("CHANNEL", "chat"),
    ("TOKEN", "vendor/nuget-push"),
    ("COLLECTOR", "vendor"),
    ("PIPELINE", "deploy-prod"),
    ("DEFINITION", "vault"),
    ("FILE", "answer.json"),
    ("PATH", "forewarn.yml"),
];
/// Beginnings of lines that are not run, and why that is right.
const NOT_RUN: [(&str, &str); 1] =
    [("cargo build --release", "takes minutes; the same program, built for tests, runs every other line")];
/// Lines that do what they say with another exit code than 0: the vault of the README is not there.
const ENDS_WITH: [(&str, i32); 1] = [("forewarn check-config forewarn.yml --online", 1)];
const LIMIT: Duration = Duration::from_secs(30);

/// A line, and where it is shown.
struct Shown {
    line: String,
    at: String,
}

/// Files that show commands, relative to the root.
fn places() -> Vec<String> {
    let mut all = documents();
    let folders = [("config/examples", ".yml"), ("alerts", ".yaml"), ("alerts", ".yml")];
    for (folder, end) in folders {
        let paths = files(&root().join(folder), end);
        all.extend(paths.iter().map(|path| path.strip_prefix(root()).unwrap().display().to_string()));
    }
    all
}

/// `forewarn …` between backticks. A command's name alone is a mention of it, not a line to type.
fn inline(text: &str) -> impl Iterator<Item = String> {
    let codes = text.split('`').skip(1).step_by(2).filter(|code| code.starts_with("forewarn ") && !code.contains('\n'));
    codes.map(|code| if code.split(' ').count() == 2 { format!("{code} --help") } else { code.to_owned() })
}

fn shown_in(path: &str) -> Vec<Shown> {
    let text = text(path);
    let mut all = Vec::new();
    let mut language = None;
    let mut prose = String::new();
    for (nth, line) in text.lines().enumerate() {
        let at = format!("{path}:{}", nth + 1);
        if let Some(fence) = line.trim_start().strip_prefix("```") {
            language = language.is_none().then_some(fence);
            assert!(!matches!(fence, "bash" | "shell" | "console"), "{at}: shell blocks are called sh");
            continue;
        }
        let comment = line.trim_start().strip_prefix("# ").filter(|line| is_command(line));
        match (language, comment) {
            (Some("sh"), _) => all.push(Shown { line: command(line), at }),
            (None, Some(line)) if !path.ends_with(".md") => all.push(Shown { line: command(line), at }),
            (None, _) => prose += &format!("{line}\n"),
            _ => {}
        }
    }
    all.extend(inline(&prose).map(|code| Shown { line: command(&code), at: path.to_owned() }));
    all.retain(|shown| !shown.line.is_empty());
    all
}

/// A comment that is a line to type, not a sentence about forewarn.
fn is_command(line: &str) -> bool {
    let mut words = line.split(' ');
    match words.next() {
        Some("make") => true,
        Some("forewarn") => {
            let second = words.next().unwrap_or_default();
            second.starts_with("--")
                || forewarn::cli::command().get_subcommands().any(|known| known.get_name() == second)
        }
        _ => false,
    }
}

/// Without what is a remark.
fn command(line: &str) -> String {
    let line = if line.starts_with('#') { "" } else { line };
    line.split(" #").next().unwrap_or_default().trim().to_owned()
}

/// Examples that `--help` gives.
fn helped() -> Vec<Shown> {
    let mut program = forewarn::cli::command();
    program.build();
    let mut all = Vec::new();
    for command in std::iter::once(&program.clone()).chain(program.get_subcommands()) {
        let help = command.clone().term_width(200).render_long_help().to_string();
        let example = |line: &&str| line.starts_with("forewarn ") && !line.contains(['<', '[']);
        let lines = help.lines().map(str::trim).filter(example);
        // What a line is for stands beside it, after a gap.
        let typed = lines.map(|line| line.split("  ").next().unwrap_or_default().to_owned());
        all.extend(typed.map(|line| Shown { line, at: format!("{} --help", command.get_name()) }));
    }
    all
}

fn every_line() -> Vec<Shown> {
    let mut all: Vec<Shown> = places().iter().flat_map(|path| shown_in(path)).collect();
    all.extend(helped());
    let mut seen = BTreeSet::new();
    all.retain(|shown| seen.insert(shown.line.clone()));
    all
}

/// A folder as a reader of the README has it, with its server running.
struct Place {
    folder: tempfile::TempDir,
    port: u16,
    slack: u16,
    server: Option<Child>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("forewarn.yml"), blocks(&text("README.md"), "yaml")[0]).unwrap();
        let answer = r#"{"data":{"accessor":"a1","display_name":"token-ci-deploy","path":"auth/token/create","type":"service",
            "creation_time":1795493058,"issue_time":"2026-11-24T04:04:18Z","expire_time":"2026-11-24T05:04:18Z","ttl":3600,
            "policies":["default"],"num_uses":0}}"#;
        std::fs::write(folder.path().join("answer.json"), answer).unwrap();
        for path in files(&root().join("config/examples"), ".yml") {
            example(&path, folder.path());
        }
        // Rules and dashboards lie beside it, as in the checkout.
        for shared in ["alerts", "dashboards", "docs", "config"] {
            std::os::unix::fs::symlink(root().join(shared), folder.path().join(shared)).unwrap();
        }
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_forewarn"), folder.path().join("bin/forewarn")).unwrap();
        Self { folder, port: free_port(), slack: accepts_everything(), server: None }
    }

    /// A shell in the folder that finds `forewarn`.
    fn shell(&self, line: &str) -> Command {
        let mut shell = Command::new("sh");
        let path = std::env::var("PATH").unwrap_or_default();
        shell.args(["-ec", line]).current_dir(self.folder.path()).env_clear();
        shell.env("PATH", format!("{}/bin:{path}", self.folder.path().display()));
        shell.env("VAULT_TOKEN", "t").env("MIRROR_BOT_TOKEN", "t");
        shell.env("SLACK_WEBHOOK", format!("http://127.0.0.1:{}/services/T0/B0/x", self.slack));
        if !line.contains("--config.file") && !line.contains("--server") {
            shell.env("FOREWARN_URL", format!("http://127.0.0.1:{}", self.port));
        }
        shell.stdin(Stdio::null());
        shell
    }

    /// The line as it is run here.
    fn here(&self, line: &str) -> String {
        let url = format!("http://127.0.0.1:{}", self.port);
        let mut line = line.to_owned();
        for label in ["channel", "collector", "token", "pipeline"] {
            line = line.replace(&format!("{{{{ $labels.{label} }}}}"), &label.to_uppercase());
        }
        line = line.replace("target/release/forewarn", "forewarn").replace("127.0.0.1:10789", &url[7..]);
        line = line.replace("https://forewarn.example.com", &url).replace("--server=URL", &format!("--server={url}"));
        let words = line.split(' ').map(|word| {
            let (flag, value) = word.split_once('=').map_or(("", word), |(flag, value)| (flag, value));
            let value = PLACEHOLDERS.iter().find(|(name, _)| *name == value).map_or(value, |(_, value)| value);
            if flag.is_empty() { value.to_owned() } else { format!("{flag}={value}") }
        });
        let mut words: Vec<String> = words.collect();
        // Examples name tokens and collectors of a reader; here there are others.
        for (command, name) in [("explain", "vendor/nuget-push"), ("poll", "vendor")] {
            if words.len() > 2 && words[0] == "forewarn" && words[1] == command && !words[2].starts_with('-') {
                words[2] = name.to_owned();
            }
        }
        words.join(" ")
    }

    /// Exit code and everything it said.
    fn run(&self, line: &str) -> (Option<i32>, String) {
        let said = self.folder.path().join("said");
        let out = std::fs::File::create(&said).unwrap();
        let mut shell = self.shell(line);
        shell.stdout(out.try_clone().unwrap()).stderr(out);
        let mut child = shell.spawn().unwrap();
        let start = Instant::now();
        let code = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status.code(),
                None if start.elapsed() > LIMIT => {
                    child.kill().unwrap();
                    child.wait().unwrap();
                    break None;
                }
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        (code, std::fs::read_to_string(said).unwrap_or_default())
    }

    /// `serve` as the line has it, but on a port of ours; it must become ready.
    fn serves(&mut self, line: &str) {
        assert!(self.server.is_none());
        let ours = format!(" --web.listen-address=127.0.0.1:{}", self.port);
        let ours = if line.contains("--web.listen-address") { String::new() } else { ours };
        let line = format!("exec {line}{ours}");
        let mut shell = self.shell(&line);
        self.server = Some(shell.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let start = Instant::now();
        let ready = || ask(self.port, "/-/ready").is_some_and(|answer| answer.starts_with("HTTP/1.1 200"));
        while !ready() {
            assert!(start.elapsed() < LIMIT, "{line}: not ready");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    fn stops(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        server.kill().unwrap();
        server.wait().unwrap();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stops();
    }
}

/// An example with its secrets where the test may write.
pub fn example(path: &Path, folder: &Path) -> std::path::PathBuf {
    let text = std::fs::read_to_string(path).unwrap();
    let secrets = folder.join("secrets");
    std::fs::create_dir_all(&secrets).unwrap();
    for rest in text.split("/run/secrets/").skip(1) {
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
        std::fs::write(secrets.join(name), "https://hooks.example.com/services/x\n").unwrap();
    }
    let copy = folder.join(path.file_name().unwrap());
    std::fs::write(&copy, text.replace("/run/secrets/", &format!("{}/", secrets.display()))).unwrap();
    copy
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A listener that answers as Slack does when it takes a message; it lives as long as the test.
fn accepts_everything() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { break };
            let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
            let _ = stream.read(&mut [0; 65_536]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
        }
    });
    port
}

fn ask(port: u16, path: &str) -> Option<String> {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn is_serve(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.next().is_some_and(|word| word.ends_with("forewarn"))
        && words.next().is_none_or(|word| word == "serve" || word.starts_with("--config") || word.starts_with("--web"))
        && !line.contains("--help")
}

#[test]
fn make_targets_that_are_shown_exist() {
    let makefile = text("Makefile");
    let shown = every_line();
    let made: Vec<_> = shown.iter().filter(|shown| shown.line.starts_with("make ")).collect();
    assert!(made.len() >= 2, "the README shows some");
    for Shown { line, at } in made {
        let target = line.split_whitespace().nth(1).unwrap();
        assert!(makefile.contains(&format!("\n{target}:")), "{at}: {line}: no such target");
    }
}

#[test]
fn every_command_that_is_shown_does_what_it_says() {
    let mut place = Place::new();
    let shown = every_line();
    let (serving, others): (Vec<_>, Vec<_>) = shown.iter().partition(|shown| is_serve(&shown.line));
    assert!(!serving.is_empty() && others.len() >= 8, "the documents show more than this");
    let mut wrong = Vec::new();
    for Shown { line, .. } in &serving {
        place.stops();
        place.serves(&place.here(line));
    }
    place.stops();
    place.serves("forewarn serve --config.file=forewarn.yml");
    let start = Instant::now();
    while !place.run("forewarn list --all").1.contains("vendor/nuget-push") {
        assert!(start.elapsed() < LIMIT, "the server has read nothing");
    }
    for Shown { line, at } in others {
        if line.starts_with("make ") || NOT_RUN.iter().any(|(begin, _)| line.starts_with(begin)) {
            continue;
        }
        let here = place.here(line);
        let expected = ENDS_WITH.iter().find(|(known, _)| known == line).map_or(0, |(_, code)| *code);
        // Some of what is looked for is there only after a first round; a collector polls once in ten seconds.
        let (code, said) = (0..60)
            .map(|nth| {
                std::thread::sleep(Duration::from_millis(if nth == 0 { 0 } else { 250 }));
                place.run(&here)
            })
            .find(|(code, _)| *code == Some(expected) || *code == Some(2))
            .unwrap_or_else(|| place.run(&here));
        if code != Some(expected) {
            wrong.push(format!("{at}: {line}\n  run as: {here}\n  ended with {code:?}: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_commands_of_the_readme_say_what_it_promises() {
    let place = Place::new();
    let (code, said) = place.run("forewarn check-config forewarn.yml");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("forewarn.yml is good: 3 collectors, 1 policy, 2 channels, 2 routes"), "{said}");
    let (code, said) = place.run("forewarn try vault --response=answer.json");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("expires      2026-11-24T05:04:18Z (hard)"), "{said}");
    let (code, said) = place.run("forewarn send-test chat --config.file=forewarn.yml");
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn what_is_not_run_is_still_shown() {
    let shown = every_line();
    for (begin, why) in NOT_RUN {
        assert!(!why.is_empty() && shown.iter().any(|shown| shown.line.starts_with(begin)), "nothing shows {begin}");
    }
}

#[test]
fn examples_and_the_list_of_every_key_load() {
    let folder = tempfile::tempdir().unwrap();
    let mut paths: Vec<_> =
        files(&root().join("config/examples"), ".yml").iter().map(|path| example(path, folder.path())).collect();
    assert!(paths.len() >= 3);
    let reference = text("docs/configuration.md");
    let lists = blocks(&reference, "yaml");
    let list = lists.iter().find(|block| block.starts_with("store:")).expect("the list of every key");
    let written = folder.path().join("list.md");
    std::fs::write(&written, list).unwrap();
    paths.push(folder.path().join("every-key.yml"));
    std::fs::rename(example(&written, folder.path()), paths.last().unwrap()).unwrap();
    for path in &paths {
        let output = Command::new(env!("CARGO_BIN_EXE_forewarn"))
            .arg("check-config")
            .arg(path)
            .env_clear()
            .env("SLACK_WEBHOOK", "https://hooks.example.com/x")
            .env("MIRROR_BOT_TOKEN", "t")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&output.stdout));
    }
    // Every key that an editor knows stands in the list, if only as a remark.
    let schema = forewarn::config::schema::document();
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        if ["Match", "RouteMatch", "Secret", "TeamOfToken"].contains(&name.as_str()) {
            continue;
        }
        for key in definition["properties"].as_object().into_iter().flatten().map(|(key, _)| key) {
            assert!(list.contains(&format!("{key}:")), "docs/configuration.md: the list lacks {name}.{key}");
        }
    }
}
