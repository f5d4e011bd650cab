//! Every command of both READMEs, run as it stands there.

use std::process::Command;

use crate::server::Home;

/// The shell blocks of a document.
fn shell_blocks(text: &str) -> Vec<&str> {
    let blocks = text.split("```sh\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap()).collect()
}

/// Runs all blocks after the first in one shell, on a server of their own instead of the default one.
fn run(name: &str) {
    let root = env!("CARGO_MANIFEST_DIR");
    let text = std::fs::read_to_string(format!("{root}/{name}")).unwrap();
    let blocks = shell_blocks(&text);
    let (start, rest) = blocks.split_first().unwrap();
    let commands: Vec<&str> = start
        .lines()
        .map(|line| line.split('#').next().unwrap().trim())
        .collect();
    assert_eq!(
        commands,
        ["cargo run --release", "scripts/check"],
        "the two commands of {name}"
    );
    let home = Home::new(&[]);
    let _server = home.start();
    let data = home.data().display().to_string();
    // `curl -f` fails on an error status, which a reader of the README would see.
    let script = rest
        .join("\n")
        .replace("curl -s ", "curl -sSf -m 20 ")
        .replace("http://127.0.0.1:7800", &format!("http://{}", home.address))
        .replace("bob\n", &format!("bob {}\n", home.address))
        .replace("data/admin.key", &format!("{data}/admin.key"))
        .replace("file:data/im.db", &format!("file:{data}/im.db"));
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(root)
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}\n{printed}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        printed.contains("* connected as alice"),
        "the chat client did not connect:\n{printed}"
    );
    assert!(
        printed.contains("(1, 'alice', "),
        "the database did not show the first message:\n{printed}"
    );
}

#[test]
fn english() {
    run("README.md");
}

#[test]
fn chinese() {
    run("README.zh.md");
}

#[test]
fn the_settings_table_is_the_programs_own() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let shown = text
        .split("<!-- settings -->")
        .nth(1)
        .and_then(|rest| rest.split("<!-- /settings -->").next());
    let table = ringim::config::settings::markdown();
    assert_eq!(
        shown.unwrap().trim(),
        table.trim(),
        "put this between the settings marks of README.md:\n{table}"
    );
}
