//! README.md says nothing that does not work: its configuration loads, its commands are ones that exist and run here.

use std::path::Path;
use std::process::{Command, Stdio};

const README: &str = include_str!("../../README.md");

/// The texts of all fenced blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    README.split(&fence).skip(1).map(|rest| rest.split("```").next().expect("split gives one")).collect()
}

fn commands() -> Vec<String> {
    let lines = blocks("sh").into_iter().flat_map(str::lines);
    lines.map(|line| line.split(" #").next().expect("split gives one").trim().to_owned()).collect()
}

/// A folder as a reader would have it: the README's configuration and a saved answer.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = blocks("yaml")[0];
    std::fs::write(folder.path().join("forewarn.yml"), config).unwrap();
    let answer = r#"{"data":{"accessor":"a1","display_name":"token-ci-deploy","path":"auth/token/create","type":"service",
        "creation_time":1795493058,"issue_time":"2026-11-24T04:04:18Z","expire_time":"2026-11-24T05:04:18Z","ttl":3600,
        "policies":["default"],"num_uses":0}}"#;
    std::fs::write(folder.path().join("answer.json"), answer).unwrap();
    folder
}

fn forewarn(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forewarn"));
    command.current_dir(folder).stdin(Stdio::null());
    command.env("VAULT_TOKEN", "t").env("SLACK_WEBHOOK", "http://127.0.0.1:9/services/T0/B0/x");
    command
}

fn run(folder: &Path, line: &str) -> (Option<i32>, String) {
    let output = forewarn(folder).args(line.split_whitespace().skip(1)).output().unwrap();
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
    )
}

#[test]
fn every_command_is_run_by_a_test() {
    // `make test` is what runs this; `make run` and the two of the built program are below.
    let expected = [
        "make run",
        "make test",
        "cargo build --release",
        "target/release/forewarn check-config forewarn.yml",
        "target/release/forewarn serve --config.file=forewarn.yml",
        "forewarn check-config forewarn.yml",
        "forewarn list --config.file=forewarn.yml --all",
        "forewarn send-test chat --config.file=forewarn.yml",
        "forewarn try vault --response=answer.json",
        "forewarn --help",
    ];
    assert_eq!(commands(), expected, "a new command of the README needs its test here");
}

#[test]
fn commands_that_end_do_what_they_say() {
    let folder = folder();
    let (code, said) = run(folder.path(), "forewarn check-config forewarn.yml");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("forewarn.yml is good: 3 collectors, 1 policy, 2 channels, 2 routes"), "{said}");
    let (code, said) = run(folder.path(), "forewarn try vault --response=answer.json");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("expires      2026-11-24T05:04:18Z (hard)"), "{said}");
    let (code, said) = run(folder.path(), "forewarn --help");
    assert_eq!(code, Some(0), "{said}");
    for command in ["serve", "check-config", "list", "try", "send-test"] {
        assert!(said.contains(command), "{said}");
    }
    // Nobody listens on the port of this webhook: the command tries, fails and says so.
    let (code, said) = run(folder.path(), "forewarn send-test chat --config.file=forewarn.yml");
    assert_eq!(code, Some(1), "{said}");
}

#[test]
fn serve_keeps_what_list_shows() {
    let folder = folder();
    // Its vault is not there; the typed date and the certificates are.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = forewarn(folder.path())
        .args(["serve", "--config.file=forewarn.yml"])
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = String::new();
    for _ in 0..200 {
        std::thread::sleep(std::time::Duration::from_millis(50));
        said = run(folder.path(), &format!("forewarn list --server=http://127.0.0.1:{port} --all")).1;
        if said.contains("vendor/nuget-push") {
            break;
        }
    }
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(said.contains("vendor/nuget-push"), "{said}");
    let (code, said) = run(folder.path(), "forewarn list --config.file=forewarn.yml --all");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("vendor/nuget-push"), "{said}");
}

#[test]
fn the_quickstart_is_minted_and_its_configuration_is_good() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let copy = |name: &str| {
        let to = folder.path().join(name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(root.join(name), to).unwrap();
    };
    copy("config/quickstart.yaml");
    copy("config/quickstart/mint.py");
    let mint = || {
        let done =
            Command::new("python3").arg("config/quickstart/mint.py").current_dir(folder.path()).status().unwrap();
        assert!(done.success());
        ["watch-me", "nightly-bot", "old-robot"]
            .map(|name| std::fs::read_to_string(folder.path().join(format!("target/quickstart/{name}.jwt"))).unwrap())
    };
    let (first, second) = (mint(), mint());
    assert_ne!(first[0], second[0], "watch-me is rotated by running it again");
    assert_eq!(first[1..], second[1..], "the others stay");
    let (code, said) = run(folder.path(), "forewarn check-config config/quickstart.yaml");
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn flags_and_files_it_names_exist() {
    let folder = folder();
    let help = run(folder.path(), "forewarn serve --help").1;
    for flag in README.split('`').filter(|word| word.starts_with("--") && word.contains('.')) {
        let flag = flag.split(['=', ' ']).next().expect("split gives one");
        assert!(help.contains(flag), "{flag}");
    }
    for file in ["docs/architecture.md", "CHANGELOG.md", "LICENSE", ".ci/run", "rust-toolchain.toml", "config/issuers"]
    {
        assert!(README.contains(file), "{file}");
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists(), "{file}");
    }
}
