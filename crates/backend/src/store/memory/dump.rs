//! All rows as lines, under the names of the migrations.

use std::fmt::Write as _;

use super::tables::Tables;
use crate::store::kind_number;

/// A row in the making.
struct Line(String);

impl Line {
    fn of(table: &str) -> Self {
        Self(table.to_owned())
    }

    fn number(mut self, column: &str, value: impl std::fmt::Display) -> Self {
        let _ = write!(self.0, " {column}={value}");
        self
    }

    fn bytes(self, column: &str, value: &[u8]) -> Self {
        let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
        self.number(column, hex)
    }

    fn end(self) -> String {
        self.0
    }
}

pub(super) fn lines(tables: &Tables) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(tables.accounts.values().map(|row| {
        let line = Line::of("accounts")
            .bytes("account", row.account.as_bytes())
            .bytes("name", row.name.as_str().as_bytes())
            .number("created_at", row.created_at)
            .number("kdf_memory_kib", row.password.kdf.memory_kib)
            .number("kdf_passes", row.password.kdf.passes)
            .number("kdf_lanes", row.password.kdf.lanes)
            .bytes("kdf_salt", row.password.kdf.salt.as_slice())
            .bytes("password_hash", row.password.hash.as_bytes())
            .bytes("password_slot", row.password.slot.sealed.as_slice())
            .number("password_version", row.password.slot.version)
            .bytes("recovery_hash", row.recovery.hash.as_bytes())
            .bytes("recovery_slot", row.recovery.slot.sealed.as_slice())
            .number("recovery_version", row.recovery.slot.version)
            .bytes("device_list", row.device_list.as_slice());
        let line = match row.deleted_at {
            Some(at) => line.number("deleted_at", at),
            None => line.number("deleted_at", "null"),
        };
        line.number("published", u8::from(tables.published.contains(&row.account))).end()
    }));
    lines.extend(tables.archive.iter().map(|((account, shelf, page), (version, sealed))| {
        Line::of("archive")
            .bytes("account", account.as_bytes())
            .bytes("shelf", shelf.as_bytes())
            .number("page", page)
            .number("version", version)
            .bytes("sealed", sealed.as_slice())
            .end()
    }));
    lines.extend(
        tables
            .blocks
            .iter()
            .map(|(account, blocked)| Line::of("blocks").bytes("account", account.as_bytes()).bytes("blocked", blocked.as_bytes()).end()),
    );
    lines.extend(
        tables
            .devices
            .iter()
            .map(|(account, device)| Line::of("devices").bytes("account", account.as_bytes()).bytes("device", device.as_bytes()).end()),
    );
    lines.extend(
        tables
            .directory
            .iter()
            .map(|(key, value)| Line::of("directory").bytes("key", key.as_slice()).bytes("value", value.as_slice()).end()),
    );
    lines.extend(tables.epochs.values().map(|row| {
        Line::of("directory_epochs")
            .number("epoch", row.epoch)
            .bytes("root", row.root.as_slice())
            .bytes("chain", row.chain.as_slice())
            .bytes("proof", row.proof.as_slice())
            .end()
    }));
    lines.extend(tables.invites.values().map(|row| {
        Line::of("invites")
            .bytes("invite", row.invite.as_bytes())
            .bytes("room", row.room.as_bytes())
            .number("expires_at", row.expires_at)
            .number("uses", row.uses)
            .end()
    }));
    lines.extend(tables.asks.iter().map(|((account, invite), proof)| {
        let line = Line::of("asks").bytes("account", account.as_bytes()).bytes("invite", invite.as_bytes());
        line.bytes("proof", proof.as_slice()).end()
    }));
    lines.extend(tables.key_packages.iter().map(|(id, package)| {
        let line = Line::of("key_packages")
            .number("id", id)
            .bytes("account", package.account.as_bytes())
            .bytes("device", package.device.as_bytes())
            .bytes("hash", &package.row.hash)
            .number("last_resort", u8::from(package.row.last_resort))
            .number("used", u8::from(package.used))
            .number("not_after", package.row.not_after)
            .bytes("package", package.row.package.as_slice());
        let line = match &package.claimed_by {
            Some(account) => line.bytes("claimed_by", account.as_bytes()),
            None => line.number("claimed_by", "null"),
        };
        match package.claimed_at {
            Some(at) => line.number("claimed_at", at).end(),
            None => line.number("claimed_at", "null").end(),
        }
    }));
    lines.extend(tables.log.iter().map(|(id, entry)| {
        let line = Line::of("log")
            .number("id", id)
            .bytes("room", entry.room.as_bytes())
            .number("seq", entry.seq)
            .number("kind", kind_number(entry.kind))
            .number("epoch", entry.epoch)
            .bytes("account", entry.account.as_bytes())
            .bytes("device", entry.device.as_bytes())
            .number("at", entry.at)
            .bytes("idempotency", entry.idempotency.as_bytes())
            .bytes("bytes", entry.bytes.as_slice());
        match tables.withheld_from.get(id) {
            Some(account) => line.bytes("withheld_from", account.as_bytes()).end(),
            None => line.number("withheld_from", "null").end(),
        }
    }));
    lines.extend(tables.members.iter().map(|((account, room), gone_at)| {
        let line = Line::of("members").bytes("account", account.as_bytes()).bytes("room", room.as_bytes());
        match gone_at {
            Some(seq) => line.number("gone_at", seq).end(),
            None => line.number("gone_at", "null").end(),
        }
    }));
    for (id, room) in &tables.rooms {
        lines.push(
            Line::of("room_states")
                .bytes("room", id.as_bytes())
                .bytes("public_group", room.state.public_group.as_slice())
                .bytes("group_info", room.state.group_info.as_slice())
                .bytes("ratchet_tree", room.state.ratchet_tree.as_slice())
                .end(),
        );
        lines.push(
            Line::of("rooms")
                .bytes("room", id.as_bytes())
                .number("suite", room.suite)
                .number("epoch", room.epoch)
                .number("head", room.head)
                .number("lost_upto", room.lost_upto)
                .number("created_at", room.created_at)
                .end(),
        );
        if let Some(pair) = room.pair {
            let line = Line::of("pairs").bytes("low", pair.low.as_bytes()).bytes("high", pair.high.as_bytes());
            lines.push(line.bytes("room", id.as_bytes()).end());
        }
    }
    lines.extend(tables.sessions.values().map(|row| {
        let line = Line::of("sessions")
            .bytes("session", row.session.as_bytes())
            .bytes("token_hash", &row.token_hash)
            .bytes("account", row.account.as_bytes());
        let line = match &row.device {
            Some(device) => line.bytes("device", device.as_bytes()),
            None => line.number("device", "null"),
        };
        line.bytes("label", row.label.as_bytes()).number("created_at", row.created_at).number("last_seen_at", row.last_seen_at).end()
    }));
    lines.extend(tables.unwanted_rooms.iter().map(|((account, room), by)| {
        let line = Line::of("unwanted_rooms").bytes("account", account.as_bytes()).bytes("room", room.as_bytes());
        line.bytes("brought_by", by.as_bytes()).end()
    }));
    lines.extend(tables.welcome_trees.iter().map(|((room, epoch), tree)| {
        Line::of("welcome_trees").bytes("room", room.as_bytes()).number("epoch", epoch).bytes("ratchet_tree", tree.as_slice()).end()
    }));
    lines.extend(tables.welcomes.iter().map(|(id, row)| {
        Line::of("welcomes")
            .number("id", id)
            .bytes("account", row.account.as_bytes())
            .bytes("device", row.device.as_bytes())
            .bytes("room", row.room.as_bytes())
            .number("epoch", row.epoch)
            .number("seq", row.seq)
            .number("created_at", row.created_at)
            .bytes("welcome", row.welcome.as_slice())
            .end()
    }));
    lines
}
