//! The contract of all stores: the same calls give the same answers and leave the same rows, whatever was asked in whatever order.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../../tests/kit/dump.rs"]
mod dump;

use std::collections::BTreeSet;
use std::fmt::Debug;

use fastrand::Rng;

use super::*;
use sotto_protocol::limits;

/// Seeds in one run, and calls in one seed.
const SEEDS: u64 = 40;
const CALLS: usize = 450;

// Each answer comes from a small world, so that names are taken, ids repeat and epochs are stale often. Fails when a method of one store
// checks, orders or changes otherwise than that of the other; seen with unused trees left in memory, with messages of any epoch taken, with
// Welcomes kept for devices that are gone, with the last resort claimed first, and with a password changed before all checks.
#[tokio::test]
async fn the_same_calls_have_the_same_answers_and_leave_the_same_rows() {
    let mut done = Vec::new();
    for seed in 0..SEEDS {
        let dir = tempfile::tempdir().unwrap();
        let folder = BackendConfig::new(dir.path());
        let disk = MemoryDisk::default();
        let sqlite = Store::open(&folder).await.unwrap();
        let memory = Store::open(&BackendConfig::in_memory(disk.clone())).await.unwrap();
        let mut rng = Rng::with_seed(seed);
        for number in 0..CALLS {
            let call = rng.u64(..);
            let (name, one) = World(&sqlite, Rng::with_seed(call)).call().await;
            let (_, other) = World(&memory, Rng::with_seed(call)).call().await;
            assert_eq!(one, other, "seed {seed}, call {number}: {name} on SQLite and in memory");
            if !one.starts_with("Err") {
                done.push(name);
            }
        }
        let kept: BTreeSet<String> = dump::dump_of(dir.path()).await.into_iter().filter(|line| !line.starts_with('_')).collect();
        let held: BTreeSet<String> = disk.dump().into_iter().collect();
        let differ: Vec<&String> = kept.symmetric_difference(&held).collect();
        assert!(differ.is_empty(), "seed {seed}: only in one of them {differ:#?}");
        sqlite.close().await;
        memory.close().await;
        assert!(matches!(memory.health().await, Err(StoreError::Unavailable(_))) && sqlite.health().await.is_err());
    }
    // Each kind of call went well at times: else it shows nothing.
    for name in NAMES {
        assert!(done.iter().filter(|done| *done == name).count() >= 5, "{name} hardly ever goes well");
    }
}

#[tokio::test]
async fn a_forked_disk_goes_its_own_way_and_a_disk_outlives_its_store() {
    let disk = MemoryDisk::default();
    let store = Store::open(&BackendConfig::in_memory(disk.clone())).await.unwrap();
    let mut world = World(&store, Rng::with_seed(1));
    world.sign_up().await.unwrap();
    store.close().await;
    let fork = disk.fork();
    let again = Store::open(&BackendConfig::in_memory(disk.clone())).await.unwrap();
    assert!(!disk.dump().is_empty() && disk.dump() == fork.dump());
    again.delete_sessions(u64::MAX, u64::MAX).await.unwrap();
    assert_ne!(disk.dump(), fork.dump());
}

#[tokio::test]
async fn a_full_disk_is_read_and_not_written() {
    let disk = MemoryDisk::default();
    let store = Store::open(&BackendConfig::in_memory(disk.clone())).await.unwrap();
    World(&store, Rng::with_seed(1)).sign_up().await.unwrap();
    let before = disk.dump();
    disk.set_full(true);
    assert_eq!(store.delete_sessions(u64::MAX, u64::MAX).await, Err(StoreError::Unavailable("disk full")));
    assert_eq!(store.search_people("a", 9).await.unwrap().len(), 1);
    assert_eq!(disk.dump(), before);
    disk.set_full(false);
    store.delete_sessions(u64::MAX, u64::MAX).await.unwrap();
}

const NAMES: &[&str] = &[
    "accounts",
    "sign_up",
    "renew",
    "change_password",
    "change_recovery",
    "finish_recovery",
    "put_devices",
    "delete_account",
    "reset_account",
    "put_directory",
    "directory",
    "mark_published",
    "put_epoch",
    "put_invite",
    "delete_invite",
    "ask_in",
    "withdraw_ask",
    "asks",
    "search",
    "sign_in",
    "sessions",
    "touch",
    "rotate",
    "end",
    "add_key_packages",
    "count",
    "claim",
    "create_room",
    "commit",
    "propose",
    "append",
    "read",
    "welcomes",
    "welcome_done",
    "put_pages",
    "read_pages",
    "delete_shelves",
    "blocked",
    "block",
    "unblock",
    "retention",
];

/// A store, and where the arguments of a call come from.
struct World<'a>(&'a Store, Rng);

impl World<'_> {
    /// One call: its kind, and its answer as text.
    async fn call(&mut self) -> (&'static str, String) {
        let name = NAMES[self.1.usize(..NAMES.len())];
        let account = self.account();
        let answer = match name {
            "accounts" => {
                let by_id = self.0.find_account_by_id(account).await.map(|row| row.map(tell_account));
                let name = self.name();
                told(&(by_id, self.0.find_account(&name).await.map(|row| row.map(tell_account))))
            }
            "sign_up" => told(&self.sign_up().await),
            "renew" => {
                let before = self.verified(account).await;
                let after = self.hash();
                told(&self.0.renew_password_hash(account, before, after).await)
            }
            "change_password" => {
                let (verified, password, next) = (self.verified(account).await, self.password(), self.next_list(account).await);
                let (session, token) = (self.session(), self.token());
                told(&self.0.change_password(account, verified, password, next, session, token).await)
            }
            "change_recovery" => {
                let (verified, recovery, session, token) = (self.verified(account).await, self.recovery(), self.session(), self.token());
                told(&self.0.change_recovery(account, verified, recovery, session, token).await)
            }
            "finish_recovery" => {
                let known = self.0.find_account_by_id(account).await.unwrap();
                let verified = known.filter(|_| self.mostly()).map_or_else(|| self.hash(), |row| row.recovery.hash);
                let (password, recovery, next) = (self.password(), self.recovery(), self.next_list(account).await);
                let session = self.new_session(account);
                told(&self.0.finish_recovery(account, verified, password, recovery, next, session).await)
            }
            "put_devices" => {
                let (next, session, device) = (self.next_list(account).await, self.session(), self.device());
                told(&self.0.put_devices(account, next, session, device).await)
            }
            "delete_account" => {
                // Seldom, or there would soon be nobody left.
                let next = self.next_list(account).await;
                let next = if self.1.u8(..6) == 0 { next } else { NextList { before: Bytes(vec![9]), ..next } };
                let row = DeletionRow {
                    account,
                    device: self.device(),
                    at: self.time(),
                    next: NextList { devices: Vec::new(), ..next },
                    idempotency: self.idempotency(),
                };
                let mut deleted = self.0.delete_account(row).await;
                deleted.iter_mut().for_each(|deleted| deleted.sessions.sort());
                let left =
                    (self.0.device_list(account).await.map(|list| list.map(|list| list.0)), self.0.deleted_members(self.room()).await);
                format!("{deleted:?} {}", told(&left))
            }
            "reset_account" => {
                let name = if self.1.u8(..3) == 0 { self.name() } else { UserName::parse("nobody").unwrap() };
                let mut ended = self.0.reset_account(name, self.time()).await;
                ended.iter_mut().for_each(|(_, ended)| ended.sort());
                told(&ended)
            }
            "put_directory" => {
                let rows = (0..self.1.usize(..3)).map(|_| (self.record_key(), self.list())).collect();
                told(&self.0.put_directory(rows).await)
            }
            "directory" => {
                let (keys, prefix) = (vec![self.record_key(), self.record_key()], Bytes(vec![self.1.u8(..3)]));
                let bytes = |rows: StoreResult<Vec<Bytes>>| rows.map(|rows| rows.into_iter().map(|row| row.0).collect::<Vec<_>>());
                let rows = (bytes(self.0.directory_records(keys).await), bytes(self.0.directory_under(prefix).await));
                let waiting = self.0.unpublished(self.1.u32(..4)).await;
                let waiting = waiting.map(|all| all.into_iter().map(|(account, name, list)| (account, name, list.0)).collect::<Vec<_>>());
                let epochs =
                    self.0.epochs(self.1.u64(..6), self.1.u64(..4)).await.map(|rows| rows.into_iter().map(tell_epoch).collect::<Vec<_>>());
                told(&(rows, waiting, epochs, self.0.newest_epoch().await.map(|row| row.map(tell_epoch))))
            }
            "mark_published" => {
                let known = self.0.find_account_by_id(account).await.unwrap().filter(|_| self.mostly());
                let list = known.map_or_else(|| self.list(), |row| row.device_list);
                told(&self.0.mark_published(vec![(account, list)]).await)
            }
            "put_epoch" => {
                // An epoch once in a while, so that numbers repeat and are missing.
                let row = EpochRow { epoch: self.1.u64(..100), root: self.list(), chain: self.list(), proof: self.list() };
                told(&self.0.put_epoch(row).await)
            }
            "put_invite" => {
                let row = InviteRow { invite: self.invite(), room: self.room(), expires_at: self.time(), uses: self.1.u32(..3) };
                told(&self.0.put_invite(row, self.time(), 2).await)
            }
            "delete_invite" => {
                let invite = self.invite();
                told(&(self.0.find_invite(invite).await, self.0.delete_invite(invite).await))
            }
            "ask_in" => {
                let (invite, proof) = (self.invite(), self.list());
                told(&self.0.ask_in(account, invite, proof, self.time(), 2).await)
            }
            "withdraw_ask" => told(&self.0.withdraw_ask(account, self.invite()).await),
            "asks" => {
                let row = |row: InviteRow| (row.invite, row.room, row.expires_at, row.uses);
                let found = self.0.asks(account, self.time()).await;
                told(&found.map(|(own, living, open)| (own, living.into_iter().map(row).collect::<Vec<_>>(), open)))
            }
            "search" => {
                let part = ["ann", "anna", "a", "na", "zed", "-"][self.1.usize(..6)];
                told(&self.0.search_people(part, self.1.u32(0..4)).await)
            }
            "sign_in" => {
                let (session, verified) = (self.new_session(account), self.verified(account).await);
                told(&self.0.create_session(session, verified).await)
            }
            "sessions" => {
                let (session, token) = (self.session(), self.token());
                let by_id = self.0.find_session(session).await.map(|row| row.map(tell_session));
                let by_token = self.0.find_session_by_token(token).await.map(|row| row.map(tell_session));
                let mut all = self.0.sessions_of(account).await.map(|rows| rows.into_iter().map(tell_session).collect::<Vec<_>>());
                // Among equals of a moment there is no order to keep.
                all.iter_mut().for_each(|all| all.sort());
                told(&(by_id, by_token, all))
            }
            "touch" => told(&self.0.touch_session(self.session(), self.time()).await),
            "rotate" => told(&self.0.rotate_session(self.session(), self.token()).await),
            "end" => told(&self.0.end_session(account, self.session()).await),
            "add_key_packages" => {
                let most = if self.mostly() { 6 } else { 150 };
                let packages = (0..self.1.usize(..most)).map(|_| self.key_package()).collect();
                told(&self.0.add_key_packages(account, self.device(), packages, self.minute()).await.map(tell_count))
            }
            "count" => told(&self.0.count_key_packages(account, self.device(), self.minute()).await.map(tell_count)),
            "claim" => {
                let but = Some(self.device()).filter(|_| self.1.bool());
                let claimed = self.0.claim_key_packages(account, but, self.account(), self.minute()).await;
                told(&claimed.map(|claimed| (tell_packages(claimed.packages), claimed.left)))
            }
            "create_room" => {
                let pair = Some(Pair::of(account, self.account())).filter(|_| self.1.bool());
                let first = self.commit(account, 0).await;
                told(&self.0.create_room(pair, 0x4e, first).await)
            }
            "commit" => {
                let room = self.room();
                let known = self.0.room_for_commit(account, room).await.unwrap().filter(|_| self.mostly());
                let epoch = known.map_or_else(|| self.1.u64(..3), |known| known.epoch);
                let row = CommitRow { room, ..self.commit(account, epoch).await };
                told(&self.0.commit(row).await)
            }
            "propose" => {
                let room = self.room();
                let known = self.0.room_for_commit(account, room).await.unwrap().filter(|_| self.mostly());
                let (epoch, before) = known.map_or_else(|| (self.1.u64(..3), self.list()), |known| (known.epoch, known.public_group));
                let row = ProposalRow {
                    room,
                    epoch,
                    account,
                    device: self.device(),
                    at: self.time(),
                    idempotency: self.idempotency(),
                    proposal: self.list(),
                    before,
                    after: self.list(),
                    alone: self.1.u8(..4) == 0,
                };
                told(&self.0.propose(row).await)
            }
            "append" => {
                let mut rows = Vec::new();
                for _ in 0..self.1.usize(..6) {
                    rows.push(self.message(account).await);
                }
                told(&self.0.append(rows).await)
            }
            "read" => self.read(account).await,
            "welcomes" => {
                let room = self.room();
                let room = Some(room).filter(|_| self.1.bool());
                told(&self.0.welcomes(account, self.device(), room).await)
            }
            "put_pages" => {
                let mut pages = Vec::new();
                for _ in 0..self.1.usize(..4) {
                    let (shelf, page) = (self.shelf(), self.1.u64(..3));
                    let wanted = vec![PageWanted { shelf, below: Some(page + 1) }];
                    let stored = self.0.read_pages(account, wanted, 1_000).await.unwrap().pages.pop().filter(|stored| stored.page == page);
                    let version = stored.filter(|_| self.mostly()).map_or(1, |stored| stored.version + 1);
                    pages.push(ArchivePage { shelf, page, version, sealed: self.list() });
                }
                let most = if self.mostly() { 1_000 } else { 20 };
                told(&self.0.put_pages(account, self.device(), pages, most).await)
            }
            "read_pages" => {
                let mut wanted = Vec::new();
                for _ in 0..self.1.usize(..4) {
                    let below = Some(self.1.u64(..4)).filter(|_| self.mostly());
                    wanted.push(PageWanted { shelf: self.shelf(), below });
                }
                told(&self.0.read_pages(account, wanted, self.1.usize(..30)).await)
            }
            "delete_shelves" => {
                let shelves = if self.mostly() { Some(vec![self.shelf()]) } else { None };
                told(&self.0.delete_shelves(account, shelves).await)
            }
            "blocked" => told(&self.0.blocked(account).await),
            "block" => {
                let most = if self.mostly() { 3 } else { 1 };
                told(&self.0.block(account, self.account(), most).await)
            }
            "unblock" => told(&self.0.unblock(account, self.account()).await),
            "welcome_done" => told(&self.0.welcome_done(account, self.device(), self.room(), self.1.u64(..4)).await),
            _ => {
                let before = self.1.u64(..30);
                let entries = self.0.delete_entries(before).await;
                let welcomes = self.0.delete_welcomes(before).await;
                let packages = self.0.delete_key_packages(self.minute()).await;
                told(&(entries, welcomes, packages, self.0.delete_sessions(before, before).await, self.0.delete_invites(before / 3).await))
            }
        };
        (name, answer)
    }

    async fn read(&mut self, account: AccountId) -> String {
        let (store, room, seq) = (self.0, self.room(), self.1.u64(..12));
        let entries = store.read_after(account, room, seq, self.1.u32(..5)).await;
        let found = store.find_entry(account, room, seq).await;
        let pair = Pair::of(account, self.account());
        let commit = store.find_commit(room, self.device(), self.idempotency()).await.map(|row| row.map(tell_standing));
        let state = store.room_state(account, room).await.map(|row| row.map(|(info, state)| (info, tell_state(&state))));
        let checked = store.room_for_commit(account, room).await;
        let checked = checked.map(|row| row.map(|row| (row.epoch, row.pair.map(|pair| (pair.low, pair.high)), row.public_group.0)));
        let rooms = (store.rooms_of(account).await, store.heads(account).await, store.lost_upto(account, room).await);
        told(&(entries, found, store.find_pair_room(pair).await, commit, state, checked, rooms))
    }

    async fn sign_up(&mut self) -> StoreResult<()> {
        let account = self.account();
        let new = AccountRow {
            account,
            name: self.name(),
            created_at: self.time(),
            password: self.password(),
            recovery: self.recovery(),
            device_list: self.list(),
            deleted_at: None,
        };
        let session = self.new_session(account);
        self.0.create_account(new, self.device(), session).await
    }

    async fn commit(&mut self, account: AccountId, epoch: Epoch) -> CommitRow {
        let mut members = Vec::new();
        for _ in 0..self.1.usize(1..4) {
            let member = self.account();
            let known = self.0.find_account_by_id(member).await.unwrap().is_some() && !members.contains(&member);
            if known || !self.mostly() {
                members.push(member);
            }
        }
        let welcomes = (0..self.1.usize(..3)).map(|_| WelcomeRow { account: self.account(), device: self.device(), welcome: self.list() });
        let welcomes = welcomes.collect();
        let mut added = Vec::new();
        for _ in 0..self.1.usize(..3) {
            let KeyPackageRow { hash, last_resort, not_after, .. } = self.key_package();
            added.push(AddedRow { account: self.account(), device: self.device(), hash, last_resort, not_after });
        }
        let at = if added.is_empty() { self.time() } else { self.minute() };
        CommitRow {
            room: self.room(),
            epoch,
            account,
            device: self.device(),
            at,
            idempotency: self.idempotency(),
            commit: self.list(),
            state: RoomStateRow { public_group: self.list(), group_info: self.list(), ratchet_tree: self.list() },
            members,
            welcomes,
            added,
            unlisted: (0..self.1.usize(..5) / 4).map(|_| (self.account(), self.device())).collect(),
        }
    }

    async fn message(&mut self, account: AccountId) -> AppendRow {
        let room = self.room();
        let known = self.0.room_for_commit(account, room).await.unwrap().filter(|_| self.mostly());
        let forms = [Err(ErrorCode::TooLarge), Err(ErrorCode::Malformed), Ok(())];
        AppendRow {
            room,
            epoch: known.map_or_else(|| self.1.u64(..3), |known| known.epoch),
            account,
            device: self.device(),
            at: self.time(),
            idempotency: self.idempotency(),
            bytes: self.list(),
            form: forms[self.1.usize(..9).min(2)],
        }
    }

    /// What is right now, mostly; else something else.
    fn mostly(&mut self) -> bool {
        self.1.u8(..5) > 0
    }

    async fn verified(&mut self, account: AccountId) -> String {
        let known = self.0.find_account_by_id(account).await.unwrap().filter(|_| self.mostly());
        known.map_or_else(|| self.hash(), |row| row.password.hash)
    }

    async fn next_list(&mut self, account: AccountId) -> NextList {
        let known = self.0.find_account_by_id(account).await.unwrap().filter(|_| self.mostly());
        let before = known.map_or_else(|| self.list(), |row| row.device_list);
        NextList { before, list: self.list(), devices: (0..self.1.usize(1..3)).map(|_| self.device()).collect() }
    }

    fn new_session(&mut self, account: AccountId) -> NewSessionRow {
        let (session, token_hash) = (self.session(), self.token());
        let device = Some(self.device()).filter(|_| self.1.bool());
        let replaces = Some(self.session()).filter(|_| self.1.bool());
        NewSessionRow { session, token_hash, account, device, label: self.hash(), now: self.time(), replaces }
    }

    fn key_package(&mut self) -> KeyPackageRow {
        let number = self.1.u8(..200);
        // Of a few that come more often, so that what was claimed is used.
        let number = if self.mostly() { number } else { number % 12 };
        let not_after = self.minute() + limits::KEY_PACKAGE_REST * 1000;
        KeyPackageRow { hash: [number; 32], last_resort: number.is_multiple_of(6), not_after, package: Bytes(vec![number; 3]) }
    }

    fn password(&mut self) -> PasswordRow {
        let kdf = KdfParams { memory_kib: self.1.u32(..9), passes: 2, lanes: 1, salt: self.list() };
        PasswordRow { kdf, hash: self.hash(), slot: VaultSlot { version: self.time(), sealed: self.list() } }
    }

    fn recovery(&mut self) -> RecoveryRow {
        RecoveryRow { hash: self.hash(), slot: VaultSlot { version: self.time(), sealed: self.list() } }
    }

    // Some ids come more often than others, so that calls meet.

    fn account(&mut self) -> AccountId {
        AccountId([self.1.u8(..6).min(3); 32])
    }

    fn device(&mut self) -> DeviceId {
        DeviceId([self.1.u8(..6).min(2); 16])
    }

    fn session(&mut self) -> SessionId {
        SessionId([self.1.u8(..6); 16])
    }

    fn token(&mut self) -> [u8; 32] {
        [self.1.u8(..9); 32]
    }

    fn shelf(&mut self) -> ShelfId {
        ShelfId([self.1.u8(..3); 16])
    }

    fn room(&mut self) -> RoomId {
        RoomId([self.1.u8(..5).min(2); 16])
    }

    fn idempotency(&mut self) -> IdempotencyId {
        IdempotencyId([self.1.u8(..40); 16])
    }

    fn name(&mut self) -> UserName {
        UserName::parse(["anna", "joanna", "hanna", "zed-1"][self.1.usize(..4)]).unwrap()
    }

    fn hash(&mut self) -> String {
        ["one", "two", "three"][self.1.usize(..3)].into()
    }

    fn list(&mut self) -> Bytes {
        Bytes(vec![self.1.u8(..4); 3])
    }

    fn invite(&mut self) -> InviteId {
        InviteId([self.1.u8(..4); 16])
    }

    /// Under one of few prefixes.
    fn record_key(&mut self) -> Bytes {
        Bytes(vec![self.1.u8(..3), self.1.u8(..3), self.1.u8(..)])
    }

    fn time(&mut self) -> Millis {
        self.1.u64(..100)
    }

    /// Within an hour, so that claims are kept, or burnt, or long forgotten.
    fn minute(&mut self) -> Millis {
        self.1.u64(..60) * 60_000
    }
}

/// An answer as text. `Bytes` shows its length only, so what is compared byte by byte is told apart below; the rows are compared in full.
fn told(answer: &impl Debug) -> String {
    format!("{answer:?}")
}

fn tell_account(row: AccountRow) -> impl Debug {
    let (password, recovery) = (row.password, row.recovery);
    let halves =
        (password.kdf.memory_kib, password.kdf.salt.0, password.hash, password.slot.version, recovery.hash, recovery.slot.sealed.0);
    (row.account, row.name, row.created_at, halves, row.device_list.0)
}

fn tell_session(row: SessionRow) -> (SessionId, String) {
    (row.session, format!("{:?}", (row.account, row.name, row.device, row.label, row.created_at, row.last_seen_at)))
}

fn tell_standing(standing: Standing) -> impl Debug {
    (standing.seq, standing.epoch, standing.at)
}

fn tell_count(count: KeyPackageCount) -> impl Debug {
    (count.one_time, count.last_resort, count.held.into_iter().map(|hash| hash.0).collect::<Vec<_>>())
}

fn tell_packages(packages: Vec<ClaimedKeyPackage>) -> impl Debug {
    packages.into_iter().map(|package| (package.device, package.key_package.0)).collect::<Vec<_>>()
}

fn tell_epoch(row: EpochRow) -> (u64, [Vec<u8>; 3]) {
    (row.epoch, [row.root.0, row.chain.0, row.proof.0])
}

fn tell_state(state: &RoomStateRow) -> impl Debug + use<> {
    (state.public_group.0.clone(), state.group_info.0.clone(), state.ratchet_tree.0.clone())
}
