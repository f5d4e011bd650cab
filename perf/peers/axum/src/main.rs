//! A chat server as a good engineer would write it in an afternoon: axum on tokio, rusqlite on one writer thread that
//! commits in batches, acks after the commit. It has RingIM's command line and the part of its interface that the load
//! generator uses; `../README.md` says what it promises.

mod admin;
mod hub;
mod message;
mod refusal;
mod rest;
mod socket;
mod store;
mod token;

use std::env;
use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use clap::Parser;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use hub::Hub;
use store::{Accounts, Job, Writer};
use token::Tokens;

/// Bytes of the largest body or frame.
const MAX_BYTES: usize = 1 << 20;

/// Messages that wait for the writer before senders have to.
const QUEUED_MESSAGES: usize = 16 * 1024;

#[derive(Parser)]
struct Arguments {
    #[arg(default_value = "serve")]
    command: String,
    #[arg(long, default_value = "127.0.0.1:7800")]
    listen: SocketAddr,
    #[arg(long, default_value = "./data")]
    data: PathBuf,
}

/// What every request may use.
#[derive(Clone)]
struct App {
    hub: Arc<Hub>,
    accounts: Arc<Accounts>,
    tokens: Arc<Tokens>,
    jobs: mpsc::Sender<Job>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let admin_key = env::var("RINGIM_ADMIN_KEY").map_err(|_| "set RINGIM_ADMIN_KEY")?;
    std::fs::create_dir_all(&arguments.data)?;
    let database = arguments.data.join("im.db");
    let hub = Arc::new(Hub::default());
    let accounts = Accounts::open(&database, &hub)?;
    let (jobs, queue) = mpsc::channel(QUEUED_MESSAGES);
    let writer = Writer::open(&database, hub.clone())?;
    let writer = std::thread::Builder::new()
        .name("writer".to_owned())
        .spawn(move || writer.run(queue))?;
    let app = App {
        hub,
        accounts: Arc::new(accounts),
        tokens: Arc::new(Tokens::new(admin_key)),
        jobs,
    };
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(serve(arguments.listen, app))?;
    // Ends all tasks and with them the queue, so that the writer commits what it has and ends too.
    drop(runtime);
    writer.join().map_err(|_| "the writer panicked")?;
    Ok(())
}

/// Serves until SIGTERM.
async fn serve(address: SocketAddr, app: App) -> Result<(), Box<dyn Error>> {
    let routes = Router::new()
        .route("/healthz", get(rest::health))
        .route("/readyz", get(rest::health))
        .route("/ws", get(socket::upgrade))
        .route("/api/message/send", post(rest::send))
        .nest("/api/admin", admin::routes(&app))
        .layer(DefaultBodyLimit::max(MAX_BYTES))
        .with_state(app);
    let listener = TcpListener::bind(address).await?.tap_io(|stream| {
        // A socket that is gone already fails at its first read anyway.
        let _ = stream.set_nodelay(true);
    });
    println!("listening on {address}\n  driver  epoll (tokio)");
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        served = async { axum::serve(listener, routes).await } => served?,
        _ = terminated.recv() => {}
    }
    Ok(())
}
