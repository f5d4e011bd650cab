//! The clients of the echo, in one thread: each counts what comes back.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use hdrhistogram::Histogram;
use ringim::proto::backlog::Backlog;
use ringim::proto::ws::{self, Decoder, Message, Opcode, Progress, Role};

use crate::error::Result;
use crate::histogram::{new_histogram, record};
use crate::load::clock::{Clock, Phases};
use crate::load::pacer::Pacer;
use crate::load::poller::Poller;
use crate::load::worker::Pace;

/// Bytes one read takes at the most.
const READ_BYTES: usize = 64 * 1024;

/// The longest sleep, so that the end of a phase is seen.
const LONGEST_WAIT_NS: u64 = 10_000_000;

/// All clients.
pub struct EchoClients {
    poller: Poller,
    clients: Vec<Client>,
    /// What everybody sends.
    text: Vec<u8>,
    buffer: Vec<u8>,
    random: fastrand::Rng,
    counts: EchoCounts,
}

/// What was counted.
pub struct EchoCounts {
    /// Messages that came back while measuring.
    pub echoed: u64,
    /// Messages that came back in another shape.
    pub spoilt: u64,
    /// Microseconds from the intended time.
    pub latency: Histogram<u64>,
}

struct Client {
    socket: TcpStream,
    decoder: Decoder,
    backlog: Backlog,
    /// When the messages under way were intended to be sent.
    intended: VecDeque<u64>,
    out: Vec<u8>,
}

impl EchoClients {
    /// Connects so many clients, which all send `text`.
    pub fn connect(address: SocketAddr, count: u32, text: Vec<u8>) -> Result<Self> {
        let poller = Poller::new()?;
        let mut clients = Vec::new();
        for key in 0..count {
            let client = Client::connect(address)?;
            poller.add(&client.socket, key)?;
            clients.push(client);
        }
        Ok(Self {
            poller,
            clients,
            text,
            buffer: vec![0; READ_BYTES],
            random: fastrand::Rng::new(),
            counts: EchoCounts {
                echoed: 0,
                spoilt: 0,
                latency: new_histogram(),
            },
        })
    }

    /// Sends and receives until the end of the measurement.
    pub fn run(&mut self, clock: Clock, phases: Phases, pace: Pace) -> Result<()> {
        let mut pacer = match pace {
            Pace::Rate(rate) => Some(Pacer::new(rate, clock.ns())),
            Pace::Window(_) | Pace::Silent => None,
        };
        if let Pace::Window(window) = pace {
            for client in &mut self.clients {
                (0..window).for_each(|_| client.add(&self.text, clock.ns(), self.random.u32(..)));
                client.flush()?;
            }
        }
        let mut ready = Vec::new();
        while clock.ns() < phases.measure_to {
            let wait = match &mut pacer {
                Some(pacer) => self.send_due(pacer, clock.ns())?,
                None => LONGEST_WAIT_NS,
            };
            self.poller.wait(wait, &mut ready)?;
            for ready in &ready {
                self.receive(ready.key, clock, &phases, pacer.is_none())?;
            }
        }
        Ok(())
    }

    /// Closes all connections.
    pub fn close(self) -> EchoCounts {
        self.counts
    }

    /// Sends what is due and tells for how long nothing more is.
    fn send_due(&mut self, pacer: &mut Pacer, now: u64) -> Result<u64> {
        while pacer.due() <= now {
            let number = self.random.usize(..self.clients.len());
            self.clients[number].add(&self.text, pacer.due(), self.random.u32(..));
            self.clients[number].flush()?;
            pacer.advance(&mut self.random);
        }
        Ok((pacer.due() - now).min(LONGEST_WAIT_NS))
    }

    /// Reads what came back and, in a closed loop, sends as much again.
    fn receive(&mut self, key: u32, clock: Clock, phases: &Phases, again: bool) -> Result<()> {
        let (client, counts) = (&mut self.clients[key as usize], &mut self.counts);
        let mut echoed = 0;
        let now = clock.ns();
        client.receive(&mut self.buffer, |text, intended| {
            echoed += 1;
            counts.spoilt += u64::from(text != self.text);
            if phases.is_measured(now) {
                counts.echoed += 1;
                record(&mut counts.latency, intended, now);
            }
        })?;
        if again {
            (0..echoed).for_each(|_| client.add(&self.text, now, self.random.u32(..)));
        }
        client.flush()
    }
}

impl Client {
    fn connect(address: SocketAddr) -> Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        Ok(Self {
            socket,
            decoder: Decoder::new(Role::Client, u32::MAX),
            backlog: Backlog::default(),
            intended: VecDeque::new(),
            out: Vec::new(),
        })
    }

    fn add(&mut self, text: &[u8], intended: u64, mask: u32) {
        ws::encode(Opcode::Text, text, Some(mask.to_ne_bytes()), &mut self.out);
        self.intended.push_back(intended);
    }

    /// Writes all. What is under way is far less than a socket's buffer, so that it does not block.
    fn flush(&mut self) -> Result<()> {
        self.socket.write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8], mut on_echo: impl FnMut(&[u8], u64)) -> Result<()> {
        let length = self.socket.read(buffer)?;
        if length == 0 {
            return Err("the echo closed the connection".into());
        }
        let (decoder, intended) = (&mut self.decoder, &mut self.intended);
        self.backlog.consume(&mut buffer[..length], |input| {
            let mut start = 0;
            loop {
                match decoder.advance(&mut input[start..]) {
                    Ok(Progress::Message { message, consumed }) => {
                        start += consumed;
                        if let (Message::Text(text), Some(intended)) = (message, intended.pop_front()) {
                            on_echo(&text, intended);
                        }
                    }
                    Ok(Progress::Incomplete { consumed }) => return (start + consumed..input.len(), Ok(())),
                    Err(fault) => return (0..0, Err(fault.into())),
                }
            }
        })
    }
}
