//! The table of routes as an OpenAPI 3.1 document.

use super::json::Members;
use crate::api::routes::{Access, Route};
use crate::proto::http::Method;

/// Writes the description of all routes.
pub fn write_description(routes: &[Route], out: &mut Vec<u8>) {
    let mut paths: Vec<&'static str> = routes.iter().map(|route| route.path).collect();
    paths.sort_unstable();
    paths.dedup();
    let mut document = Members::begin(out);
    document.value("openapi", "3.1.0");
    Members::begin(document.name("info"))
        .value("title", "RingIM")
        .value("version", env!("CARGO_PKG_VERSION"))
        .end();
    let mut all = Members::begin(document.name("paths"));
    for path in paths {
        let mut methods = Members::begin(all.name(path));
        for route in routes.iter().filter(|route| route.path == path) {
            write_operation(route, methods.name(method_name(route.method)));
        }
        methods.end();
    }
    all.end();
    Members::begin(document.name("components"))
        .raw("securitySchemes", SECURITY_SCHEMES)
        .raw("responses", RESPONSES)
        .end();
    document.end();
}

/// How a caller proves who it is.
const SECURITY_SCHEMES: &[u8] = br#"{"token":{"type":"http","scheme":"bearer","bearerFormat":"JWT"},"key":{"type":"http","scheme":"bearer","bearerFormat":"API key"}}"#;

/// What every route answers, and what every refusal looks like.
const RESPONSES: &[u8] = br#"{"ok":{"description":"Success; `data` depends on the route.","content":{"application/json":{"schema":{"type":"object","properties":{"code":{"const":200},"message":{"const":"ok"},"data":{}}}}}},"refusal":{"description":"A refusal; `error` is stable.","content":{"application/json":{"schema":{"type":"object","properties":{"code":{"type":"integer"},"error":{"type":"string"},"message":{"type":"string"},"requestId":{"type":"string"}}}}}}}"#;

fn write_operation(route: &Route, out: &mut Vec<u8>) {
    let mut operation = Members::begin(out);
    operation.value("summary", route.summary);
    if route.path.contains("{id}") {
        operation.raw(
            "parameters",
            br#"[{"name":"id","in":"path","required":true,"schema":{"type":"string"}}]"#,
        );
    }
    if route.method == Method::Post {
        operation.raw(
            "requestBody",
            br#"{"content":{"application/json":{"schema":{"type":"object"}}}}"#,
        );
    }
    let security: &[u8] = match route.access {
        Access::Public => b"[]",
        Access::User => br#"[{"token":[]}]"#,
        Access::Key(_) => br#"[{"key":[]}]"#,
        Access::UserOrKey(_) => br#"[{"token":[]},{"key":[]}]"#,
        Access::LoopbackOrKey(_) => br#"[{},{"key":[]}]"#,
    };
    operation
        .raw("security", security)
        .raw(
            "responses",
            br##"{"200":{"$ref":"#/components/responses/ok"},"default":{"$ref":"#/components/responses/refusal"}}"##,
        )
        .end();
}

fn method_name(method: Method) -> &'static str {
    match method {
        Method::Post => "post",
        _ => "get",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::routes::ROUTES;

    #[test]
    fn every_route_is_described() {
        let mut out = Vec::new();
        write_description(ROUTES, &mut out);
        let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
        for route in ROUTES {
            let operation = &document["paths"][route.path][method_name(route.method)];
            assert_eq!(operation["summary"], route.summary, "{}", route.path);
        }
    }
}
