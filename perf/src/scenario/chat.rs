//! 1:1 chat through the whole path: WebSocket in, durable commit, ack and delivery out.

use super::traffic::{self, Audience, Layout};
use crate::error::Result;
use crate::load::client::Transport;
use crate::options::ChatOptions;
use crate::report::Report;

/// The window of a closed loop if none is asked for.
pub const WINDOW: u32 = 8;

/// Runs the scenario.
pub fn run(options: &ChatOptions) -> Result<Report> {
    let layout = Layout {
        rooms: options.connections.div_ceil(2),
        members: 2,
        authors: 2,
        audience: Audience::Partner,
        transport: Transport::WebSocket,
        window: WINDOW,
        budget: "a server without waste: 11.6 with one message a segment, 3.2 to 8.8 with eight",
    };
    let mut report = Report::new("chat");
    report.parameter("connections", options.connections);
    traffic::run(report, &layout, &options.load, &options.server)
}
