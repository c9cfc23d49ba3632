//! Fills the rooms of one person with texts while the server is stopped: real engines and the real services on the server's data folder.
//! For the journey `end2end/journeys/catching-up.spec.ts`, which starts it as `crowd DATA_DIR NAME OLD NEW TEXTS`.
//!
//! OLD people make their rooms with NAME at once; it says `met`. At a line on standard input NEW more do so, and each of all says
//! TEXTS texts; it says `said`. In between, and at the end, the folder is free for the server.
#![allow(clippy::print_stdout, missing_docs)]

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use sotto_backend::{Backend, BackendConfig};
use sotto_client_api::Command;
use sotto_protocol::{Millis, RoomId};
use sotto_sim::{Host, SimError};

/// What they say, over and over.
const SENTENCES: [&str; 8] = [
    "Are you on the early train tomorrow?",
    "The kettle is on, come whenever you like.",
    "Did you see how low the tide was this morning? One could have walked over to the island and back without wet feet.",
    "Yes.",
    "I left the key with the neighbours, second door on the left.",
    "Two tickets, row seven, and they were not even expensive.",
    "No hurry at all.",
    "Remind me to bring the blue notebook on Thursday, it has the list in it that we made on the way home.",
];
/// Texts that one asks for before the engine works them off: the outbox is walked once for each.
const AT_ONCE: usize = 20;
/// Looks at the clock, a second apart, until all of them are taken.
const ROUNDS: usize = 60;

/// Somebody, and the room with the person.
struct Friend {
    host: Host,
    room: RoomId,
}

fn told(error: SimError) -> String {
    format!("{error:?}")
}

fn now() -> Result<Millis, Box<dyn std::error::Error>> {
    Ok(Millis::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis())?)
}

/// The services, without the limits against many from one address, which all of these are.
async fn open(folder: &PathBuf) -> Result<Backend, Box<dyn std::error::Error>> {
    let mut config = BackendConfig::new(folder);
    config.limits.sign_up_address.per = Duration::from_millis(1);
    Ok(Backend::open(config).await?)
}

async fn meet(backend: &Backend, number: usize, name: &str) -> Result<Friend, Box<dyn std::error::Error>> {
    let mut host = Host::new(backend, now()?);
    host.sign_up(&format!("friend-{number:02}"), "a quiet evening by the sea").await.map_err(told)?;
    let room = host.open_with(name).await.map_err(told)?;
    host.say(room, "Hello!").await.map_err(told)?;
    host.run().await;
    Ok(Friend { host, room })
}

impl Friend {
    async fn say(&mut self, backend: &Backend, texts: usize) -> Result<(), Box<dyn std::error::Error>> {
        self.host.now = now()?;
        self.host.move_to(backend);
        self.host.call(Command::Nudge).await.map_err(told)?;
        for number in 0..texts {
            let text = format!("{}. {}", number + 1, SENTENCES[number % SENTENCES.len()]);
            self.host.ask(Command::SendText { room: self.room, text, message: None });
            if (number + 1) % AT_ONCE == 0 {
                self.host.run().await;
            }
        }
        // What waits for a timer, such as a publish that met a key update.
        for _ in 0..ROUNDS {
            self.host.run().await;
            if self.waiting() == 0 {
                return Ok(());
            }
            self.host.pass_time();
        }
        Err(format!("{} texts of {texts} were not taken", self.waiting()).into())
    }

    fn waiting(&self) -> usize {
        self.host.texts().iter().filter(|(_, state)| *state == "sending" || *state == "failed").count()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let usage = "crowd DATA_DIR NAME OLD NEW TEXTS";
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or(usage);
    let (folder, name) = (PathBuf::from(next()?), next()?);
    let (old, new, texts): (usize, usize, usize) = (next()?.parse()?, next()?.parse()?, next()?.parse()?);

    let mut friends = Vec::new();
    let backend = open(&folder).await?;
    for number in 0..old {
        friends.push(meet(&backend, number, &name).await?);
    }
    backend.close().await;
    println!("met");

    std::io::stdin().read_line(&mut String::new())?;
    let backend = open(&folder).await?;
    for number in old..old + new {
        friends.push(meet(&backend, number, &name).await?);
    }
    for friend in &mut friends {
        friend.say(&backend, texts).await?;
    }
    backend.close().await;
    println!("said");
    Ok(())
}
