//! The devices of the own account: listing and removing them, the newest list, and leaves of devices that are no more.

use sotto_client_api::Reply;
use sotto_client_api::Update;
use sotto_client_api::views::DeviceView;
use sotto_protocol::accounts::SignedIn;
use sotto_protocol::api::{Devices, PutDevices};
use sotto_protocol::device_list::{DeviceEntry, DeviceList};
use sotto_protocol::{AccountId, Bytes, DeviceId, ErrorCode, codec, limits};
use sotto_rules::identity::{VerifiedHead, check_rising, decode_device_list};

use super::net::Pending;
use super::{Engine, Turn};
use crate::records::{RoomRecord, Wanted};

impl Engine {
    pub(super) fn devices(&self, turn: &mut Turn, id: u32) -> Result<(), ErrorCode> {
        let current = self.data()?.device.device();
        let known = self.data()?.choices()?;
        let view = |entry: DeviceEntry| {
            let name = known.choices.devices.get(&entry.device).map(|choice| choice.value.clone()).filter(|name| !name.is_empty());
            DeviceView { device: entry.device, added_at: entry.added_at, current: entry.device == current, name }
        };
        turn.reply(id, Reply::Devices(self.own_list()?.devices.into_iter().map(view).collect()));
        Ok(())
    }

    /// Signs a device out for good, with the vault of the password that was just derived.
    pub(super) fn remove_device(&mut self, turn: &mut Turn, id: u32, signed: &SignedIn, device: DeviceId) -> Result<(), ErrorCode> {
        let (_, _, vault) = self.vault_by_password(signed)?;
        let own = self.data()?.device.device();
        // Signing out is for this one.
        if device == own {
            return Err(ErrorCode::Forbidden);
        }
        let list = self.rising(signed.device_list.as_slice())?;
        let left = list.devices.iter().filter(|entry| entry.device != device).cloned().collect();
        let device_list = Bytes(codec::encode(&vault.identity().next_list(&list, left, list.vault_version)));
        let body = PutDevices { device: own, device_list: device_list.clone() };
        self.post(turn, "/api/v1/devices", &body, Pending::PutDevices { device_list, reply: id });
        Ok(())
    }

    /// The server has taken the list: what is left of devices that are no more goes from every room.
    pub(super) fn devices_put(&mut self, turn: &mut Turn, device_list: Bytes, reply: u32) -> Result<(), ErrorCode> {
        self.learn_own_list(turn, device_list)?;
        turn.reply(reply, Reply::Done);
        Ok(())
    }

    /// Asks for the own account's newest device list. Until it is here nothing is held against a leaf that the known one does not name.
    pub(super) fn ask_own_devices(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        self.net.devices_known = false;
        let account = self.data()?.account();
        self.ask_list(turn, account);
        Ok(())
    }

    /// An account's newest list, as the server says.
    pub(super) fn devices_told(&mut self, turn: &mut Turn, account: AccountId, body: &[u8]) -> Result<(), ErrorCode> {
        if account != self.data()?.account() {
            return self.list_told(turn, account, body);
        }
        // A later answer says more.
        if self.net.overtaken.remove(&account) {
            self.ask_list(turn, account);
            return Ok(());
        }
        let told: Devices = codec::decode(body, limits::API_BODY)?;
        match self.learn_own_list(turn, told.device_list) {
            // An older list, or another one of the same version: somebody hides a device, or shows one that is none.
            Err(code @ (ErrorCode::DeviceListRefused | ErrorCode::NotAuthentic)) => {
                self.undo_turn(turn)?;
                turn.emit(Update::Notice { code, room: None });
                Ok(())
            }
            learned => learned,
        }
    }

    fn learn_own_list(&mut self, turn: &mut Turn, device_list: Bytes) -> Result<(), ErrorCode> {
        let list = self.rising(device_list.as_slice())?;
        let data = self.data()?;
        let mut record = data.record()?;
        if !list.devices.iter().any(|entry| entry.device == data.device.device()) {
            return self.replaced(turn);
        }
        if record.device_list != device_list {
            record.device_list = device_list;
            data.put_record(&record)?;
        }
        self.net.devices_known = true;
        for room in self.data()?.rooms()? {
            self.commit_what_is_due(turn, room.room, true)?;
        }
        Ok(())
    }

    /// A list that may follow the one that is known.
    pub(super) fn rising(&self, device_list: &[u8]) -> Result<DeviceList, ErrorCode> {
        let list = decode_device_list(device_list, Some(self.data()?.account()))?;
        check_rising(&self.own_head()?, &list)?;
        Ok(list)
    }

    fn own_list(&self) -> Result<DeviceList, ErrorCode> {
        let data = self.data()?;
        Ok(decode_device_list(data.record()?.device_list.as_slice(), Some(data.account()))?)
    }

    /// Version and hash of the own account's newest known list.
    pub(super) fn own_head(&self) -> Result<VerifiedHead, ErrorCode> {
        Ok(VerifiedHead::of(&self.own_list()?))
    }

    /// The devices in the own account's newest known list.
    pub(super) fn own_devices(&self) -> Result<Vec<DeviceId>, ErrorCode> {
        Ok(self.own_list()?.devices.into_iter().map(|entry| entry.device).collect())
    }

    /// This device has come into a room before the account's others: they are to be in it too.
    pub(super) fn bring_own_devices(&self, record: &mut RoomRecord) -> Result<(), ErrorCode> {
        if !self.net.devices_known || self.own_devices()?.len() > 1 {
            record.wanted.push(Wanted::Added { account: self.data()?.account(), packages: Vec::new(), tries: 0 });
        }
        Ok(())
    }
}
