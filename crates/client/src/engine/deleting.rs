//! Deleting an account: the own one, and what the end of somebody else's means for the rooms that they are in.
//!
//! The account's key signs a list without devices. The server shows it in every room, so nobody has to believe it; a leaf that is left goes
//! with what is committed next by somebody who may remove it.

use std::collections::BTreeSet;

use sotto_client_api::Reply;
use sotto_protocol::accounts::{DeleteAccountRequest, SignedIn};
use sotto_protocol::frames::Entry;
use sotto_protocol::{AccountId, Bytes, ErrorCode, codec};
use sotto_rules::roles::Role;

use super::{Engine, Turn};
use crate::mls;
use crate::records::{Change, Changed, EntryKindRecord, RoomRecord, Seat, Wanted};

impl Engine {
    /// Signs the end of the own account, with the vault of the password that was just derived.
    pub(super) fn prepare_deletion(&mut self, turn: &mut Turn, id: u32, signed: &SignedIn) -> Result<(), ErrorCode> {
        let (_, _, vault) = self.vault_by_password(signed)?;
        let list = self.rising(signed.device_list.as_slice())?;
        let last = vault.identity().next_list(&list, Vec::new(), list.vault_version);
        turn.reply(id, Reply::DeleteAccount(DeleteAccountRequest { device_list: Bytes(codec::encode(&last)) }));
        Ok(())
    }

    /// Groups that would be left without an owner, as far as this device knows. The server asks the same.
    pub(super) fn groups_to_hand_over(&mut self, turn: &mut Turn, id: u32) -> Result<(), ErrorCode> {
        let own = self.data()?.account();
        let mut rooms = Vec::new();
        for record in self.data()?.rooms()?.into_iter().filter(|record| record.peer.is_none() && record.seat == Seat::Taken) {
            let leaves = self.data_mut()?.with_group(record.room, |_, group| mls::leaves(group))?;
            let mut deleted = BTreeSet::new();
            for leaf in leaves {
                if self.is_deleted(leaf.account())? {
                    deleted.insert(leaf.account());
                }
            }
            let kept = self.data_mut()?.with_group(record.room, |_, group| Ok(mls::may_leave(group, own, &deleted)))?;
            if kept == Err(ErrorCode::LastOwner) {
                rooms.push(record.room);
            }
        }
        turn.reply(id, Reply::Rooms(rooms));
        Ok(())
    }

    /// The server shows that an account was deleted. What its key has not signed is no more than a word of the server.
    pub(super) fn account_deleted(
        &mut self,
        turn: &mut Turn,
        room: &mut RoomRecord,
        entry: &Entry,
    ) -> Result<Option<EntryKindRecord>, ErrorCode> {
        let account = entry.account;
        let own = self.data()?.account();
        let list = match self.pin_list(account, entry.bytes.as_slice()) {
            Ok(pinned) if account == own => {
                if pinned.list.devices.is_empty() {
                    self.replaced(turn)?;
                }
                return Ok(None);
            }
            Ok(pinned) => pinned.list,
            Err(ErrorCode::DeviceListRefused | ErrorCode::NotAuthentic | ErrorCode::Malformed) => {
                self.list_alarm(turn, account)?;
                return Ok(None);
            }
            Err(code) => return Err(code),
        };
        let (leaves, kind) = self.data_mut()?.with_group(room.room, |_, group| Ok((mls::leaves(group)?, mls::kind(group)?)))?;
        if !list.devices.is_empty() || !leaves.iter().any(|leaf| leaf.account() == account) {
            return Ok(None);
        }
        if room.peer == Some(account) {
            for mut outgoing in self.data()?.outbox()?.into_iter().filter(|outgoing| outgoing.room == room.room) {
                self.fail_outgoing(turn, &mut outgoing)?;
            }
        }
        // An owner is nobody's to remove: first an owner takes the role away.
        if kind.role(own) == Role::Owner && kind.role(account) == Role::Owner {
            room.wanted.push(Wanted::InRole { account, role: Role::Member });
        }
        self.check_leaves(room)?;
        let others = vec![Changed { account, what: Change::Deleted }];
        Ok(Some(EntryKindRecord::Members { by: account, came: Vec::new(), went: Vec::new(), others }))
    }

    /// Whether an account has ended, as its own key says.
    pub(super) fn is_deleted(&self, account: AccountId) -> Result<bool, ErrorCode> {
        Ok(self.data()?.find_list(account)?.is_some_and(|list| list.is_empty()))
    }

    /// Whether there is nobody any more on the other side of a direct room.
    pub(super) fn is_deserted(&self, room: &RoomRecord) -> Result<bool, ErrorCode> {
        room.peer.map_or(Ok(false), |peer| self.is_deleted(peer))
    }
}
