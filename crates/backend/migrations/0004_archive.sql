-- The archive: history that an account keeps for its own devices, sealed by them.

-- A shelf is a room's place in it, under a name that only the account's devices can connect with the room. The version counts the writes of
-- a page, so that two devices do not overwrite each other.
CREATE TABLE archive (
    account             BLOB    NOT NULL REFERENCES accounts (account),
    shelf               BLOB    NOT NULL,
    page                INTEGER NOT NULL,
    version             INTEGER NOT NULL,
    sealed              BLOB    NOT NULL,
    PRIMARY KEY (account, shelf, page)
);
