-- Everything that the server keeps. tests/schema.rs pins every column; docs/THREAT_MODEL.md says why each is there.

CREATE TABLE accounts (
    account             BLOB    NOT NULL PRIMARY KEY,
    name                TEXT    NOT NULL UNIQUE,
    created_at          INTEGER NOT NULL,
    kdf_memory_kib      INTEGER NOT NULL,
    kdf_passes          INTEGER NOT NULL,
    kdf_lanes           INTEGER NOT NULL,
    kdf_salt            BLOB    NOT NULL,
    password_hash       TEXT    NOT NULL,
    password_slot       BLOB    NOT NULL,
    password_version    INTEGER NOT NULL,
    recovery_hash       TEXT    NOT NULL,
    recovery_slot       BLOB    NOT NULL,
    recovery_version    INTEGER NOT NULL,
    device_list         BLOB    NOT NULL
);

-- The devices of the newest list.
CREATE TABLE devices (
    account             BLOB    NOT NULL REFERENCES accounts (account),
    device              BLOB    NOT NULL,
    PRIMARY KEY (account, device)
) WITHOUT ROWID;

CREATE TABLE sessions (
    session             BLOB    NOT NULL PRIMARY KEY,
    token_hash          BLOB    NOT NULL UNIQUE,
    account             BLOB    NOT NULL REFERENCES accounts (account),
    device              BLOB,
    label               TEXT    NOT NULL,
    created_at          INTEGER NOT NULL,
    last_seen_at        INTEGER NOT NULL
);
CREATE INDEX sessions_account ON sessions (account);

-- A used one-time package leaves its hash behind until it expires, so that a late repeated upload can't bring it back.
CREATE TABLE key_packages (
    id                  INTEGER NOT NULL PRIMARY KEY,
    account             BLOB    NOT NULL REFERENCES accounts (account),
    device              BLOB    NOT NULL,
    hash                BLOB    NOT NULL UNIQUE,
    last_resort         INTEGER NOT NULL,
    used                INTEGER NOT NULL,
    not_after           INTEGER NOT NULL,
    package             BLOB    NOT NULL
);
CREATE INDEX key_packages_device ON key_packages (account, device, used, last_resort, id);

CREATE TABLE rooms (
    room                BLOB    NOT NULL PRIMARY KEY,
    suite               INTEGER NOT NULL,
    epoch               INTEGER NOT NULL,
    head                INTEGER NOT NULL,
    lost_upto           INTEGER NOT NULL,
    created_at          INTEGER NOT NULL,
    live                INTEGER NOT NULL,
    low                 BLOB    NOT NULL,
    high                BLOB    NOT NULL
) WITHOUT ROWID;
-- One live room for each pair (low < high; low = high for notes).
CREATE UNIQUE INDEX rooms_pair ON rooms (low, high) WHERE live = 1;

-- Apart from `rooms`, whose rows every message rewrites.
CREATE TABLE room_states (
    room                BLOB    NOT NULL PRIMARY KEY REFERENCES rooms (room),
    public_group        BLOB    NOT NULL,
    group_info          BLOB    NOT NULL,
    ratchet_tree        BLOB    NOT NULL
);

CREATE TABLE members (
    account             BLOB    NOT NULL REFERENCES accounts (account),
    room                BLOB    NOT NULL REFERENCES rooms (room),
    PRIMARY KEY (account, room)
) WITHOUT ROWID;
CREATE INDEX members_room ON members (room);

-- In the order of appending, with an index: clustering by room costs six times the writes (PERFORMANCE.md).
CREATE TABLE log (
    id                  INTEGER NOT NULL PRIMARY KEY,
    room                BLOB    NOT NULL,
    seq                 INTEGER NOT NULL,
    kind                INTEGER NOT NULL,
    epoch               INTEGER NOT NULL,
    account             BLOB    NOT NULL,
    device              BLOB    NOT NULL,
    at                  INTEGER NOT NULL,
    idempotency         BLOB    NOT NULL,
    bytes               BLOB    NOT NULL
);
CREATE UNIQUE INDEX log_room_seq ON log (room, seq);
CREATE INDEX log_idempotency ON log (idempotency);

CREATE TABLE welcomes (
    id                  INTEGER NOT NULL PRIMARY KEY,
    account             BLOB    NOT NULL REFERENCES accounts (account),
    device              BLOB    NOT NULL,
    room                BLOB    NOT NULL REFERENCES rooms (room),
    epoch               INTEGER NOT NULL,
    seq                 INTEGER NOT NULL,
    created_at          INTEGER NOT NULL,
    welcome             BLOB    NOT NULL,
    UNIQUE (account, device, room, epoch)
);

-- The tree of each epoch that a Welcome leads into, kept until the last of its Welcomes is taken or expires.
CREATE TABLE welcome_trees (
    room                BLOB    NOT NULL REFERENCES rooms (room),
    epoch               INTEGER NOT NULL,
    ratchet_tree        BLOB    NOT NULL,
    PRIMARY KEY (room, epoch)
);
