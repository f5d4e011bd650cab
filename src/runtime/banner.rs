//! What the operator is told when the server has started.

use std::fmt::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use super::first_key::FirstKey;
use super::start::driver::Driver;
use crate::config::Registration;

/// What is told.
pub struct Banner<'a> {
    /// Where the server listens.
    pub address: SocketAddr,
    /// The data folder.
    pub data: &'a Path,
    /// How many shards.
    pub shards: u16,
    /// How they talk to the kernel.
    pub driver: &'a Driver,
    /// Who may register.
    pub registration: Registration,
    /// The first key, at the first start.
    pub first_key: Option<&'a FirstKey>,
    /// Whether a person looks: only then the key itself is shown.
    pub is_terminal: bool,
    /// What the start checks advise.
    pub advice: &'a [String],
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            address,
            driver,
            shards,
            ..
        } = self;
        writeln!(
            text,
            "RingIM {} on http://{address} and ws://{address}/ws",
            env!("CARGO_PKG_VERSION")
        )?;
        writeln!(text, "  data     {}", self.data.display())?;
        writeln!(
            text,
            "  driver   {driver}, {shards} shard{}",
            if *shards == 1 { "" } else { "s" }
        )?;
        if let Some(key) = self.first_key {
            match self.is_terminal {
                true => writeln!(
                    text,
                    "  key      {} (also in {})",
                    key.text.expose(),
                    key.path.display()
                )?,
                false => writeln!(text, "  key      in {}", key.path.display())?,
            }
        }
        for risk in self.risks() {
            writeln!(text, "  warning  {risk}")?;
        }
        self.next_step(text)
    }
}

impl Banner<'_> {
    fn risks(&self) -> Vec<String> {
        let mut risks = self.advice.to_vec();
        if !self.address.ip().is_loopback() {
            let mut risk = String::from("reachable from other machines without TLS: put a proxy with TLS in front");
            if self.registration == Registration::Open {
                let _ = write!(risk, "; anybody who reaches it may register: --registration closed");
            }
            risks.push(risk);
        }
        risks
    }

    fn next_step(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address;
        match self.registration {
            Registration::Open => writeln!(
                text,
                "Next: curl -X POST http://{address}/api/register -H 'Content-Type: application/json' \
                 -d '{{\"username\":\"alice\",\"password\":\"at least 8 characters\"}}'"
            ),
            Registration::Closed => {
                writeln!(text, "Next: ringim user add alice --data {}", self.data.display())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;

    fn banner(listen: &str, registration: Registration, is_terminal: bool) -> String {
        let first_key = FirstKey {
            path: "data/admin.key".into(),
            text: Secret::new("rk_secret".to_owned()),
        };
        let banner = Banner {
            address: listen.parse().expect("an address"),
            data: Path::new("data"),
            shards: 1,
            driver: &Driver::Epoll {
                reason: "this kernel has no io_uring".to_owned(),
            },
            registration,
            first_key: Some(&first_key),
            is_terminal,
            advice: &[],
        };
        banner.to_string()
    }

    #[test]
    fn the_key_itself_is_for_terminals_only() {
        assert!(banner("127.0.0.1:7800", Registration::Open, true).contains("rk_secret"));
        let logged = banner("127.0.0.1:7800", Registration::Open, false);
        assert!(
            !logged.contains("rk_secret") && logged.contains("data/admin.key"),
            "{logged}"
        );
    }

    #[test]
    fn risks_are_told_beyond_loopback_only() {
        let local = banner("127.0.0.1:7800", Registration::Open, false);
        assert!(!local.contains("warning") && local.contains("/api/register"), "{local}");
        let open = banner("0.0.0.0:7800", Registration::Open, false);
        assert!(open.contains("TLS") && open.contains("--registration closed"), "{open}");
        let closed = banner("0.0.0.0:7800", Registration::Closed, false);
        assert!(
            !closed.contains("may register") && closed.contains("ringim user add"),
            "{closed}"
        );
    }

    #[test]
    fn the_driver_is_told_with_its_reason() {
        assert!(banner("[::1]:7800", Registration::Open, false).contains("epoll (this kernel has no io_uring)"));
    }
}
