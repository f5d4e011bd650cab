//! The whole server in virtual time: real gateways, a real committer and the store in memory, with devices
//! that speak real bytes, a network that cuts and delays, a store that fails and a process that crashes.
//! One number decides everything that happens in a world, so a failure can be watched again:
//!
//! `RINGIM_SIM_SEED=<seed> cargo test --test sim replay -- --nocapture`
//!
//! `RINGIM_SIM_WORLDS` sets how many worlds `thousands_of_worlds` runs, `RINGIM_SIM_BUG` plants a bug in a replay.

mod acts;
mod asks;
mod bugs;
mod bytes;
mod client;
mod faults;
mod hears;
mod invariants;
mod ledger;
mod mailbox;
mod network;
mod plan;
mod random;
mod seeds;
mod server;
mod world;
mod writer;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use bugs::Bug;
use world::World;

/// Worlds of one run of the test command.
const WORLDS: u64 = 2000;

/// Worlds within which every planted bug must be found.
const WORLDS_TO_FIND_A_BUG: u64 = 300;

/// Runs one world; the error says what broke.
fn run(seed: u64, bug: Option<Bug>, tells: bool) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| World::new(seed, bug, tells).run())).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("the server panicked: {}", text.unwrap_or_default()))
    })
}

/// Runs worlds on all cores; the lowest seed that fails, and how.
fn first_failure(seeds: std::ops::Range<u64>, bug: Option<Bug>) -> Option<(u64, String)> {
    let next = AtomicU64::new(seeds.start);
    let search = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return None;
            }
            if let Err(text) = run(seed, bug, false) {
                next.store(seeds.end, Ordering::Relaxed);
                return Some((seed, text));
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        let searches: Vec<_> = (0..threads).map(|_| scope.spawn(search)).collect();
        searches
            .into_iter()
            .filter_map(|search| search.join().expect("a search catches panics"))
            .min()
    })
}

fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

fn report(seed: u64, text: &str) -> String {
    format!("world {seed}: {text}\nreplay: RINGIM_SIM_SEED={seed} cargo test --test sim replay -- --nocapture")
}

#[test]
fn thousands_of_worlds_keep_every_promise() {
    let worlds = variable("RINGIM_SIM_WORLDS").unwrap_or(WORLDS);
    if let Some((seed, text)) = first_failure(0..worlds, None) {
        panic!("{}", report(seed, &text));
    }
}

#[test]
fn worlds_that_once_failed_hold() {
    for (seed, what) in seeds::SEEDS {
        if let Err(text) = run(*seed, None, false) {
            panic!("{what} is back\n{}", report(*seed, &text));
        }
    }
}

#[test]
fn every_planted_bug_is_found() {
    for bug in Bug::ALL {
        let found = first_failure(0..WORLDS_TO_FIND_A_BUG, Some(bug));
        let (seed, text) = found.unwrap_or_else(|| panic!("{bug:?} is not found in {WORLDS_TO_FIND_A_BUG} worlds"));
        println!("{bug:?} is found in world {seed}: {text}");
    }
}

#[test]
fn a_world_is_decided_by_its_seed_alone() {
    for bug in Bug::ALL {
        let seeds = 0..5;
        let twice = seeds.map(|seed| (run(seed, Some(bug), false), run(seed, Some(bug), false)));
        twice.for_each(|(one, other)| assert_eq!(one, other));
    }
}

#[test]
fn replay() {
    let Some(seed) = variable("RINGIM_SIM_SEED") else {
        return;
    };
    let bug = std::env::var("RINGIM_SIM_BUG").ok();
    let bug = bug.map(|name| {
        Bug::ALL
            .into_iter()
            .find(|bug| format!("{bug:?}") == name)
            .expect("a bug of the list")
    });
    if let Err(text) = run(seed, bug, true) {
        panic!("{}", report(seed, &text));
    }
}
