-- Groups: rooms that belong to no pair.

-- The live room of each pair (low < high; low = high for notes).
CREATE TABLE pairs (
    low                 BLOB    NOT NULL,
    high                BLOB    NOT NULL,
    room                BLOB    NOT NULL UNIQUE REFERENCES rooms (room),
    PRIMARY KEY (low, high)
) WITHOUT ROWID;
INSERT INTO pairs (low, high, room) SELECT low, high, room FROM rooms WHERE live = 1;
DROP INDEX rooms_pair;
ALTER TABLE rooms DROP COLUMN low;
ALTER TABLE rooms DROP COLUMN high;
ALTER TABLE rooms DROP COLUMN live;

-- Position of the commit that took an account's last leaf: it gets the log up to there, so that it learns of it, and nothing later.
ALTER TABLE members ADD COLUMN gone_at INTEGER;
