-- Invite links of groups: what lets in by one is a secret that is not here.

CREATE TABLE invites (
    invite              BLOB    NOT NULL PRIMARY KEY,
    room                BLOB    NOT NULL REFERENCES rooms (room),
    expires_at          INTEGER NOT NULL,
    -- How many it still lets in.
    uses                INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX invites_room ON invites (room);

-- Who asks to be let in by one, until somebody does, or the link ends.
CREATE TABLE asks (
    account             BLOB    NOT NULL REFERENCES accounts (account),
    invite              BLOB    NOT NULL REFERENCES invites (invite) ON DELETE CASCADE,
    proof               BLOB    NOT NULL,
    PRIMARY KEY (account, invite)
) WITHOUT ROWID;
CREATE INDEX asks_invite ON asks (invite);
