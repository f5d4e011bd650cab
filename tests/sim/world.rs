//! One world: devices, the network, the server and the store, in virtual time and in an order drawn from a seed.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringim::api::port::Now;
use ringim::api::setup::{Setup, Start};
use ringim::auth::token::TokenKey;
use ringim::base::connection::ConnectionId;
use ringim::config::Config;
use ringim::store::memory::{MemoryReader, MemoryStore};

use crate::bugs::Bug;
use crate::client::Client;
use crate::invariants::{self, Check};
use crate::ledger::Ledger;
use crate::network::Socket;
use crate::plan::{Plan, Step};
use crate::random::Random;
use crate::server::Server;

/// Steps after which a world that does not come to rest is at fault.
const STEPS: usize = 100_000;

/// A device that waits so long although nothing goes wrong any more waits for ever.
const PATIENCE_MS: u64 = 600_000;

/// Everything.
pub struct World {
    pub plan: Plan,
    pub random: Random,
    pub now: Now,
    pub clients: Vec<Client>,
    pub sockets: BTreeMap<ConnectionId, Socket>,
    pub ledger: Ledger,
    pub server: Server,
    /// Actions that are left.
    pub actions: usize,
    pub store: MemoryStore,
    reader: MemoryReader,
    pub setup: Arc<Setup>,
    /// Steps until a draining server has ended.
    pub draining: Option<usize>,
    /// Since when nothing goes wrong any more.
    calm_since_ms: Option<u64>,
    tells: bool,
}

impl World {
    pub fn new(seed: u64, bug: Option<Bug>, tells: bool) -> Self {
        let mut random = Random::new(seed);
        let plan = Plan::new(&mut random, bug);
        let store = MemoryStore::new();
        let mut config = Config::default();
        (config.rates.login_failures_per_minute, config.rates.register_per_minute) = (0, 0);
        let start = Start {
            shards: plan.shards,
            epoch: "epoch1".into(),
            token_key: TokenKey::new(&[7; 32]),
            unstored_keys: Vec::new(),
        };
        let setup = Arc::new(Setup::new(&config, start));
        Self {
            clients: (0..plan.clients)
                .map(|number| Client::new(number, number % plan.users))
                .collect(),
            sockets: BTreeMap::new(),
            ledger: Ledger::default(),
            server: Server::start(&setup, &store, bug, &mut random),
            actions: plan.actions,
            reader: store.reader(),
            now: Now {
                wall_ms: 1_700_000_000_000,
                monotonic_ms: 1_000_000,
            },
            draining: None,
            calm_since_ms: None,
            plan,
            random,
            store,
            setup,
            tells,
        }
    }

    /// Runs the world to its end. The error says which invariant broke.
    pub fn run(&mut self) -> Check {
        for _ in 0..STEPS {
            if self.actions == 0 {
                self.calm();
                if self.is_at_rest() {
                    return self.judge();
                }
            }
            if !self.step()? {
                self.jump()?;
            }
        }
        Err("the world does not come to rest".into())
    }

    /// Nothing is left to do before the next deadline.
    fn jump(&mut self) -> Check {
        let calm_since_ms = *self.calm_since_ms.get_or_insert(self.now.monotonic_ms);
        if calm_since_ms + PATIENCE_MS < self.now.monotonic_ms {
            return Err(format!("devices wait for ever: {:?}", self.waiting()));
        }
        let deadline = self.server.next_deadline().unwrap_or(self.now.monotonic_ms + 1000);
        self.pass(deadline.saturating_sub(self.now.monotonic_ms).max(1))
    }

    /// Says what happens, when somebody listens.
    pub fn tell(&self, what: impl FnOnce() -> String) {
        if self.tells {
            println!("{:>9} {}", self.now.monotonic_ms - 1_000_000, what());
        }
    }

    /// From here on nothing goes wrong any more.
    fn calm(&mut self) {
        self.store.heal();
        for client in &mut self.clients {
            (client.away, client.stalled) = (false, false);
        }
    }

    fn waiting(&self) -> Vec<usize> {
        let unsettled = |client: &&Client| client.is_waiting() || client.todo().is_some();
        self.clients
            .iter()
            .filter(unsettled)
            .map(|client| client.number)
            .collect()
    }

    fn is_at_rest(&self) -> bool {
        self.waiting().is_empty() && self.draining.is_none() && self.enabled() == [false; 9]
    }

    /// Which steps have something to do. Time and faults are no work of their own.
    fn enabled(&self) -> [bool; 9] {
        let deliverable = |socket: &Socket| !socket.to_server.is_empty() && !socket.paused;
        let flushable = |socket: &Socket| socket.writing.is_some() && !self.clients[socket.client].stalled;
        [
            self.actions > 0 || self.clients.iter().any(|client| client.todo().is_some()),
            self.sockets.values().any(deliverable),
            self.sockets.values().any(flushable),
            !self.server.shards_with_mail().is_empty(),
            self.server.writer_has_work(),
            self.server.has_queries(),
            self.server.has_passwords(),
            false,
            false,
        ]
    }

    /// Does one thing; `false` when there is nothing to do but to wait.
    fn step(&mut self) -> Result<bool, String> {
        if let Some(left) = self.draining {
            self.draining = left.checked_sub(1);
            if left == 0 {
                self.crash("the drained server has ended")?;
            }
        }
        let mut enabled = self.enabled();
        if enabled == [false; 9] {
            return Ok(false);
        }
        let restless = self.actions > 0;
        (enabled[Step::Time as usize], enabled[Step::Fault as usize]) = (true, restless);
        let mut weights = self.plan.weights;
        weights
            .iter_mut()
            .zip(enabled)
            .for_each(|(weight, enabled)| *weight *= usize::from(enabled));
        let step = Step::ALL[self.random.weighted(&weights)];
        self.perform(step)?;
        let moment_ms = u64::from(self.random.per_mille(300));
        self.pass(moment_ms)?;
        Ok(true)
    }

    fn perform(&mut self, step: Step) -> Check {
        match step {
            Step::Act => self.act(),
            Step::Deliver => self.deliver(),
            Step::Flush => self.flush(),
            Step::Mail => self.take_mail(),
            Step::Commit => self.commit(),
            Step::Answer => {
                self.server.answer_query(&mut self.random);
                Ok(())
            }
            Step::Password => {
                self.server.do_password(&mut self.random);
                Ok(())
            }
            Step::Time => {
                let longest = if !self.plan.long_messages && self.random.per_mille(50) {
                    40_000
                } else {
                    300
                };
                let while_ms = self.random.between(1, longest) as u64;
                self.pass(while_ms)
            }
            Step::Fault => self.go_wrong(),
        }
    }

    /// Lets time pass, and the deadlines in it.
    fn pass(&mut self, milliseconds: u64) -> Check {
        self.now.monotonic_ms += milliseconds;
        self.now.wall_ms += milliseconds as i64;
        self.server.tick(self.now, &mut self.random);
        self.cut_stalled();
        self.obey()
    }

    fn take_mail(&mut self) -> Check {
        let ready = self.server.shards_with_mail();
        if let Some(shard) = self.random.pick(&ready) {
            self.server.take_mail(shard, self.now, &mut self.random);
        }
        self.obey()
    }

    /// Brings the ledger up to the store.
    pub fn refresh(&mut self) -> Check {
        self.ledger.refresh(&mut self.reader)
    }

    /// The checks that need rest.
    fn judge(&mut self) -> Check {
        self.refresh()?;
        self.ledger.compare(&mut self.reader)?;
        for client in &self.clients {
            invariants::outcomes_are_true(&self.ledger, client)?;
            invariants::device_is_complete(&self.ledger, client)?;
            if let Some(watch) = client.live.as_ref().and_then(|live| live.watch.as_ref()) {
                watch.is_complete(&self.ledger, client.bit)?;
            }
        }
        Ok(())
    }
}
