//! What goes wrong in a world: commits that fail, a disk that is full, a process that ends.

use ringim::store::memory::{Fault, FaultKind, Step as StoreStep};

use crate::invariants::Check;
use crate::plan::Step;
use crate::server::Server;
use crate::world::World;

impl World {
    /// The writer commits, unless it fails or the process ends before anybody is told.
    pub fn commit(&mut self) -> Check {
        let turns = self.random.between(1, 8);
        match self.server.commit(turns, self.now) {
            Err(error) => {
                let why = error.to_string();
                self.crash(&why)
            }
            Ok(_) if self.actions > 0 && self.plan.weights[Step::Fault as usize] > 0 && self.random.per_mille(8) => {
                self.crash("committed, but nobody is told")
            }
            Ok(mail) => {
                self.server.publish(&mail, &mut self.random);
                Ok(())
            }
        }
    }

    /// Something goes wrong, or is going to.
    pub fn go_wrong(&mut self) -> Check {
        let step = if self.random.per_mille(500) {
            StoreStep::Write
        } else {
            StoreStep::Commit
        };
        let (skip, times) = (self.random.below(4) as u64, self.random.between(1, 4) as u64);
        match self.random.below(20) {
            0 => self.crash("a crash"),
            1 => {
                self.tell(|| "a write or sync is going to fail".to_owned());
                self.store.inject(Fault {
                    step,
                    skip,
                    times: 1,
                    kind: FaultKind::Fatal,
                });
                Ok(())
            }
            2..6 => {
                self.tell(|| "the disk is going to be full".to_owned());
                self.store.inject(Fault {
                    step,
                    skip,
                    times,
                    kind: FaultKind::Full,
                });
                Ok(())
            }
            6 if self.draining.is_none() => {
                self.tell(|| "the server drains".to_owned());
                self.draining = Some(self.random.between(1, 100));
                self.server.drain(self.now, &mut self.random);
                self.obey()
            }
            _ => Ok(()),
        }
    }

    /// The process ends here and now; another one starts on the same store.
    pub fn crash(&mut self, why: &str) -> Check {
        self.tell(|| format!("-- {why}: the server starts anew --"));
        self.server.socket_orders();
        for id in self.sockets.keys().copied().collect::<Vec<_>>() {
            self.hear_a_part(id)?;
            self.forget_socket(id);
        }
        self.store.heal();
        self.draining = None;
        self.server = Server::start(&self.setup, &self.store, self.plan.bug, &mut self.random);
        Ok(())
    }
}
