//! What the codecs cost per request and per frame, without any kernel.
//!
//! `cargo bench --bench codec`. The floor is in the kernel: some 5 microseconds for one receive and one send.

#[path = "common/settings.rs"]
mod settings;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ringim::proto::http::{Limits, Progress, RequestParser, Response};
use ringim::proto::ws::{self, Decoder, Opcode, Role};

/// A key that masks and leaves the payload readable, so that one buffer serves every iteration.
const ZERO_KEY: Option<[u8; 4]> = Some([0; 4]);

fn request(fields: usize, body: &str) -> Vec<u8> {
    let mut head = format!(
        "POST /api/message/send HTTP/1.1\r\nHost: example:7800\r\nContent-Length: {}\r\n",
        body.len()
    );
    for index in 2..fields {
        head.push_str(&format!("X-Field-{index}: some value of a usual length\r\n"));
    }
    format!("{head}\r\n{body}").into_bytes()
}

fn http_requests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("http_request");
    let limits = Limits::default();
    for fields in [4, 10] {
        let mut input = request(fields, &"x".repeat(128));
        group.throughput(Throughput::Bytes(input.len() as u64));
        group.bench_function(format!("{fields}_fields"), |bencher| {
            let mut parser = RequestParser::default();
            bencher.iter(|| match parser.advance(black_box(&mut input), &limits) {
                Ok(Progress::Complete(request)) => request.consumed,
                other => panic!("{other:?}"),
            });
        });
    }
    group.finish();
}

fn http_responses(criterion: &mut Criterion) {
    let body = "x".repeat(128);
    let response = Response {
        status: 200,
        content_type: Some("application/json"),
        fields: &[],
        body: &[body.as_bytes()],
        keep_alive: true,
        head_only: false,
    };
    criterion.bench_function("http_response", |bencher| {
        let mut out = Vec::new();
        bencher.iter(|| {
            out.clear();
            black_box(&response).write(b"Sun, 06 Nov 1994 08:49:37 GMT", &mut out);
            out.len()
        });
    });
}

fn ws_frames(criterion: &mut Criterion) {
    for (name, length) in [("128_bytes", 128), ("16_kib", 16 * 1024)] {
        let payload = vec![b'x'; length];
        let mut group = criterion.benchmark_group(format!("ws_{name}"));
        group.throughput(Throughput::Bytes(length as u64));
        let mut input = Vec::new();
        ws::encode(Opcode::Text, &payload, ZERO_KEY, &mut input);
        group.bench_function("decode", |bencher| {
            let mut decoder = Decoder::new(Role::Server, 1024 * 1024);
            bencher.iter(|| match decoder.advance(black_box(&mut input)) {
                Ok(ws::Progress::Message { consumed, .. }) => consumed,
                other => panic!("{other:?}"),
            });
        });
        group.bench_function("encode", |bencher| {
            let mut out = Vec::new();
            bencher.iter(|| {
                out.clear();
                ws::encode(Opcode::Text, black_box(&payload), None, &mut out);
                out.len()
            });
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = settings::settings();
    targets = http_requests, http_responses, ws_frames
}
criterion_main!(benches);
