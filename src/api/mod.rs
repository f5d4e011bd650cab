//! Outside words and ours: connections, routes, JSON, refusals.

pub mod admin;
pub mod connection;
pub mod context;
pub mod credentials;
pub mod gateway;
pub mod live;
pub mod outbox;
pub mod port;
pub mod refusal;
pub mod rest;
pub mod routes;
pub mod runner;
pub mod setup;
pub mod step;
pub mod webhook;
pub mod wire;
