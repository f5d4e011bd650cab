//! `backup`, `restore` and `check`: the databases as files. A live server copies and checks its own.

use std::path::{Path, absolute};

use serde_json::{Value, json};

use super::Report;
use super::control::{Control, Folder, require_data};
use super::failure::Failure;
use super::print;
use super::request::Request;
use crate::api::wire::databases::write_report;
use crate::config::Config;
use crate::runtime::start::lock::Server;
use crate::runtime::start::{disk, file_limit, folder};
use crate::store::sqlite::{self, BackupError};

/// Copies both databases into a new file.
pub fn backup(config: &Config, file: &Path, json: bool) -> Result<Report, Failure> {
    require_data(config)?;
    let file = absolute(file).map_err(|error| unwritten(file, &error))?;
    if file.exists() {
        let problem = format!("{} exists already", file.display());
        return Err(Failure::new(problem, "Name a new file, or remove it first"));
    }
    match Folder::claim(config)? {
        Folder::Served(server) => {
            let path = file
                .to_str()
                .ok_or_else(|| unwritten(&file, &"its name is not UTF-8"))?;
            let request = Request::post("/api/admin/backup", json!({"file": path}));
            Control::Live(server).ask(&request)?;
        }
        Folder::Ours(_lock) => sqlite::backup(&config.data, &file).map_err(|error| unwritten(&file, &error))?,
    }
    Ok(Report::well(told(&json!({"file": file.display().to_string()}), json)))
}

fn unwritten(file: &Path, error: &dyn std::fmt::Display) -> Failure {
    let problem = format!("no backup was written to {}: {error}", file.display());
    Failure::new(
        problem,
        "Choose a file in a folder with room that this user may write in",
    )
}

/// Brings a backup into the data folder.
pub fn restore(config: &Config, file: &Path, json: bool) -> Result<Report, Failure> {
    folder::prepare(&config.data)?;
    let Folder::Ours(_lock) = Folder::claim(config)? else {
        let problem = format!("a server works on {}", config.data.display());
        return Err(Failure::new(
            problem,
            "Stop it first, or name another folder with --data",
        ));
    };
    let aside = sqlite::restore(file, &config.data).map_err(|error| {
        let cure = match error {
            BackupError::File(..) | BackupError::Copy(_) => {
                "See to room and rights; the present databases are unchanged"
            }
            BackupError::NotABackup(..) | BackupError::Open(_) | BackupError::Damaged(_) => {
                "Name a file that `ringim backup` wrote; the present databases are unchanged"
            }
        };
        Failure::new(format!("nothing was restored: {error}"), cure)
    })?;
    let done = json!({
        "restored": config.data.display().to_string(),
        "before": aside.map(|path| path.display().to_string()),
    });
    Ok(Report::well(told(&done, json)))
}

/// Checks both databases, and tells what of the machine could hinder a server.
pub fn check(config: &Config, json: bool) -> Result<Report, Failure> {
    require_data(config)?;
    let mut found = match Folder::claim(config)? {
        Folder::Served(server) => of_server(server)?,
        Folder::Ours(_lock) => of_folder(&config.data)?,
    };
    found["advice"] = json!(advice(config)?);
    let is_well = found["faults"].as_array().is_some_and(Vec::is_empty);
    let text = if json { told(&found, true) } else { findings(&found) };
    Ok(Report { text, is_well })
}

fn of_server(server: Server) -> Result<Value, Failure> {
    Control::Live(server).ask(&Request::get("/api/admin/check"))
}

fn of_folder(folder: &Path) -> Result<Value, Failure> {
    let mut out = Vec::new();
    write_report(&sqlite::check(folder), &mut out);
    serde_json::from_slice(&out).map_err(|error| Failure::new(error, "Report it"))
}

fn advice(config: &Config) -> Result<Vec<String>, Failure> {
    let folder = folder::prepare(&config.data)?.advice;
    let room = disk::free_bytes(&config.data).ok().and_then(disk::advice);
    let files = file_limit::raise().ok().and_then(file_limit::advice);
    Ok([folder, room, files].into_iter().flatten().collect())
}

/// What a check has found, a line each.
fn findings(found: &Value) -> String {
    let lines = |name: &str, heading: &str| -> String {
        let list = found[name].as_array().map_or(&[][..], Vec::as_slice);
        list.iter()
            .map(|line| format!("{heading}{}\n", print::cell("", line)))
            .collect()
    };
    let mut text = print::members(&found["rows"]);
    text += &lines("advice", "warning: ");
    match lines("faults", "fault: ") {
        none if none.is_empty() => text += "the databases are sound\n",
        faults => text += &faults,
    }
    text
}

fn told(value: &Value, json: bool) -> String {
    if json {
        format!("{value}\n")
    } else {
        print::members(value)
    }
}
