//! Outside words and ours: connections, routes, JSON, refusals.

pub mod port;
pub mod refusal;
pub mod wire;
