//! `ringim serve`: checks the machine, opens the store, starts the threads, and waits for the signal to stop.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use super::banner::Banner;
use super::first_key::{self, FirstKey};
use super::server::{Parts, Server};
use super::start::driver::{self, Driver};
use super::start::lock::{self, DataLock};
use super::start::{StartError, disk, file_limit, folder, logging, port, secret_file};
use super::{cores, random, server, signals};
use crate::api::gateway::Gateway;
use crate::api::setup::{Setup, Start};
use crate::auth::key::{KeyDigest, NewKey};
use crate::auth::token::TokenKey;
use crate::base::secret::Secret;
use crate::config::Config;
use crate::store::committer::Committer;
use crate::store::sqlite::{self, SqliteBackend, SqliteReader};

/// Threads that answer queries.
const READERS: usize = 2;

/// File descriptors that are not for connections: databases, log, listeners, rings, webhooks.
const RESERVED_FILES: u64 = 64;

/// Runs the server until it is told to stop.
pub fn run(config: &Config) -> Result<(), StartError> {
    let _log = logging::start(config.log).map_err(|error| StartError::new(error.to_string(), "Start it again"))?;
    let mut advice = Vec::new();
    advice.extend(folder::prepare(&config.data)?.advice);
    let mut lock = DataLock::acquire(&config.data).map_err(|error| error.refusal(&config.data))?;
    let listen = port::probe(config.listen)?;
    let files = file_limit::raise().map_err(|error| StartError::new(error.to_string(), "Check `ulimit -n`"))?;
    advice.extend(file_limit::advice(files));
    advice.extend(disk::free_bytes(&config.data).ok().and_then(disk::advice));
    let driver = driver::probe();
    let stop = signals::watch().map_err(|error| StartError::new(error.to_string(), "Start it again"))?;

    let Store {
        mut committer,
        mut readers,
        webhook_reader,
        epoch,
    } = open_store(config)?;
    let first_key = first_key::make(&config.data, &mut committer, &mut readers[0])?;
    let control_key = NewKey::generate(&mut random::fill);
    let shards = shards(config);
    let setup = Arc::new(setup(config, shards, epoch, control_key.digest)?);
    let parts = Parts {
        listen,
        shards,
        driver: driver.clone(),
        connection_limit: files.saturating_sub(RESERVED_FILES),
        committer,
        readers: Vec::from(readers),
        webhook_reader,
        webhook_allow_private: config.webhook_allow_private,
        data: config.data.clone(),
    };
    let server = start(parts, &setup)?;
    let published = lock::Server {
        listen: server.address,
        control_key: control_key.text,
    };
    if let Err(error) = lock.publish(&published) {
        tracing::warn!(%error, "the command line cannot find this server");
    }
    announce(config, &server, shards, &driver, first_key.as_ref(), &advice);

    // The channel ends only with the process.
    let _ = stop.recv();
    tracing::info!("stopping");
    server.stop();
    Ok(())
}

/// One shard per processor but the writer's, unless the operator wants another number.
fn shards(config: &Config) -> u16 {
    let wanted = match config.shards {
        0 => cores::default_shards(cores::processors().len()),
        wanted => wanted,
    };
    u16::try_from(wanted).unwrap_or(u16::MAX)
}

/// An open store.
pub struct Store {
    /// Its writing side.
    pub committer: Committer<SqliteBackend>,
    /// Its reading sides.
    pub readers: [SqliteReader; READERS],
    /// The webhook sender's reading side.
    pub webhook_reader: SqliteReader,
    /// Changes when it was restored or re-created.
    pub epoch: String,
}

/// Opens the store of a data folder whose lock is held.
pub fn open_store(config: &Config) -> Result<Store, StartError> {
    let damaged = |error: &dyn std::fmt::Display| {
        StartError::new(
            format!("cannot use the databases: {error}"),
            "See what `ringim check` says, or restore a backup",
        )
    };
    let mut backend = sqlite::open(&config.data).map_err(|error| damaged(&error))?;
    let checkpointer = backend.checkpointer().map_err(|error| damaged(&error))?;
    let thread = std::thread::Builder::new().name("checkpointer".to_owned());
    thread
        .spawn(move || checkpointer.run())
        .map_err(|error| damaged(&error))?;
    let reader = || backend.reader().map_err(|error| damaged(&error));
    let readers = [reader()?, reader()?];
    let webhook_reader = reader()?;
    let epoch = backend.epoch().map_err(|error| damaged(&error))?;
    let committer = Committer::new(backend, config.message_id_window).map_err(|error| damaged(&error))?;
    Ok(Store {
        committer,
        readers,
        webhook_reader,
        epoch,
    })
}

/// What gateways are told: the settings, the secrets, and the key that is valid while this process lives.
pub fn setup(config: &Config, shards: u16, epoch: String, control: KeyDigest) -> Result<Setup, StartError> {
    let secret = token_secret(config, &config.data)?;
    // Under a restored store account keys are given again, so tokens of before must not be valid for new accounts.
    let signing = [secret.expose().as_bytes(), epoch.as_bytes()].concat();
    let of_environment = config.secrets.admin_key.as_ref().map(|key| KeyDigest::of(key.expose()));
    let start = Start {
        shards,
        epoch: epoch.into_boxed_str(),
        token_key: TokenKey::new(&signing),
        unstored_keys: of_environment.into_iter().chain([control]).collect(),
    };
    Ok(Setup::new(config, start))
}

fn token_secret(config: &Config, folder: &Path) -> Result<Secret<String>, StartError> {
    match &config.secrets.jwt_secret {
        Some(secret) => Ok(secret.clone()),
        None => secret_file::jwt_secret(folder, &mut random::fill),
    }
}

fn start(parts: Parts<SqliteBackend, SqliteReader>, setup: &Arc<Setup>) -> Result<Server, StartError> {
    let listen = parts.listen;
    let setup = setup.clone();
    server::start(parts, move |shard| {
        Gateway::new(shard, setup.clone(), Box::new(random::fill))
    })
    .map_err(|error| {
        StartError::new(
            format!("cannot serve on {listen}: {error}"),
            "Free the address, or choose another: --listen",
        )
    })
}

fn announce(
    config: &Config,
    server: &Server,
    shards: u16,
    driver: &Driver,
    first_key: Option<&FirstKey>,
    advice: &[String],
) {
    let mut out = std::io::stdout();
    let banner = Banner {
        address: server.address,
        data: &config.data,
        shards,
        driver,
        registration: config.registration,
        first_key,
        is_terminal: out.is_terminal(),
        advice,
    };
    // A closed standard output leaves nobody to tell.
    let _ = write!(out, "{banner}").and_then(|()| out.flush());
}
