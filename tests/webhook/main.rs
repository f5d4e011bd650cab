//! The webhook sender against real targets that are slow, dead, or say no.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

mod target;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ringim::domain::command::Command;
use ringim::domain::id::{Position, UserId};
use ringim::domain::rejection::Rejection;
use ringim::domain::webhook::{Delivery, DeliveryState, WebhookKind};

use target::{Received, Reply, Target, status};
use world::{KEY, World, now};

const SOON: Duration = Duration::from_secs(10);

fn contents(received: &[Received]) -> Vec<String> {
    received.iter().map(Received::content).collect()
}

/// The signature by the words of the specification, not by our own code.
fn is_signed(received: &Received) -> bool {
    let header = |name: &str| received.headers.get(name).cloned().unwrap_or_default();
    let signed = format!(
        "{}.{}.{}",
        header("webhook-id"),
        header("webhook-timestamp"),
        received.body
    );
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, KEY), signed.as_bytes());
    let age = now() / 1000 - header("webhook-timestamp").parse::<i64>().unwrap();
    header("webhook-signature") == format!("v1,{}", STANDARD.encode(tag)) && (0..60).contains(&age)
}

#[test]
fn events_arrive_signed_once_and_in_the_order_of_their_conversation() {
    let target = Target::start(|_, _| status(200));
    let mut world = World::new(true);
    world.hook("w", WebhookKind::Json, &target.url(), &["new_message"]);
    for number in 0..40 {
        for to in ["bob", "carol", "dave"] {
            world.send(to, &format!("{to} {number}"));
        }
    }
    let received = target.wait(120, SOON);
    assert!(received.iter().all(is_signed));
    let ids: BTreeSet<&str> = received.iter().map(Received::id).collect();
    assert_eq!(ids.len(), 120);
    let mut by_receiver: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in &received {
        let json = event.json();
        assert_eq!(
            (json["event"].as_str(), json["id"].as_str()),
            (Some("new_message"), Some(event.id()))
        );
        let to = json["data"]["toId"].as_str().unwrap().to_owned();
        by_receiver.entry(to).or_default().push(event.content());
    }
    for (to, contents) in by_receiver {
        let expected: Vec<String> = (0..40).map(|number| format!("{to} {number}")).collect();
        assert_eq!(contents, expected);
    }
    world.until("everything is recorded", |world| {
        world.webhook("w").position == world.head()
    });
    assert_eq!((world.rows("w"), target.received().len()), (vec![], 120));
}

#[test]
fn a_failing_event_holds_up_its_conversation_alone_and_keeps_its_id() {
    let target = Target::start(|event, before| {
        status(if event.content() == "bob 0" && before == 0 {
            500
        } else {
            204
        })
    });
    let mut world = World::new(true);
    world.hook("w", WebhookKind::Json, &target.url(), &["new_message"]);
    let started = Instant::now();
    for number in 0..3 {
        world.send("bob", &format!("bob {number}"));
        world.send("carol", &format!("carol {number}"));
    }
    let received = target.wait(7, Duration::from_secs(15));
    let carol = received.iter().filter(|event| event.content().starts_with("carol"));
    assert!(carol.clone().count() == 3 && carol.clone().all(|event| event.at - started < Duration::from_secs(4)));
    let bob: Vec<Received> = received
        .into_iter()
        .filter(|event| event.content().starts_with("bob"))
        .collect();
    assert_eq!(contents(&bob), ["bob 0", "bob 0", "bob 1", "bob 2"]);
    assert_eq!(bob[0].id(), bob[1].id());
    let waited = bob[1].at - bob[0].at;
    assert!(waited > Duration::from_millis(4900), "{waited:?}");
    world.until("no row is left", |world| world.rows("w").is_empty());
}

#[test]
fn a_crash_between_delivery_and_record_repeats_and_loses_nothing() {
    let target = Target::start(|event, _| status(if event.content() == "bad" { 500 } else { 200 }));
    let mut world = World::new(true);
    world.hook("w", WebhookKind::Json, &target.url(), &["new_message"]);
    world.send("carol", "bad");
    world.until("the failure is a row", |world| world.rows("w").len() == 1);
    world.deafen();
    world.send("bob", "one");
    world.send("carol", "behind");
    target.wait(2, SOON);
    world.crash();
    world.start();
    let received = target.wait(3, SOON);
    assert_eq!(contents(&received), ["bad", "one", "one"]);
    assert_eq!(received[1].id(), received[2].id());
    world.until("the event behind the failing one is a row", |world| {
        world.rows("w").len() == 2
    });
    assert_eq!(&*world.rows("w")[1].error, &*format!("waits for {}", received[0].id()));
}

#[test]
fn an_orderly_stop_records_everything() {
    let target = Target::start(|_, _| status(200));
    let mut world = World::new(true);
    world.hook("w", WebhookKind::Json, &target.url(), &["new_message"]);
    world.send("bob", "one");
    target.wait(1, SOON);
    std::thread::sleep(Duration::from_millis(100));
    world.stop();
    world.start();
    world.send("bob", "two");
    assert_eq!(contents(&target.wait(2, SOON)), ["one", "two"]);
}

#[test]
fn the_last_failure_makes_a_dead_letter_and_a_replay_brings_it_back() {
    let target = Target::start(|event, before| {
        status(if event.content() == "dead" && before < 2 {
            503
        } else {
            200
        })
    });
    let mut world = World::new(true);
    world.hook("w", WebhookKind::Json, &target.url(), &["new_message"]);
    world.send("bob", "dead");
    world.until("the failure is a row", |world| world.rows("w").len() == 1);
    world.stop();
    // As if nine attempts had failed over three days.
    let row = world.rows("w").remove(0);
    let failing = vec![Delivery {
        attempts: 9,
        next_attempt_at: 0,
        ..row.clone()
    }];
    let command = Command::RecordDeliveries {
        webhook: "w".into(),
        position: None,
        failing,
        delivered: vec![],
    };
    world.edit(command);
    world.start();
    world.send("bob", "next");
    let received = target.wait(3, SOON);
    assert_eq!(contents(&received), ["dead", "dead", "next"]);
    world.until("the event is dead", |world| {
        world.rows("w").iter().any(|row| row.state == DeliveryState::Dead)
    });
    assert_eq!(
        (&*world.rows("w")[0].error, world.rows("w")[0].attempts),
        ("status 503", 10)
    );

    let replay = |position| Command::ReplayDeliveries {
        webhook: "w".into(),
        position,
    };
    assert_eq!(
        world.commit(replay(Some(Position(row.position.0 + 1)))),
        Err(Rejection::NotFound)
    );
    world.commit(replay(Some(row.position))).unwrap();
    let received = target.wait(4, SOON);
    assert_eq!(
        (received[3].content(), received[3].id()),
        ("dead".to_owned(), received[0].id())
    );
    world.until("no row is left", |world| world.rows("w").is_empty());
}

#[test]
fn a_target_that_is_gone_is_switched_off() {
    let target = Target::start(|_, _| status(410));
    let mut world = World::new(true);
    world.hook("w", WebhookKind::Json, &target.url(), &["*"]);
    world.send("bob", "one");
    world.until("the webhook is off", |world| !world.webhook("w").enabled);
    world.send("bob", "two");
    world.send("carol", "three");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(target.received().len(), 1);
}

#[test]
fn a_target_may_ask_for_time() {
    let target = Target::start(|_, _| Reply {
        headers: "Retry-After: 3600\r\n",
        ..status(429)
    });
    let mut world = World::new(true);
    world.hook("w", WebhookKind::Json, &target.url(), &["new_message"]);
    world.send("bob", "one");
    world.until("the failure is a row", |world| world.rows("w").len() == 1);
    let row = world.rows("w").remove(0);
    let wait = row.next_attempt_at - now();
    assert!((3_590_000..4_000_000).contains(&wait), "{wait}");
    assert_eq!(&*row.error, "status 429");
}

#[test]
fn hanging_and_dead_targets_slow_nobody_else() {
    let hanging = Target::start(|_, _| Reply {
        after: Duration::from_secs(30),
        ..status(200)
    });
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let good = Target::start(|_, _| status(200));
    let mut world = World::new(true);
    for number in 0..12 {
        world.hook(
            &format!("hanging{number}"),
            WebhookKind::Json,
            &hanging.url(),
            &["new_message"],
        );
        world.hook(
            &format!("dead{number}"),
            WebhookKind::Json,
            &format!("http://{closed}/"),
            &["new_message"],
        );
    }
    world.hook("good", WebhookKind::Json, &good.url(), &["new_message"]);
    let started = Instant::now();
    for number in 0..100 {
        world.send(["bob", "carol", "dave"][number % 3], &number.to_string());
    }
    let sent = started.elapsed();
    assert!(sent < Duration::from_secs(5), "a message had to wait: {sent:?}");
    good.wait(100, Duration::from_secs(25));
    // The hanging targets hold at most four threads each for one time-out, and one each from then on.
    world.until("the dead are known", |world| !world.rows("dead0").is_empty());
    assert_eq!(&*world.rows("dead0")[0].error, "connection refused");
}

#[test]
fn redirects_are_not_followed_and_private_addresses_not_called() {
    let elsewhere = Target::start(|_, _| status(200));
    let location: &'static str = format!("Location: {}\r\n", elsewhere.url()).leak();
    let redirecting = Target::start(move |_, _| Reply {
        headers: location,
        ..status(307)
    });
    let mut world = World::new(true);
    world.hook("w", WebhookKind::Json, &redirecting.url(), &["new_message"]);
    world.send("bob", "one");
    world.until("the failure is a row", |world| world.rows("w").len() == 1);
    assert_eq!(
        (&*world.rows("w")[0].error, elsewhere.received().len()),
        ("status 307", 0)
    );

    let mut world = World::new(false);
    let port = elsewhere.address().port();
    world.hook("literal", WebhookKind::Json, &elsewhere.url(), &["new_message"]);
    world.hook(
        "name",
        WebhookKind::Json,
        &format!("http://localhost:{port}/"),
        &["new_message"],
    );
    world.send("bob", "one");
    for id in ["literal", "name"] {
        world.until("the failure is a row", |world| world.rows(id).len() == 1);
        assert_eq!(&*world.rows(id)[0].error, "private address");
    }
    assert_eq!(elsewhere.received().len(), 0);
}

#[test]
fn a_robot_gets_one_message_for_all_that_its_rate_does_not_allow() {
    let target = Target::start(|_, _| Reply {
        body: r#"{"errcode":0}"#,
        ..status(200)
    });
    let mut world = World::new(true);
    let url = format!("http://{}/cgi-bin/webhook/send?key=k", target.address());
    world.hook("robot", WebhookKind::Wecom, &url, &["new_message"]);
    world.send("bob", "您好");
    let first = target.wait(1, SOON).remove(0);
    assert_eq!(
        first.body,
        r#"{"msgtype":"text","text":{"content":"[IM消息] alice: 您好"}}"#
    );
    assert!(first.headers.keys().all(|name| !name.starts_with("webhook-")));
    world.stop();
    world.start();
    world.deafen();
    for number in 0..60 {
        world.send("bob", &format!("number {number};"));
    }
    let all = |received: &[Received]| received.iter().map(|event| event.body.clone()).collect::<String>();
    let deadline = Instant::now() + SOON;
    while !all(&target.received()).contains("number 59;") {
        assert!(Instant::now() < deadline, "{:#?}", target.received());
        std::thread::sleep(Duration::from_millis(10));
    }
    let received = target.received();
    assert!(received.len() <= 21, "{}", received.len());
    let text = all(&received);
    let places: Vec<usize> = (0..60)
        .map(|number| text.find(&format!("number {number};")).unwrap())
        .collect();
    assert!(places.is_sorted());
}

#[test]
fn a_robot_that_says_no_politely_is_tried_again() {
    let target = Target::start(|_, _| Reply {
        body: r#"{"errcode":45009,"errmsg":"secret"}"#,
        ..status(200)
    });
    let mut world = World::new(true);
    let url = format!("http://{}/cgi-bin/webhook/send?key=k", target.address());
    world.hook("robot", WebhookKind::Wecom, &url, &["new_message"]);
    world.send("bob", "one");
    world.until("the failure is a row", |world| world.rows("robot").len() == 1);
    let row = world.rows("robot").remove(0);
    assert!(row.next_attempt_at - now() > 50_000);
    assert_eq!(&*row.error, "code 45009");
}

#[test]
fn a_test_answers_status_and_time_and_never_the_body() {
    let target = Target::start(|_, _| Reply {
        body: "the target's secrets",
        ..status(418)
    });
    let world = World::new(true);
    world.hook("w", WebhookKind::Json, &target.url(), &["new_message"]);
    let answer = world.test("w").unwrap();
    let parsed: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        (parsed["status"].as_i64(), parsed["error"].as_str()),
        (Some(418), Some("status 418"))
    );
    assert!(parsed["durationMs"].is_i64() && !answer.contains("secrets"));
    let received = target.wait(1, SOON).remove(0);
    assert!(is_signed(&received) && received.json()["event"] == "webhook_test");
    assert_eq!(world.test("other"), Err(Rejection::NotFound));
}

#[test]
fn users_that_come_and_go_are_told_to_those_who_want_to_know() {
    let target = Target::start(|_, _| status(200));
    let world = World::new(true);
    world.hook("w", WebhookKind::Json, &target.url(), &["user_online", "user_offline"]);
    world.until("the sender follows", |world| {
        world.link().presence(UserId::stored("bob"), true);
        !target.received().is_empty()
    });
    world.link().presence(UserId::stored("carol"), false);
    world.until("the last one is told", |_| {
        let last = target.received().last().unwrap().json();
        last["event"] == "user_offline" && last["data"]["userId"] == "carol"
    });
}
