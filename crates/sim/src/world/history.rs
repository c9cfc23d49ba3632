//! How frames and requests are told in a history: short, with the first four digits of a room.

use sotto_protocol::frames::{ClientFrame, Cursor, ServerFrame};
use sotto_protocol::{RoomId, codec, limits};

pub(super) fn short(room: RoomId) -> String {
    room.to_string().chars().take(4).collect()
}

fn cursors(cursors: &[Cursor]) -> String {
    cursors.iter().map(|cursor| format!("{}:{}", short(cursor.room), cursor.seq)).collect::<Vec<_>>().join(" ")
}

/// A client's frame; `None` for what says nothing.
pub(super) fn said(bytes: &[u8]) -> Option<String> {
    Some(match codec::decode(bytes, limits::SYNC_FRAME).ok()? {
        ClientFrame::Hello { cursors: from, .. } => format!("hello {}", cursors(&from)),
        ClientFrame::Publish { messages } => {
            let told = messages.iter().map(|message| format!("{}@{}", short(message.room), message.epoch));
            format!("publish {}", told.collect::<Vec<_>>().join(" "))
        }
        ClientFrame::Join { cursor } => format!("join {}", cursors(&[cursor])),
        ClientFrame::WelcomeDone { room, epoch } => format!("welcome done {}@{epoch}", short(room)),
        ClientFrame::Took { .. } | ClientFrame::Ping { .. } => return None,
    })
}

/// A server's frame; `None` for what says nothing.
pub(super) fn heard(bytes: &[u8]) -> Option<String> {
    Some(match codec::decode(bytes, limits::SYNC_FRAME).ok()? {
        ServerFrame::Ready { heads, .. } => format!("ready {}", cursors(&heads)),
        ServerFrame::Deliver { entries } => {
            let told = entries.iter().map(|entry| format!("{}:{} {:?}@{}", short(entry.room), entry.seq, entry.kind, entry.epoch));
            told.collect::<Vec<_>>().join(", ")
        }
        ServerFrame::CaughtUp => "caught up".into(),
        ServerFrame::Devices => "devices".into(),
        ServerFrame::Asks => "asks".into(),
        ServerFrame::Rooms { heads } => format!("rooms {}", cursors(&heads)),
        ServerFrame::Acks { acks } if acks.is_empty() => return None,
        ServerFrame::Acks { acks } => {
            let told = acks.iter().map(|ack| format!("{}:{}", short(ack.room), ack.seq));
            format!("acks {}", told.collect::<Vec<_>>().join(" "))
        }
        ServerFrame::Refusals { refusals } if refusals.is_empty() => return None,
        ServerFrame::Refusals { refusals } => {
            let told = refusals.iter().map(|refusal| format!("{} {:?}", short(refusal.room), refusal.code));
            format!("refusals {}", told.collect::<Vec<_>>().join(" "))
        }
        ServerFrame::Welcomes { welcomes } => {
            let told = welcomes.iter().map(|welcome| format!("{}:{}@{}", short(welcome.room), welcome.seq, welcome.epoch));
            format!("welcomes {}", told.collect::<Vec<_>>().join(" "))
        }
        ServerFrame::Lost { upto } => format!("lost {}", cursors(&[upto])),
        ServerFrame::Error { code } => format!("error {code:?}"),
        ServerFrame::Bye { code } => format!("bye {code:?}"),
        ServerFrame::KeyPackages { left } => format!("{left} key packages left"),
        ServerFrame::Pong { .. } => return None,
    })
}

/// A path with its room shortened.
pub(super) fn path(path: &str) -> String {
    path.split('/').map(|part| if part.len() == 32 { &part[..4] } else { part }).collect::<Vec<_>>().join("/")
}
