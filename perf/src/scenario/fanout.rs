//! Groups: one author in each writes to all members, who are all online.

use super::traffic::{self, Audience, Layout};
use crate::error::Result;
use crate::load::client::Transport;
use crate::options::FanoutOptions;
use crate::report::Report;

/// Runs the scenario.
pub fn run(options: &FanoutOptions) -> Result<Report> {
    let layout = Layout {
        rooms: options.groups,
        members: options.members.max(2),
        authors: 1,
        audience: Audience::Group,
        transport: Transport::WebSocket,
        window: 2,
        budget: "a server without waste: 3.8 for each member, less where segments carry several",
    };
    let mut report = Report::new("fanout");
    report.parameter("groups", options.groups);
    report.parameter("members", layout.members);
    traffic::run(report, &layout, &options.load, &options.server)
}
