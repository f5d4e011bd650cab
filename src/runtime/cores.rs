//! One pinned thread per shard, each with its own io_uring, or epoll where there is none.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use crossbeam_channel::{Sender, bounded};
use monoio::{IoUringDriver, LegacyDriver, RuntimeBuilder};

use super::clock::Clock;
use super::links::Links;
use super::listener::Listener;
use super::mailbox::Inbox;
use super::metrics::Metrics;
use super::reactor::Reactor;
use super::start::driver::{Driver, SUBMISSION_ENTRIES};
use crate::api::port::Service;

/// Shards when the operator names no number: one processor is left to the writer.
pub fn default_shards(processors: usize) -> usize {
    processors.saturating_sub(1).max(1)
}

/// Where shards run: from the last processor down, so that the first is the one without a shard. More shards than
/// processors begin again. What the order does at which load is in `perf/README.md`.
pub fn shard_processors() -> impl Iterator<Item = usize> {
    processors().into_iter().rev().cycle()
}

/// The processors this process may run on.
pub fn processors() -> Vec<usize> {
    // SAFETY: a zeroed set is a valid empty one, and the kernel writes at most its size.
    let set = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set);
        set
    };
    // SAFETY: the index stays below the size of the set.
    (0..libc::CPU_SETSIZE as usize)
        .filter(|&processor| unsafe { libc::CPU_ISSET(processor, &set) })
        .collect()
}

/// What a shard's thread is given.
pub struct ShardPlan {
    /// Its number.
    pub number: u16,
    /// Where to run; `None` leaves it to the kernel.
    pub processor: Option<usize>,
    /// How to wait.
    pub driver: Driver,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Connections the process may have open.
    pub connection_limit: u64,
    /// The time.
    pub clock: Clock,
    /// The way out.
    pub links: Links,
    /// The way in.
    pub inbox: Inbox,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Dropped when the shard has ended.
    pub running: Sender<()>,
}

/// Starts a shard, waits until it listens, and tells where, with the port the kernel chose when none was asked
/// for. `make` builds its service on its own thread.
pub fn start<S: Service + 'static>(
    plan: ShardPlan,
    make: impl FnOnce() -> S + Send + 'static,
) -> io::Result<SocketAddr> {
    let (listening, report) = bounded(1);
    let name = format!("shard-{}", plan.number);
    std::thread::Builder::new().name(name).spawn(move || {
        if let Some(processor) = plan.processor
            && let Err(error) = monoio::utils::bind_to_cpu_set([processor])
        {
            tracing::warn!(%error, processor, "cannot pin a shard to its processor");
        }
        let failed = listening.clone();
        if let Err(error) = block_on(&plan.driver.clone(), || serve(plan, make, listening)) {
            let _ = failed.send(Err(error));
        }
    })?;
    report
        .recv()
        .map_err(|_| io::Error::other("a shard ended while it started"))?
}

/// Builds the runtime on this thread, as single-issuer rings demand, and runs the future on it.
fn block_on<F: Future<Output = ()>>(driver: &Driver, future: impl FnOnce() -> F) -> io::Result<()> {
    match driver {
        Driver::IoUring(ring) => RuntimeBuilder::<IoUringDriver>::new()
            .uring_builder(ring.builder())
            .with_entries(SUBMISSION_ENTRIES)
            .enable_timer()
            .build()?
            .block_on(future()),
        Driver::Epoll { .. } => RuntimeBuilder::<LegacyDriver>::new()
            .enable_timer()
            .build()?
            .block_on(future()),
    }
    Ok(())
}

async fn serve<S: Service + 'static>(
    plan: ShardPlan,
    make: impl FnOnce() -> S,
    listening: Sender<io::Result<SocketAddr>>,
) {
    let bound = Listener::bind(plan.listen).and_then(|listener| Ok((listener.address()?, Rc::new(listener))));
    let (address, listener) = match bound {
        Ok(bound) => bound,
        Err(error) => {
            let _ = listening.send(Err(error));
            return;
        }
    };
    let reactor = Rc::new(Reactor::new(plan.number, make(), plan.clock, plan.links, plan.metrics));
    drop(monoio::spawn(reactor.clone().run_turn_ends()));
    drop(monoio::spawn(reactor.clone().run_timer()));
    drop(monoio::spawn(
        listener.clone().run(reactor.clone(), plan.connection_limit),
    ));
    drop(monoio::spawn(
        reactor.clone().run_inbox(plan.inbox, move || listener.stop()),
    ));
    let _ = listening.send(Ok(address));
    reactor.stopped.wait().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_processor_gets_a_shard_last() {
        let mut expected = processors();
        expected.reverse();
        expected.push(expected[0]);
        let count = expected.len();
        assert_eq!(shard_processors().take(count).collect::<Vec<_>>(), expected);
    }
}
