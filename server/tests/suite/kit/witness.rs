//! Somebody who goes on talking beside a flood, and what they notice of it.

use std::time::{Duration, Instant};

use super::Server;
use super::client::{Client, pair};
use super::people::Seat;
use super::socket::Socket;

pub struct Witness {
    client: Client,
    seat: Seat,
    socket: Socket,
    /// Between two messages.
    pub pause: Duration,
}

/// How long each of many messages waited for its ack, ascending.
#[derive(Debug)]
pub struct Waits(Vec<Duration>);

impl Witness {
    pub fn new(server: &Server) -> Self {
        let (client, _, seat) = pair(server, ["wren", "wanda"]);
        let socket = client.hello(server);
        Self { client, seat, socket, pause: Duration::from_millis(5) }
    }

    /// Sends that many messages, one after the other.
    pub fn waits(&mut self, count: usize) -> Waits {
        Waits::of((0..count).map(|_| self.wait()).collect())
    }

    /// Sends messages, one after the other, as long as `work` lasts.
    pub fn waits_during<T: Send>(&mut self, work: impl FnOnce() -> T + Send) -> (T, Waits) {
        std::thread::scope(|scope| {
            let work = scope.spawn(work);
            let mut waits = Vec::new();
            while !work.is_finished() {
                waits.push(self.wait());
            }
            (work.join().unwrap(), Waits::of(waits))
        })
    }

    fn wait(&mut self) -> Duration {
        std::thread::sleep(self.pause);
        let message = self.client.person.message(&mut self.seat, "and you?");
        let start = Instant::now();
        self.socket.publish(&message).unwrap();
        start.elapsed()
    }
}

impl Waits {
    fn of(mut waits: Vec<Duration>) -> Self {
        waits.sort_unstable();
        Self(waits)
    }

    fn at(&self, percent: usize) -> Duration {
        self.0[(self.0.len() - 1) * percent / 100]
    }

    /// What others wait for stays what it was in the same run, as far as a machine that runs other tests beside this one can tell.
    pub fn assert_no_slower_than(&self, before: &Self, what: &str) {
        for (percent, slack) in [(50, 50), (99, 400)] {
            let (quiet, busy) = (before.at(percent), self.at(percent));
            eprintln!(
                "{what}: {percent} of 100 waited {busy:?} at most ({} messages), {quiet:?} before ({})",
                self.0.len(),
                before.0.len()
            );
            assert!(busy < quiet * 3 + Duration::from_millis(slack), "{what}: {percent} of 100 waited {quiet:?} before and now {busy:?}");
        }
    }
}
