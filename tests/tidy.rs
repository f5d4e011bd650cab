//! Reads the sources and rejects what the structure forbids: imports that look up, and calls that only
//! `runtime` may make.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use std::path::{Path, PathBuf};

/// Layers from the bottom; a file may use its own and those before it.
const LAYERS: [&[&str]; 7] = [
    &["base", "config"],
    &["proto"],
    &["domain", "auth"],
    &["store"],
    &["shard"],
    &["api"],
    &["runtime", "cli"],
];

/// Layers of equal or different height that must not know each other although the order would allow it.
const STRANGERS: [(&str, &str); 2] = [("domain", "proto"), ("domain", "auth")];

/// What belongs to the outside world, and who may touch it beside `runtime`.
const OUTSIDE: [(&str, &[&str]); 7] = [
    ("monoio::", &[]),
    ("std::thread", &["cli"]),
    ("std::net::Tcp", &["cli"]),
    ("std::fs", &["store/sqlite", "config", "cli"]),
    ("Instant::now", &[]),
    ("SystemTime::now", &["cli"]),
    ("rand::fill", &["cli"]),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every source file with its path below `src` and its text without tests and comments.
fn read_sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        let code = code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect::<Vec<_>>()
            .join("\n");
        (name, code)
    };
    files
        .into_iter()
        .map(read)
        .filter(|(name, _)| !name.contains("/tests"))
        .collect()
}

fn height(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn module_of(name: &str) -> &str {
    name.split(['/', '.']).next().unwrap_or_default()
}

#[test]
fn layers_look_only_down() {
    let mut faults = Vec::new();
    for (name, code) in read_sources() {
        let own = module_of(&name);
        let Some(own_height) = height(own) else { continue };
        for used in code.split("crate::").skip(1) {
            let used = used
                .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
                .next()
                .unwrap();
            let up = height(used).is_some_and(|used| used > own_height);
            if up || STRANGERS.contains(&(own, used)) {
                faults.push(format!("{name} uses {used}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_module_has_a_layer() {
    for (name, _) in read_sources() {
        let module = module_of(&name);
        assert!(
            ["lib", "main"].contains(&module) || height(module).is_some(),
            "{name} is on no layer"
        );
    }
}

#[test]
fn only_the_runtime_touches_the_outside() {
    let mut faults = Vec::new();
    for (name, code) in read_sources()
        .iter()
        .filter(|(name, _)| !name.starts_with("runtime") && name != "main.rs")
    {
        for (call, allowed) in OUTSIDE {
            if code.contains(call) && !allowed.iter().any(|folder| name.starts_with(folder)) {
                faults.push(format!("{name} names {call}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_place_says_what_is_not_done() {
    for (name, code) in read_sources() {
        for word in ["todo!", "unimplemented!", "dbg!", "FIXME", "XXX"] {
            assert!(!code.contains(word), "{name} says {word}");
        }
    }
}
