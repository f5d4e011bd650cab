//! The only place that names JSON fields: documents from outside, and our values as JSON.

pub mod connection;
pub mod databases;
pub mod document;
pub mod group;
pub mod json;
pub mod key;
pub mod list;
pub mod live;
pub mod message;
pub mod openapi;
pub mod parameters;
pub mod robot;
pub mod sync;
pub mod user;
pub mod webhook;
pub mod webhook_event;
