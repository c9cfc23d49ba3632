-- Blocking: who wants to hear nothing of whom.

CREATE TABLE blocks (
    account             BLOB    NOT NULL REFERENCES accounts (account),
    blocked             BLOB    NOT NULL REFERENCES accounts (account),
    PRIMARY KEY (account, blocked)
) WITHOUT ROWID;

-- Whom a message into the room of a pair was not for: the other one had blocked its sender by then. The sender's own devices get it.
ALTER TABLE log ADD COLUMN withheld_from BLOB;

-- Rooms that somebody brought an account into who was blocked by it: it does not hear of them, until it blocks that one no more or comes by itself.
CREATE TABLE unwanted_rooms (
    account             BLOB    NOT NULL REFERENCES accounts (account),
    room                BLOB    NOT NULL REFERENCES rooms (room),
    brought_by          BLOB    NOT NULL REFERENCES accounts (account),
    PRIMARY KEY (account, room)
) WITHOUT ROWID;
