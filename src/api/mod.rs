//! Outside words and ours: connections, routes, JSON, refusals.

pub mod admin;
pub mod context;
pub mod port;
pub mod refusal;
pub mod rest;
pub mod routes;
pub mod setup;
pub mod step;
pub mod webhook;
pub mod wire;
