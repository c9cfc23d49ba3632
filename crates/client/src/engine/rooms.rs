//! Opening the room of a pair, or making a group: claim, create, and losing the race gracefully.

use sotto_client_api::{Reply, Update};
use sotto_protocol::api::{ClaimKeyPackages, ClaimedKeyPackages, CommitAck, CreateRoom, ErrorBody};
use sotto_protocol::device_list::{DeviceList, SignedDeviceList};
use sotto_protocol::{AccountId, Bytes, ErrorCode, RoomId, UserName, codec, limits};
use sotto_rules::identity::device_key;
use sotto_rules::roles::{Kind, Roles};

use super::contacts::Pinned;
use super::net::Pending;
use super::{Engine, Turn};
use crate::mls::{self, Joiner, Signing};
use crate::random;
use crate::records::{ContactRecord, RoomRecord, Seat, key};

impl RoomRecord {
    /// A room that nothing has happened in yet.
    pub(super) const fn new(room: RoomId, peer: Option<AccountId>, seat: Seat, active_at: u64) -> Self {
        Self {
            room,
            peer,
            seat,
            cursor: 0,
            unread: Vec::new(),
            peer_delivered: 0,
            peer_read: 0,
            receipt_delivered: 0,
            receipt_read: 0,
            newest_theirs: 0,
            newest_seen: 0,
            preview: None,
            preview_mine: false,
            active_at,
            pending: None,
            sends: 0,
            updated_at: active_at,
            joined_at: 0,
            missed: 0,
            missed_at: 0,
            leaf_key: Bytes(Vec::new()),
            name: None,
            wanted: Vec::new(),
            former_leaf_key: Bytes(Vec::new()),
            came: Vec::new(),
            went: Vec::new(),
            named_at: 0,
            name_owed: false,
            said: 0,
            heard: Vec::new(),
            heard_at: 0,
            tip: Bytes(Vec::new()),
            behind: None,
            branches: Vec::new(),
            archived: 0,
            unfetched: None,
            since: 0,
            unlisted: Vec::new(),
            leaves_known: false,
            list_said: 0,
            root_said: 0,
            request: None,
            hidden: false,
            erased_upto: 0,
            card_said: 0,
            about: String::new(),
            picture: Bytes(Vec::new()),
            invites: Vec::new(),
            leaving: None,
        }
    }
}

impl Engine {
    pub(super) fn open_room_with(&mut self, turn: &mut Turn, id: u32, name: UserName) -> Result<(), ErrorCode> {
        let data = self.data()?;
        let contact = data.find_contact_named(&name)?;
        let known = data.rooms()?.into_iter().find(|room| contact.as_ref().is_some_and(|contact| Some(contact.account) == room.peer));
        if let Some(room) = known {
            // Who opens it wants to talk there.
            let room = self.accept(turn, room.room)?;
            self.answer_when_it_lives(turn, id, room)?;
            return self.flush_outbox(turn);
        }
        if data.blocked()?.iter().any(|person| person.name == name) {
            return Err(ErrorCode::Blocked);
        }
        if name == data.record()?.name {
            return self.create_room(turn, Some(id), Some(data.account()), &[], None);
        }
        self.post(
            turn,
            "/api/v1/key-packages/claim",
            &ClaimKeyPackages { name: name.clone(), group: false },
            Pending::Claim { name, reply: id },
        );
        Ok(())
    }

    /// A room lives when the server took it, and nobody may write in it before: another's may be the one that lives. Asking again is
    /// safe.
    pub(super) fn answer_when_it_lives(&mut self, turn: &mut Turn, id: u32, room: RoomRecord) -> Result<(), ErrorCode> {
        match room.seat {
            Seat::Creating { upload } => {
                let pending = Pending::CreateRoom { room: room.room, reply: Some(id) };
                self.post_bytes(turn, "/api/v1/rooms".into(), upload.0, pending);
            }
            _ => turn.reply(id, Reply::Room(self.room_view(&room)?)),
        }
        Ok(())
    }

    pub(super) fn claimed(&mut self, turn: &mut Turn, name: &UserName, reply: u32, body: &[u8]) -> Result<(), ErrorCode> {
        let (claimed, list) = self.verify_claimed(turn, name, body)?;
        // Also where the other side is first, or has been.
        self.remember(claimed.account)?;
        if let Some(room) = claimed.room {
            self.ask_room_state(turn, room, Some(reply));
            return Ok(());
        }
        // Devices that the account itself has signed; anything else is a ghost (SECURITY_TESTS.md 26).
        let packages = claimed.packages.iter().filter(|package| device_key(&list, package.device).is_some());
        let joiners = packages.map(|package| self.joiner(turn, claimed.account, package)).collect::<Result<Vec<_>, _>>()?;
        if joiners.is_empty() {
            return Err(ErrorCode::NoKeyPackage);
        }
        self.create_room(turn, Some(reply), Some(claimed.account), &joiners, None)
    }

    /// What the server says of an account, as far as the account itself vouches for it. A device that it does not vouch for is told about.
    pub(super) fn verify_claimed(
        &mut self,
        turn: &mut Turn,
        name: &UserName,
        body: &[u8],
    ) -> Result<(ClaimedKeyPackages, DeviceList), ErrorCode> {
        let claimed: ClaimedKeyPackages = codec::decode(body, limits::API_BODY)?;
        if claimed.name != *name {
            return Err(ErrorCode::NotAuthentic);
        }
        let pinned = self.pin_contact(&claimed)?;
        if claimed.account != self.data()?.account() {
            self.list_came(turn, claimed.account, &pinned)?;
            self.look_up(turn, vec![claimed.account])?;
        }
        let list = pinned.list;
        if claimed.packages.iter().any(|package| device_key(&list, package.device).is_none()) {
            turn.emit(Update::Notice { code: ErrorCode::GhostDevice, room: None });
        }
        Ok((claimed, list))
    }

    /// Verifies an account's device list against what this device remembers, and remembers it.
    fn pin_contact(&mut self, claimed: &ClaimedKeyPackages) -> Result<Pinned, ErrorCode> {
        let signed: SignedDeviceList = codec::decode(claimed.device_list.as_slice(), limits::DEVICE_LIST)?;
        let pinned = self.pin_list(claimed.account, claimed.device_list.as_slice())?;
        // A name that stood for another account before: the server swaps people, or the person began anew.
        self.check_name(&claimed.name, claimed.account)?;
        let data = self.data()?;
        match data.find_contact(claimed.account)? {
            // The name is this one's again.
            Some(known) if known.seen.is_some_and(|seen| seen.acknowledged) => {
                data.put_contact(&ContactRecord { seen: None, ..known })?;
            }
            Some(_) => {}
            None => data.put_contact(&ContactRecord {
                account: claimed.account,
                name: claimed.name.clone(),
                account_key: signed.account_key,
                list_version: 0,
                list_hash: Bytes::default(),
                verified_at: None,
                seen: None,
                accepted: false,
                proven: 0,
            })?,
        }
        Ok(pinned)
    }

    /// Makes the room here and uploads it; it lives when the server took it.
    pub(super) fn create_room(
        &mut self,
        turn: &mut Turn,
        reply: Option<u32>,
        peer: Option<AccountId>,
        joiners: &[Joiner],
        named: Option<(RoomId, String)>,
    ) -> Result<(), ErrorCode> {
        let (room, name) = match named {
            Some((room, name)) => (room, Some(name)),
            None => (RoomId(random::bytes()?), None),
        };
        let now = turn.now;
        let data = self.data_mut()?;
        let leaf_key = data.leaf_key()?;
        let kind = if peer.is_some() { Kind::Direct } else { Kind::Group(Roles::owned_by(data.account())) };
        let mls::Beginning { mut group, group_info, ratchet_tree } =
            mls::create(&data.provider, &data.device, &leaf_key, room, &kind, now / 1000)?;
        let commit = mls::stage_commit(&data.provider, &mut group, Signing::With(&leaf_key), joiners, &[], &[], None)?;
        data.keep_group(room, group);
        let upload = codec::encode(&CreateRoom { room, peer, group_info, ratchet_tree, commit });
        let record = RoomRecord::new(room, peer, Seat::Creating { upload: Bytes(upload.clone()) }, now);
        data.put_room(&RoomRecord { name, ..record })?;
        self.post_bytes(turn, "/api/v1/rooms".into(), upload, Pending::CreateRoom { room, reply });
        Ok(())
    }

    pub(super) fn room_created(&mut self, turn: &mut Turn, room: RoomId, reply: Option<u32>, body: &[u8]) -> Result<(), ErrorCode> {
        let ack: CommitAck = codec::decode(body, limits::API_BODY)?;
        let data = self.data()?;
        let Some(mut record) = data.find_room(room)? else {
            return reply.map_or(Ok(()), |_| Err(ErrorCode::NotFound));
        };
        if matches!(record.seat, Seat::Creating { .. }) {
            record.seat = Seat::Taken;
            record.active_at = ack.at;
            self.give_name(turn, &record)?;
            self.bring_own_devices(&mut record)?;
            self.data()?.put_room(&record)?;
            // The own first commit is merged when the log shows it.
            self.join_log(turn, &record);
            self.show_room(turn, &record)?;
        }
        if let Some(reply) = reply {
            turn.reply(reply, Reply::Room(self.room_view(&record)?));
        }
        Ok(())
    }

    pub(super) fn room_not_created(
        &mut self,
        turn: &mut Turn,
        room: RoomId,
        reply: Option<u32>,
        error: &ErrorBody,
    ) -> Result<(), ErrorCode> {
        match (error.code, error.room) {
            // The other side was first: drop the own group and take the seat in theirs.
            (ErrorCode::RoomExists, Some(existing)) => {
                self.forget_room(room)?;
                if let Some(record) = self.data()?.find_room(existing)? {
                    if let Some(reply) = reply {
                        turn.reply(reply, Reply::Room(self.room_view(&record)?));
                    }
                    return Ok(());
                }
                self.ask_room_state(turn, existing, reply);
                Ok(())
            }
            // It may be there all the same: only asking again can tell.
            (ErrorCode::Offline | ErrorCode::Unavailable | ErrorCode::TooManyTries, _) => {
                self.retry_later(turn.now);
                if let Some(reply) = reply {
                    turn.refuse(reply, error.code);
                }
                Ok(())
            }
            (code, _) => {
                self.forget_room(room)?;
                if let Some(reply) = reply {
                    turn.refuse(reply, code);
                }
                Ok(())
            }
        }
    }

    pub(super) fn forget_room(&mut self, room: RoomId) -> Result<(), ErrorCode> {
        let data = self.data_mut()?;
        data.delete_group(room)?;
        data.delete(&key::room(room))
    }
}
