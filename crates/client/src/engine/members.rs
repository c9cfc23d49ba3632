//! Who is in a group, as it is drawn.

use std::collections::BTreeMap;

use sotto_client_api::Reply;
use sotto_client_api::views::{MemberView, Standing, Trust};
use sotto_protocol::{AccountId, ErrorCode, RoomId};
use sotto_rules::roles::Role;

use super::groups::role_view;
use super::people::trust;
use super::{Engine, Turn};
use crate::mls;
use crate::records::{Seat, Wanted};

impl Engine {
    /// The people of a group from its tree, and those whom a wish of this device adds or removes.
    pub(super) fn members(&mut self, turn: &mut Turn, id: u32, room: RoomId) -> Result<(), ErrorCode> {
        let record = self.data()?.room(room)?;
        if record.seat == Seat::Removed {
            turn.reply(id, Reply::Members(Vec::new()));
            return Ok(());
        }
        let (leaves, kind) = self.data_mut()?.with_group(room, |_, group| Ok((mls::members(group)?, mls::kind(group)?)))?;
        let mut people: BTreeMap<AccountId, (Role, Standing)> =
            leaves.iter().map(|(_, leaf)| (leaf.account(), (kind.role(leaf.account()), Standing::In))).collect();
        for wanted in &record.wanted {
            match wanted {
                Wanted::Added { account, .. } => _ = people.entry(*account).or_insert((Role::Member, Standing::Coming)),
                Wanted::InRole { .. } => {}
                Wanted::Removed { account } => {
                    if let Some((_, standing)) = people.get_mut(account) {
                        *standing = Standing::Going;
                    }
                }
            }
        }
        for (account, (_, standing)) in &mut people {
            if self.is_deleted(*account)? {
                *standing = Standing::Deleted;
            }
        }
        let mut members =
            people.into_iter().map(|(account, (role, standing))| self.member(account, role, standing)).collect::<Result<Vec<_>, _>>()?;
        members.sort_by(|one, other| other.role.cmp(&one.role).then_with(|| one.person.name.as_str().cmp(other.person.name.as_str())));
        turn.reply(id, Reply::Members(members));
        Ok(())
    }

    fn member(&self, account: AccountId, role: Role, standing: Standing) -> Result<MemberView, ErrorCode> {
        let contact = self.data()?.find_contact(account)?;
        let trust = contact.as_ref().map_or(Trust::Pinned, trust);
        Ok(MemberView { person: self.person(account)?, role: role_view(role), standing, trust })
    }
}
