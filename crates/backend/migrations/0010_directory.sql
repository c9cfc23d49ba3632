-- The directory (key transparency): an append-only log of which account and device list stand behind each name.

-- Records of the tree, as the `akd` crate has them: nodes by their place, which tells no name, and what was published for each name.
CREATE TABLE directory (
    key                 BLOB    NOT NULL PRIMARY KEY,
    value               BLOB    NOT NULL
) WITHOUT ROWID;

-- Each epoch's root, the hash of all roots up to it, and the proof that nothing was taken out since the one before.
CREATE TABLE directory_epochs (
    epoch               INTEGER NOT NULL PRIMARY KEY,
    root                BLOB    NOT NULL,
    chain               BLOB    NOT NULL,
    proof               BLOB    NOT NULL
);

-- Whether the newest device list stands in the directory.
ALTER TABLE accounts ADD COLUMN published INTEGER NOT NULL DEFAULT 0;
CREATE INDEX accounts_unpublished ON accounts (account) WHERE published = 0;
