//! Back ends: `POST /api/message/send` on keep-alive connections, each to a recipient with a WebSocket.

use super::traffic::{self, Audience, Layout};
use crate::error::Result;
use crate::load::client::Transport;
use crate::options::RestOptions;
use crate::report::Report;

/// The window of a closed loop if none is asked for.
pub const WINDOW: u32 = 1;

/// Runs the scenario.
pub fn run(options: &RestOptions) -> Result<Report> {
    let layout = Layout {
        rooms: options.connections,
        members: 2,
        authors: 1,
        audience: Audience::Partner,
        transport: Transport::Http,
        window: WINDOW,
        budget: "a server without waste: 12",
    };
    let mut report = Report::new("rest");
    report.parameter("connections", options.connections);
    traffic::run(report, &layout, &options.load, &options.server)
}
