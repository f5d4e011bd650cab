//! The only place that names JSON fields: documents from outside, and our values as JSON.

pub mod document;
pub mod json;
pub mod message;
pub mod parameters;
pub mod user;
