-- Deleting an account: its name stays taken and its last device list, which names no device, stays to be shown; all else that was its own goes.
ALTER TABLE accounts ADD COLUMN deleted_at INTEGER;
