//! In-process wake-ups for sockets. Bounded and coalescing: a subscriber has a set of dirty rooms, not a queue of events.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sotto_protocol::{AccountId, DeviceId, ErrorCode, RoomId, SessionId, limits};
use tokio::sync::Notify;

/// What happened since the last [`Subscription::changed`]. Read the rows: they are the truth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wake {
    /// Watched rooms that have new entries.
    pub rooms: Vec<RoomId>,
    /// There are new Welcomes for the device.
    pub welcomes: bool,
    /// The device's one-time key packages run low: how many are left.
    pub key_packages: Option<u32>,
    /// The account's device list is another one.
    pub devices: bool,
    /// Who asks to be let into groups by a link, as far as it concerns the account, is another one.
    pub asks: bool,
    /// The account came into a room without this device.
    pub heads: bool,
    /// The session or the device ended: close.
    pub ended: Option<ErrorCode>,
}

impl Wake {
    fn is_empty(&self) -> bool {
        self.rooms.is_empty() && *self == Self { rooms: Vec::new(), ..Self::default() }
    }
}

/// Whose socket it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    pub(crate) session: SessionId,
}

struct Subscriber {
    address: Address,
    pending: Mutex<Pending>,
    notify: Notify,
}

#[derive(Default)]
struct Pending {
    /// In an order that does not change from run to run: simulations are replayed.
    rooms: BTreeSet<RoomId>,
    rest: Wake,
}

impl Subscriber {
    fn wake(&self, change: impl FnOnce(&mut Pending)) {
        change(&mut lock(&self.pending));
        self.notify.notify_one();
    }
}

#[derive(Default)]
struct Tables {
    by_number: HashMap<u64, Arc<Subscriber>>,
    by_account: HashMap<AccountId, HashSet<u64>>,
    by_room: HashMap<RoomId, HashSet<u64>>,
    next: u64,
}

/// The hub of wake-ups.
#[derive(Clone, Default)]
pub(crate) struct Bus(Arc<Mutex<Tables>>);

impl Bus {
    pub(crate) fn subscribe(&self, address: Address) -> Subscription {
        let subscriber = Arc::new(Subscriber { address, pending: Mutex::default(), notify: Notify::new() });
        let mut tables = lock(&self.0);
        let number = tables.next;
        tables.next += 1;
        tables.by_number.insert(number, Arc::clone(&subscriber));
        tables.by_account.entry(address.account).or_default().insert(number);
        drop(tables);
        Subscription { bus: self.clone(), number, subscriber, watched: Mutex::default() }
    }

    /// A room has new entries.
    pub(crate) fn room(&self, room: RoomId) {
        let tables = lock(&self.0);
        let watchers = tables.by_room.get(&room).into_iter().flatten();
        for subscriber in watchers.filter_map(|number| tables.by_number.get(number)) {
            subscriber.wake(|pending| {
                pending.rooms.insert(room);
            });
        }
    }

    /// Welcomes wait for a device.
    pub(crate) fn welcomes(&self, account: AccountId, device: DeviceId) {
        self.each(account, |address| address.device == device, |pending| pending.rest.welcomes = true);
    }

    /// An account came into a room with these devices alone.
    pub(crate) fn heads(&self, account: AccountId, with: &[(AccountId, DeviceId)]) {
        self.each(account, |address| !with.contains(&(account, address.device)), |pending| pending.rest.heads = true);
    }

    /// Welcomes may wait for any device of an account.
    pub(crate) fn account_welcomes(&self, account: AccountId) {
        self.each(account, |_| true, |pending| pending.rest.welcomes = true);
    }

    /// Somebody asks to be let into a group of an account, or what it asked for itself is over.
    pub(crate) fn asks(&self, account: AccountId) {
        self.each(account, |_| true, |pending| pending.rest.asks = true);
    }

    /// A device should publish key packages.
    pub(crate) fn key_packages(&self, account: AccountId, device: DeviceId, left: u32) {
        self.each(account, |address| address.device == device, |pending| pending.rest.key_packages = Some(left));
    }

    /// Sockets of these sessions close.
    pub(crate) fn sessions_ended(&self, account: AccountId, sessions: &[SessionId]) {
        let ended = |pending: &mut Pending| pending.rest.ended = Some(ErrorCode::SignedOut);
        self.each(account, |address| sessions.contains(&address.session), ended);
    }

    /// Sockets of every device of the account but the listed ones close; those hear of it.
    pub(crate) fn devices_replaced(&self, account: AccountId, current: &[DeviceId]) {
        let ended = |pending: &mut Pending| pending.rest.ended = Some(ErrorCode::DeviceUnknown);
        self.each(account, |address| !current.contains(&address.device), ended);
        self.each(account, |address| current.contains(&address.device), |pending| pending.rest.devices = true);
    }

    fn each(&self, account: AccountId, which: impl Fn(&Address) -> bool, change: impl Fn(&mut Pending)) {
        let tables = lock(&self.0);
        let own = tables.by_account.get(&account).into_iter().flatten();
        for subscriber in own.filter_map(|number| tables.by_number.get(number)).filter(|subscriber| which(&subscriber.address)) {
            subscriber.wake(&change);
        }
    }
}

/// One socket's ear. Dropping it unsubscribes.
pub struct Subscription {
    bus: Bus,
    number: u64,
    subscriber: Arc<Subscriber>,
    watched: Mutex<HashSet<RoomId>>,
}

impl Subscription {
    /// Wakes for this room from now on; `false` over [`limits::ROOMS`]. Read once from the cursor after this call: what came
    /// before it wakes nobody.
    pub fn watch(&self, room: RoomId) -> bool {
        let mut watched = lock(&self.watched);
        if watched.len() >= limits::ROOMS && !watched.contains(&room) {
            return false;
        }
        if watched.insert(room) {
            lock(&self.bus.0).by_room.entry(room).or_default().insert(self.number);
        }
        true
    }

    /// Waits until something happened, or returns at once if it did since the last call. Dropping the future loses nothing.
    pub async fn changed(&self) -> Wake {
        loop {
            let notified = self.subscriber.notify.notified();
            let wake = self.take();
            if !wake.is_empty() {
                return wake;
            }
            notified.await;
        }
    }

    fn take(&self) -> Wake {
        let pending = std::mem::take(&mut *lock(&self.subscriber.pending));
        Wake { rooms: pending.rooms.into_iter().collect(), ..pending.rest }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut tables = lock(&self.bus.0);
        tables.by_number.remove(&self.number);
        forget(&mut tables.by_account, &self.subscriber.address.account, self.number);
        for room in lock(&self.watched).iter() {
            forget(&mut tables.by_room, room, self.number);
        }
    }
}

fn forget<K: Eq + std::hash::Hash>(table: &mut HashMap<K, HashSet<u64>>, key: &K, number: u64) {
    let Some(numbers) = table.get_mut(key) else { return };
    numbers.remove(&number);
    if numbers.is_empty() {
        table.remove(key);
    }
}

/// A poisoned lock guards sets that are whole after every statement, so it is taken all the same.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn address(n: u8) -> Address {
        Address { account: AccountId([n; 32]), device: DeviceId([n; 16]), session: SessionId([n; 16]) }
    }

    #[tokio::test]
    async fn wake_ups_coalesce_and_reach_the_watchers_only() {
        let bus = Bus::default();
        let (one, two) = (bus.subscribe(address(1)), bus.subscribe(address(2)));
        let room = RoomId([9; 16]);
        assert!(one.watch(room));
        for _ in 0..1_000 {
            bus.room(room);
        }
        bus.key_packages(AccountId([1; 32]), DeviceId([1; 16]), 3);
        let wake = one.changed().await;
        assert_eq!(wake, Wake { rooms: vec![room], key_packages: Some(3), ..Wake::default() });
        assert!(two.take().is_empty() && one.take().is_empty());
        bus.sessions_ended(AccountId([2; 32]), &[SessionId([2; 16])]);
        assert_eq!(two.changed().await.ended, Some(ErrorCode::SignedOut));
        drop(one);
        drop(two);
        let tables = lock(&bus.0);
        assert!(tables.by_room.is_empty() && tables.by_account.is_empty() && tables.by_number.is_empty());
    }
}
