//! The scripts: what they reckon with, and that they can be read at all.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use std::path::Path;
use std::process::Command;

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn capacity_planning_reckons_right() {
    run(
        "python3",
        &[
            "-m",
            "unittest",
            "discover",
            "-t",
            "scripts",
            "-s",
            "scripts/planning/tests",
        ],
    );
}

#[test]
fn capacity_explains_the_machine_and_itself() {
    run("scripts/capacity", &["check"]);
    run("scripts/capacity", &["--help"]);
}

#[test]
fn capacity_plans_nothing_from_nothing() {
    let output = Command::new("scripts/capacity")
        .args([
            "plan",
            "--users",
            "10",
            "--messages-per-second",
            "1",
            "--coefficients",
            "/nonexistent",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("`scripts/capacity knee`"), "{said}");
}

#[test]
fn every_shell_script_can_be_parsed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let paths = ["", "guest"].map(|below| std::fs::read_dir(folder.join(below)).unwrap());
    let mut parsed = 0;
    for path in paths.into_iter().flatten().map(|entry| entry.unwrap().path()) {
        let text = if path.is_file() {
            std::fs::read_to_string(&path).unwrap()
        } else {
            continue;
        };
        if text.lines().next().is_some_and(|line| line.ends_with("sh")) {
            run("bash", &["-n", path.to_str().unwrap()]);
            parsed += 1;
        }
    }
    assert!(parsed >= 3, "{parsed} shell scripts");
}
