-- Claims that end: a claimed package is kept for its claimer for a while, and spent by the commit that adds it.

-- Who claimed a one-time package that waits for its commit. Erased with the package: when it is spent, or when its time is over.
ALTER TABLE key_packages ADD COLUMN claimed_by BLOB;
-- When a one-time package was claimed, then when it was spent; when another one took the place of a last resort.
ALTER TABLE key_packages ADD COLUMN claimed_at INTEGER;
-- What was claimed before this version has left its hash alone: whoever has such a package and has not used it yet claims another one.
