//! What `make run` starts: the quickstart is minted, and its configuration is good.

use std::path::Path;
use std::process::{Command, Stdio};

fn run(folder: &Path, line: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forewarn"));
    command.current_dir(folder).stdin(Stdio::null()).args(line.split_whitespace().skip(1));
    let output = command.output().unwrap();
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
    )
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
