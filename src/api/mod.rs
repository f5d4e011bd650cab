//! Outside words and ours: connections, routes, JSON, refusals.

pub mod port;
