//! What an operator meets: starts that fail and say why, health, metrics, and logs without secrets.

use std::process::{Command, Output};

use crate::server::{ADMIN_KEY, Home};

fn output(mut command: Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (
        status.code(),
        format!(
            "{}{}",
            String::from_utf8_lossy(&stdout),
            String::from_utf8_lossy(&stderr)
        ),
    )
}

#[test]
fn a_taken_port_names_its_owner() {
    let home = Home::new(&[]);
    let server = home.start();
    let other = home.neighbour();
    let mut command = other.command(&["serve"]);
    command.arg("--listen").arg(home.address.to_string());
    let (code, text) = output(command);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains(&home.address.to_string()) && text.contains(&server.pid().to_string()),
        "{text}"
    );
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let home = Home::new(&[]);
    let server = home.start();
    let mut command = home.command(&["serve"]);
    command.args(["--listen", "127.0.0.1:0"]);
    let (code, text) = output(command);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&server.pid().to_string()), "{text}");
}

#[test]
fn every_bad_setting_is_named_at_once() {
    let home = Home::new(&[]);
    let mut command = home.command(&["serve", "--listen", "nowhere", "--token-ttl", "soon"]);
    command.env("RINGIM_REGISTRATON", "open");
    let (code, text) = output(command);
    assert_eq!(code, Some(2), "{text}");
    for fault in ["listen", "token-ttl", "RINGIM_REGISTRATON", "RINGIM_REGISTRATION"] {
        assert!(text.contains(fault), "{fault} is not named:\n{text}");
    }
}

#[test]
fn a_folder_that_is_none_says_so() {
    let home = Home::new(&[]);
    std::fs::write(home.data(), "a file").unwrap();
    let (code, text) = output(home.command(&["serve", "--listen", "127.0.0.1:0"]));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&home.data().display().to_string()), "{text}");
}

#[test]
fn files_have_their_modes_and_secrets_stay_out_of_the_readable_ones() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new(&[]);
    let server = home.start();
    let token = server.api().register("alice").token;
    let modes = [
        ("", 0o750),
        ("im.db", 0o640),
        ("credentials.db", 0o600),
        ("admin.key", 0o600),
        ("jwt.secret", 0o600),
    ];
    for (name, mode) in modes {
        let found = std::fs::metadata(home.data().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{name}: {found:o}");
    }
    server.kill();
    let readable = std::fs::read(home.database()).unwrap();
    let text = String::from_utf8_lossy(&readable).into_owned() + &home.log();
    for secret in ["argon2", "password123", &token, ADMIN_KEY] {
        assert!(!text.contains(secret), "{secret} stands where everybody may read");
    }
}

#[test]
fn health_metrics_and_keys() {
    let home = Home::new(&[]);
    let server = home.start();
    let api = server.api();
    assert_eq!(api.get("/healthz", "").status, 200);
    assert_eq!(api.get("/readyz", "").status, 200);
    let metrics = api.get("/metrics", "");
    assert!(
        metrics.body.as_str().unwrap().contains("ringim_commits_total"),
        "{}",
        metrics.body
    );
    let first_key = std::fs::read_to_string(home.data().join("admin.key")).unwrap();
    assert_eq!(api.get("/api/admin/users", first_key.trim()).status, 200);
    assert_eq!(
        api.get("/api/admin/users", "rk_wrong").error(),
        (401, "unauthenticated".into())
    );
    assert_eq!(api.get("/api/admin/users", &api.register("alice").token).error().0, 401);
    assert_eq!(api.get("/api/user/me", ADMIN_KEY).error().0, 401, "a key is no user");
    assert_eq!(api.get("/nowhere", "").error(), (404, "not_found".into()));
    assert_eq!(api.get("/api/login", "").error().0, 405);
}
