//! Is the server well?

use crate::api::port::Operation;
use crate::api::routes::ROUTES;
use crate::api::step::{Call, Data, Flow, Step};
use crate::api::wire::openapi::write_description;
use crate::domain::command::Command;

/// `GET /healthz`: this core lives.
pub fn health(_call: Call<'_, '_>) -> Flow {
    Ok(ok_page())
}

/// `GET /readyz`: the writer commits.
pub fn readiness(_call: Call<'_, '_>) -> Flow {
    Step::submit_as_server(Command::Probe, |_, _| Ok(ok_page()))
}

/// `GET /metrics`, as Prometheus text.
pub fn metrics(_call: Call<'_, '_>) -> Flow {
    Ok(Step::Collaborate(
        Operation::Metrics,
        Box::new(|text, _| {
            let body = text.into_string().into_bytes();
            Ok(Step::Done(Data::Page {
                content_type: "text/plain; version=0.0.4; charset=utf-8",
                body,
            }))
        }),
    ))
}

/// `GET /openapi.json`: the table of routes as an API description.
pub fn description(_call: Call<'_, '_>) -> Flow {
    let mut body = Vec::new();
    write_description(ROUTES, &mut body);
    Ok(Step::Done(Data::Page {
        content_type: "application/json; charset=utf-8",
        body,
    }))
}

fn ok_page() -> Step {
    Step::Done(Data::Page {
        content_type: "text/plain; charset=utf-8",
        body: b"ok\n".to_vec(),
    })
}
