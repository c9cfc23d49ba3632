//! Sizes and counts that both sides hold to. Bytes unless the name says otherwise.

/// Longest encoded sync frame in either direction (OWASP's advice for WebSocket messages is 64 KiB).
pub const SYNC_FRAME: usize = 64 * 1024;
/// Longest application message ciphertext that a frame may carry: leaves room for the envelope around it.
pub const MESSAGE: usize = 48 * 1024;
/// Longest text of one message, UTF-8.
pub const TEXT: usize = 16 * 1024;
/// Longest body of a commit or room-creation upload.
pub const COMMIT_BODY: usize = 2 * 1024 * 1024;
/// Bytes of a proposal: a SelfRemove with its signature.
pub const PROPOSAL: usize = 1024;
/// Longest encoded frame to a client: an entry that is longer than [`SYNC_FRAME`], a commit of a big room, goes alone.
pub const SERVER_FRAME: usize = COMMIT_BODY + 1024;
/// Longest body of an archive upload or answer.
pub const ARCHIVE_BODY: usize = 2 * 1024 * 1024;
/// Longest sealed page of the archive: its entries at their longest, and room for the rest.
pub const ARCHIVE_PAGE: usize = ARCHIVE_BODY - 4 * 1024;
/// Positions of a room's log that one page of the archive stands for.
pub const ARCHIVE_PAGE_SEQS: u64 = 64;
/// Most pages or shelves that one request names.
pub const ARCHIVE_BATCH: usize = 128;
/// Most devices in a room.
pub const ROOM_DEVICES: usize = 500;
/// Most devices that one commit adds.
pub const ADDED_AT_ONCE: usize = 200;
/// Longest encoded roles of a group: every device's account named, with room to spare.
pub const ROLES: usize = 32 * 1024;
/// Longest name of a group, UTF-8.
pub const ROOM_NAME: usize = 200;
/// Longest description of a group, UTF-8.
pub const ROOM_ABOUT: usize = 1024;
/// Longest name that a person is shown by, UTF-8.
pub const SHOWN_NAME: usize = 64;
/// Longest picture of a person or group: it travels in messages, so it is a small one.
pub const PICTURE: usize = 12 * 1024;
/// Longest body of every other `/api/v1` request.
pub const API_BODY: usize = 256 * 1024;
/// Longest stored key package (the hybrid suite's are about 2.7 kB).
pub const KEY_PACKAGE: usize = 8 * 1024;
/// One-time key packages that a device keeps published.
pub const ONE_TIME_KEY_PACKAGES: usize = 20;
/// Most one-time key packages that the server stores for one device.
pub const STORED_KEY_PACKAGES: usize = 50;
/// A device refills when the server holds this many one-time packages or fewer.
pub const REFILL_AT: usize = ONE_TIME_KEY_PACKAGES / 2;
/// Longest sealed vault slot.
pub const VAULT_SLOT: usize = 4 * 1024;
/// Longest signed device list.
pub const DEVICE_LIST: usize = 16 * 1024;
/// Most entries in one `Deliver` frame.
pub const ENTRIES_PER_FRAME: usize = 64;
/// Bytes of `Deliver` frames that may be on their way to a client that has not worked them off: what it holds in memory. One frame more
/// than that may come, because the last one begins within the window.
pub const DELIVERY_WINDOW: usize = 4 * SYNC_FRAME;
/// Most rooms in one `Hello` or `RoomList`.
pub const ROOMS: usize = 2_000;
/// Most people whom one account has blocked.
pub const BLOCKED: usize = 1_000;
/// Most links of one group that live at the same time.
pub const INVITES: usize = 8;
/// Most people that one link lets in.
pub const INVITE_USES: u32 = 1_000;
/// Longest life of a link, in milliseconds: 30 days.
pub const INVITE_LIFETIME_MS: u64 = 30 * 24 * 3_600_000;
/// Bytes of the proof that somebody has a link's secret.
pub const INVITE_PROOF: usize = 32;
/// Most groups that one account asks to be let into at the same time.
pub const ASKS: usize = 50;
/// Most names that are looked up in the directory at once.
pub const DIRECTORY_NAMES: usize = 16;
/// Longest encoded value of the directory.
pub const DIRECTORY_VALUE: usize = 128;
/// Longest proof of one name: three paths through a tree of any size that is thinkable.
pub const DIRECTORY_PROOF: usize = 32 * 1024;
/// Entries of a name's history that are proven, the newest.
pub const DIRECTORY_HISTORY: usize = 32;
/// Most root hashes in one answer.
pub const DIRECTORY_ROOTS: u64 = 1_024;
/// Most names that a people search returns.
pub const SEARCH_RESULTS: usize = 8;
/// Milliseconds between two pings of an idle client.
pub const PING_EVERY_MS: u64 = 25_000;
/// Longest lifetime range of a key package, in seconds: 84 days and one hour of clock tolerance.
pub const KEY_PACKAGE_LIFETIME: u64 = 84 * 24 * 3600 + 3600;
/// Lifetime that must be left when a key package is used in an Add, in seconds: 28 days.
pub const KEY_PACKAGE_REST: u64 = 28 * 24 * 3600;
/// A claimed key package is kept for its claimer for so long, in milliseconds; so is one that was just replaced as the last resort, for
/// those who had it. Several tries of a client that lives (its backoff ends at 30 seconds); who comes later claims another one.
pub const KEY_PACKAGE_RESERVATION_MS: u64 = 10 * 60_000;
/// A device renews its keys in a room after so many own messages (receipts count).
pub const UPDATE_AFTER_SENDS: u32 = 100;
/// And after so long, whether it has sent anything or not, in milliseconds.
pub const UPDATE_AFTER_MS: u64 = 7 * 24 * 3_600_000;

/// Client-side Argon2id: memory in KiB below which a client refuses (OWASP's minimum).
pub const KDF_FLOOR_MEMORY_KIB: u32 = 19 * 1024;
/// Client-side Argon2id: passes below which a client refuses (OWASP's minimum).
pub const KDF_FLOOR_PASSES: u32 = 2;
/// Client-side Argon2id: memory in KiB above which a client refuses.
pub const KDF_CEILING_MEMORY_KIB: u32 = 512 * 1024;
/// Client-side Argon2id: passes above which a client refuses.
pub const KDF_CEILING_PASSES: u32 = 10;
/// Client-side Argon2id: lanes above which a client refuses.
pub const KDF_CEILING_LANES: u32 = 4;
/// Client-side Argon2id: default memory in KiB.
pub const KDF_MEMORY_KIB: u32 = 64 * 1024;
/// Client-side Argon2id: default passes.
pub const KDF_PASSES: u32 = 3;
/// Client-side Argon2id: default lanes.
pub const KDF_LANES: u32 = 1;
/// Bytes of a client-side KDF salt.
pub const KDF_SALT: usize = 16;
/// Shortest password, in characters after NFKC.
pub const PASSWORD_MIN_CHARS: usize = 8;
/// Longest password, in bytes of UTF-8: generous, bounded so that a paste cannot stall the worker.
pub const PASSWORD_MAX: usize = 1024;
