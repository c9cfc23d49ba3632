//! Several browsers of one person in a world: one is removed by another, and what must be true of all when the storm is over.

use std::collections::{BTreeMap, BTreeSet};

use sotto_client::io::{Effect, Input};
use sotto_client_api::{Command, FromWorker, Reply};
use sotto_protocol::{AccountId, DeviceId, ErrorCode};

use super::{PASSWORD, World};
use crate::host::context;

impl World {
    /// A person removes another of the own browsers. Typing the password is a matter of seconds, in which nothing else happens here.
    pub(super) async fn remove_device(&mut self, who: usize) {
        let account = self.people[who].account;
        let is_other = |other: &usize| *other != who && self.people[*other].account == account && !self.people[*other].away;
        let others: Vec<usize> = (0..self.people.len()).filter(is_other).collect();
        let Some(whom) = self.rng.choice(others) else { return };
        if !self.people[who].running || self.cut_off(who) {
            return;
        }
        let device = self.people[whom].device;
        self.note_of(who, format!("removes {}", self.people[whom].label));
        match self.open_vault(who).await {
            Ok(command) => {
                self.people[whom].unwanted = true;
                let id = self.command(who, command(device));
                self.removals.insert((who, self.people[who].life, id), device);
            }
            Err(code) => self.note_of(who, format!("can't: {code:?}")),
        }
    }

    /// What is asked of the engine when the password was right.
    async fn open_vault(&mut self, who: usize) -> Result<impl FnOnce(DeviceId) -> Command + use<>, ErrorCode> {
        let backend = self.backend.clone().ok_or(ErrorCode::Offline)?;
        let (context, name) = (context(self.now), self.people[who].name.clone());
        let kdf = backend.login_params(&context, &name).await.map_err(|error| error.code)?;
        let command = Command::PrepareSignIn { name, password: PASSWORD.into(), kdf, accept_new_salt: true };
        let clock = self.people[who].clock(self.now);
        let effects = self.people[who].engine.step(clock, Input::Command { id: 0, command });
        let answer = effects.into_iter().find_map(|effect| match effect {
            Effect::Emit(FromWorker::Reply { id: 0, result }) => Some(result),
            _ => None,
        });
        let Reply::SignIn(request) = answer.ok_or(ErrorCode::NotReady)?? else { return Err(ErrorCode::Internal) };
        let caller = backend.authenticate(&context, &self.people[who].token).await.map_err(|error| error.code)?;
        let opened = backend.open_vault(&context, &caller, &request.auth_key).await.map_err(|error| error.code)?;
        self.people[who].token = opened.token;
        Ok(move |device| Command::RemoveDevice { signed_in: opened.signed_in, device })
    }

    /// Browsers that somebody sits in front of.
    pub(super) fn awake(&self) -> Vec<usize> {
        (0..self.people.len()).filter(|who| !self.people[*who].shut).collect()
    }

    /// All browsers of an account name the same devices, none that was removed; and these alone have leaves in its rooms.
    pub(super) async fn judge_devices(&mut self) -> Result<(), String> {
        let mut listed: BTreeMap<AccountId, BTreeSet<DeviceId>> = BTreeMap::new();
        for who in self.awake() {
            let Reply::Devices(devices) = self.ask(who, Command::Devices).await? else { return Err("no devices".into()) };
            let devices: BTreeSet<DeviceId> = devices.into_iter().map(|view| view.device).collect();
            let person = &self.people[who];
            if !devices.contains(&person.device) {
                return Err(format!("{} is not among {devices:?}", person.label));
            }
            if let Some(device) = self.removed.iter().find(|device| devices.contains(device)) {
                return Err(format!("{} still has {device}, which was removed", person.label));
            }
            let before = listed.entry(person.account).or_insert_with(|| devices.clone());
            if *before != devices {
                return Err(format!("{} has the devices {devices:?}, and another browser {before:?}", person.label));
            }
        }
        let used: BTreeSet<DeviceId> = self.awake().into_iter().map(|who| self.people[who].device).collect();
        for who in self.awake() {
            let person = &mut self.people[who];
            let rooms = person.engine.epoch_authenticators().map_err(|code| format!("{}: {code:?}", person.label))?;
            for room in rooms.into_keys() {
                let leaves = person.engine.devices_in(room).map_err(|code| format!("{}: {code:?}", person.label))?;
                judge_leaves(&leaves, &listed, &used).map_err(|wrong| format!("{room} has by the state of {} {wrong}", person.label))?;
            }
        }
        Ok(())
    }
}

/// Every leaf is one of a listed device, and every device of these accounts that somebody uses has one. One that was never used takes its
/// seat when it is.
fn judge_leaves(
    leaves: &BTreeSet<(AccountId, DeviceId)>,
    listed: &BTreeMap<AccountId, BTreeSet<DeviceId>>,
    used: &BTreeSet<DeviceId>,
) -> Result<(), String> {
    let is_listed = |account: &AccountId, device: &DeviceId| listed.get(account).is_some_and(|listed| listed.contains(device));
    if let Some((_, device)) = leaves.iter().find(|(account, device)| !is_listed(account, device)) {
        return Err(format!("a leaf of {device}, which is no device"));
    }
    let there: BTreeSet<DeviceId> = leaves.iter().map(|(_, device)| *device).collect();
    let accounts: BTreeSet<AccountId> = leaves.iter().map(|(account, _)| *account).collect();
    let mut wanted = accounts.iter().flat_map(|account| listed.get(account)).flatten().filter(|device| used.contains(device));
    wanted.find(|device| !there.contains(device)).map_or(Ok(()), |device| Err(format!("no leaf of {device}")))
}
