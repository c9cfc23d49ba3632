//! A room of Alice, who has a real engine, and Mallory, who has a client of her own.

use openmls::prelude::tls_codec::DeserializeBytes as _;
use openmls::prelude::{LeafNodeIndex, MlsMessageIn, ProcessedMessageContent};
use sotto_client::content::{Content, message_id};
use sotto_protocol::api::{RoomState, UploadCommit};
use sotto_protocol::frames::{Entry, EntryKind, ServerFrame};
use sotto_protocol::{Bytes, ErrorCode, limits};
use sotto_rules::identity::DeviceCredential;
use sotto_sim::Host;
use sotto_sim::hostile::server::made_up;

use super::attacks::{Attack, valid};
use super::kit::{World, settle};
use super::people::{self, Person, Seat, ctx};

pub struct Stage {
    pub world: World,
    pub alice: Host,
    pub mallory: Person,
    pub seat: Seat,
    /// Who has no room with either.
    pub eve: Person,
}

impl Stage {
    pub async fn new() -> Self {
        let world = World::new().await;
        let mut alice = world.person("alice-1").await;
        let mallory = Person::ready(&world.backend, "mallory-1").await;
        let eve = Person::ready(&world.backend, "eve-1").await;
        settle(&mut [&mut alice]).await;
        let room = alice.open_with("mallory-1").await.unwrap();
        settle(&mut [&mut alice]).await;
        let seat = mallory.join(&world.backend).await;
        assert_eq!(seat.room, room);
        Self { world, alice, mallory, seat, eve }
    }

    pub async fn log(&self) -> Vec<Entry> {
        self.world.backend.read_after(self.mallory.caller(), self.seat.room, 0, 64, limits::SYNC_FRAME).await.unwrap()
    }

    pub async fn state(&self) -> RoomState {
        self.world.backend.room_state(self.mallory.caller(), self.seat.room).await.unwrap()
    }

    /// Alice's leaf and what stands in it.
    pub fn alices_leaf(&self) -> (LeafNodeIndex, DeviceCredential) {
        let own = self.seat.group.own_leaf_index();
        let member = self.seat.group.members().find(|member| member.index != own).unwrap();
        (member.index, DeviceCredential::decode(member.credential.serialized_content()).unwrap())
    }

    /// The server refuses each by its code, and not a byte of the database is another afterwards.
    pub async fn refused_by_server(&self, attacks: &[Attack]) {
        let before = people::dump_of(self.world.dir.path()).await;
        for Attack { name, upload, code } in attacks {
            let answer = self.world.backend.upload_commit(&ctx(), self.mallory.caller(), self.seat.room, upload.clone()).await;
            assert_eq!(answer.expect_err(name).code, *code, "{name}");
            assert!(people::dump_of(self.world.dir.path()).await == before, "{name} has changed something");
        }
    }

    /// A server that lets each pass: Alice's engine does not move with it, and knows that it is out of step.
    pub async fn refused_by_client(&mut self, attacks: &[Attack]) {
        let last = self.log().await.pop().unwrap();
        let epoch = self.seat.group.epoch().as_u64();
        self.alice.set_online(false);
        self.alice.run().await;
        let profile = self.alice.copy_profile();
        for Attack { name, upload, .. } in attacks {
            self.alice.inject(&deliver(made_up(&last, epoch, EntryKind::Commit, upload.commit.clone())));
            self.alice.run().await;
            assert_eq!(std::mem::take(&mut self.alice.notices), [ErrorCode::OutOfStep], "{name}");
            assert_eq!(self.alice.epochs().unwrap().get(&self.seat.room), None, "{name}: no seat to speak from");
            self.alice.restore_profile(profile.clone()).await.unwrap();
            assert_eq!(self.alice.epochs().unwrap()[&self.seat.room], epoch);
        }
        // What is in order goes through the same way.
        let upload = valid(&self.mallory, &mut self.seat);
        self.alice.inject(&deliver(made_up(&last, epoch, EntryKind::Commit, upload.commit)));
        self.alice.run().await;
        assert_eq!(self.alice.notices, []);
        assert_eq!(self.alice.epochs().unwrap()[&self.seat.room], epoch + 1);

        self.alice.restore_profile(profile).await.unwrap();
        self.alice.set_online(true);
        self.come_online().await;
        self.still_works().await;
    }

    /// Alice's engine waits before it tries a connection again.
    pub async fn come_online(&mut self) {
        for _ in 0..60 {
            self.alice.pass_time();
            settle(&mut [&mut self.alice]).await;
        }
    }

    /// Mallory's commit is taken by server and client, and both talk in the new epoch.
    pub async fn still_works(&mut self) {
        let upload = valid(&self.mallory, &mut self.seat);
        self.commit(upload).await;
        settle(&mut [&mut self.alice]).await;
        self.talk().await;
    }

    /// Mallory's commit, taken by the server and merged by her.
    pub async fn commit(&mut self, upload: UploadCommit) {
        self.world.backend.upload_commit(&ctx(), self.mallory.caller(), self.seat.room, upload).await.unwrap();
        self.seat.group.merge_pending_commit(&self.mallory.provider).unwrap();
    }

    /// Mallory reads what stands in the log after `seq`, and counts the commits.
    pub async fn follow(&mut self, seq: u64) -> usize {
        let mut commits = 0;
        let own = self.mallory.account();
        for entry in self.log().await.into_iter().filter(|entry| entry.seq > seq && entry.account != own) {
            commits += usize::from(self.read(&entry.bytes).is_none());
        }
        commits
    }

    /// Each says something, and the other reads it.
    pub async fn talk(&mut self) {
        let room = self.seat.room;
        assert_eq!(self.alice.epochs().unwrap()[&room], self.seat.group.epoch().as_u64());
        let head = self.log().await.last().unwrap().seq;
        self.alice.open(room).await.unwrap();
        self.alice.say(room, "from alice").await.unwrap();
        settle(&mut [&mut self.alice]).await;
        let entries = self.log().await.into_iter().filter(|entry| entry.seq > head);
        let heard: Vec<_> = entries.collect::<Vec<_>>().iter().filter_map(|entry| self.read(&entry.bytes)).collect();
        assert!(heard.iter().any(|content| content.text.as_deref() == Some("from alice")), "{heard:?}");

        let text = Content::text(message_id(people::now()).unwrap(), room, "from mallory".into()).encode();
        let message = self.seat.group.create_message(&self.mallory.provider, &self.seat.signer, &text).unwrap();
        self.publish(Bytes(message.to_bytes().unwrap())).await.unwrap();
        settle(&mut [&mut self.alice]).await;
        assert_eq!(self.alice.texts().last().unwrap().0, "from mallory");
    }

    /// Mallory publishes bytes as a message.
    pub async fn publish(&self, bytes: Bytes) -> Result<(), ErrorCode> {
        let epoch = self.seat.group.epoch().as_u64();
        let message = sotto_protocol::frames::Publish { room: self.seat.room, idempotency: people::idempotency(), epoch, bytes };
        let answer = self.world.backend.publish(&ctx(), self.mallory.caller(), vec![message]).await.unwrap().remove(0);
        answer.map(drop).map_err(|refusal| refusal.code)
    }

    fn read(&mut self, bytes: &Bytes) -> Option<Content> {
        let message = MlsMessageIn::tls_deserialize_exact_bytes(bytes.as_slice()).unwrap().try_into_protocol_message().unwrap();
        match self.seat.group.process_message(&self.mallory.provider, message).unwrap().into_content() {
            ProcessedMessageContent::ApplicationMessage(message) => Some(Content::decode(&message.into_bytes(), self.seat.room).unwrap()),
            ProcessedMessageContent::StagedCommitMessage(staged) => {
                self.seat.group.merge_staged_commit(&self.mallory.provider, *staged).unwrap();
                None
            }
            other => panic!("{other:?}"),
        }
    }
}

pub fn deliver(entry: Entry) -> ServerFrame {
    ServerFrame::Deliver { entries: vec![entry] }
}
