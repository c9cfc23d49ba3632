//! A malicious server: it stands between the backend, which stays true, and one browser, and changes what it tells that browser.
//!
//! [`crate::Host::lies`] holds what it does. What it makes up from nothing goes through [`crate::Host::inject`].

use std::sync::{Arc, Mutex, PoisonError};

use sotto_protocol::api::{ClaimedKeyPackage, ClaimedKeyPackages, CommitAck, ErrorBody, RoomState};
use sotto_protocol::frames::{Entry, EntryKind, ServerFrame, Welcome};
use sotto_protocol::{Bytes, Epoch, IdempotencyId, RoomId, codec, limits};

type FrameLie = Box<dyn FnMut(ServerFrame) -> Vec<ServerFrame> + Send>;
type Answer = Result<Vec<u8>, ErrorBody>;
type AnswerLie = Box<dyn FnMut(&str, Answer) -> Answer + Send>;

/// What is done to frames and to answers on their way to the browser, in the order in which it was asked for.
#[derive(Default)]
pub struct Lies {
    frames: Vec<FrameLie>,
    answers: Vec<AnswerLie>,
}

impl Lies {
    /// Changes frames of the socket: one in, any number out.
    pub fn about_frames(&mut self, lie: impl FnMut(ServerFrame) -> Vec<ServerFrame> + Send + 'static) {
        self.frames.push(Box::new(lie));
    }

    /// Changes entries of the log; `None` withholds one.
    pub fn about_entries(&mut self, mut lie: impl FnMut(Entry) -> Option<Entry> + Send + 'static) {
        self.about_frames(move |frame| match frame {
            ServerFrame::Deliver { entries } => vec![ServerFrame::Deliver { entries: entries.into_iter().filter_map(&mut lie).collect() }],
            other => vec![other],
        });
    }

    /// Leaves entries of a room's log out and numbers those after them anew, so that no gap shows: `lie` says which. It answers for as
    /// long as the browser stays connected.
    pub fn drop_and_renumber(&mut self, mut lie: impl FnMut(&Entry) -> bool + Send + 'static) {
        let mut dropped = 0;
        self.about_entries(move |mut entry| {
            if lie(&entry) {
                dropped += 1;
                return None;
            }
            entry.seq -= dropped;
            Some(entry)
        });
    }

    /// Changes answers, refusals too; the lie gets the path of the request.
    pub fn about_answers(&mut self, lie: impl FnMut(&str, Result<Vec<u8>, ErrorBody>) -> Result<Vec<u8>, ErrorBody> + Send + 'static) {
        self.answers.push(Box::new(lie));
    }

    fn about_bodies(&mut self, mut lie: impl FnMut(&str, Vec<u8>) -> Vec<u8> + Send + 'static) {
        self.about_answers(move |path, answer| answer.map(|body| lie(path, body)));
    }

    /// Says of every commit that it was taken, at this place and with this epoch after it, whatever became of it.
    pub fn take_every_commit(&mut self, ack: CommitAck) {
        self.about_answers(move |path, answer| if path.ends_with("/commits") { Ok(codec::encode(&ack)) } else { answer });
    }

    /// Answers a claim with other key packages.
    pub fn swap_key_packages(&mut self, mut swap: impl FnMut(ClaimedKeyPackage) -> ClaimedKeyPackage + Send + 'static) {
        self.about_bodies(move |path, body| {
            let claimed = path.ends_with("key-packages/claim").then(|| codec::decode::<ClaimedKeyPackages>(&body, limits::API_BODY));
            let Some(Ok(mut claimed)) = claimed else { return body };
            claimed.packages = claimed.packages.into_iter().map(&mut swap).collect();
            codec::encode(&claimed)
        });
    }

    /// Answers the question for a room's state with another one.
    pub fn swap_room_state(&mut self, mut swap: impl FnMut(RoomState) -> RoomState + Send + 'static) {
        self.about_bodies(move |path, body| {
            let state = path.ends_with("/state").then(|| codec::decode::<RoomState>(&body, limits::COMMIT_BODY));
            let Some(Ok(state)) = state else { return body };
            codec::encode(&swap(state))
        });
    }

    /// Says every frame that brings something `times` times over.
    pub fn repeat(&mut self, times: usize) {
        self.about_frames(move |frame| match frame {
            ServerFrame::Deliver { .. } | ServerFrame::Welcomes { .. } | ServerFrame::Acks { .. } => vec![frame; times],
            other => vec![other],
        });
    }

    /// Writes down everything that the log and the Welcomes bring to this browser.
    pub fn record(&mut self) -> Record {
        let record = Record::default();
        let kept = record.clone();
        self.about_frames(move |frame| {
            let mut kept = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
            match &frame {
                ServerFrame::Deliver { entries } => kept.entries.extend_from_slice(entries),
                ServerFrame::Welcomes { welcomes } => kept.welcomes.extend_from_slice(welcomes),
                _ => {}
            }
            vec![frame]
        });
        record
    }

    /// Back to the truth.
    pub fn stop(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn tell(&mut self, frames: Vec<ServerFrame>) -> Vec<ServerFrame> {
        self.frames.iter_mut().fold(frames, |frames, lie| frames.into_iter().flat_map(lie).collect())
    }

    pub(crate) fn answer(&mut self, path: &str, answer: Answer) -> Answer {
        self.answers.iter_mut().fold(answer, |answer, lie| lie(path, answer))
    }
}

#[derive(Default)]
struct Kept {
    entries: Vec<Entry>,
    welcomes: Vec<Welcome>,
}

/// What went by.
#[derive(Clone, Default)]
pub struct Record(Arc<Mutex<Kept>>);

impl Record {
    /// Entries of a room in the order in which they went by.
    #[must_use]
    pub fn entries(&self, room: RoomId) -> Vec<Entry> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.entries.iter().filter(|entry| entry.room == room).cloned().collect()
    }

    /// Every Welcome.
    #[must_use]
    pub fn welcomes(&self) -> Vec<Welcome> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).welcomes.clone()
    }
}

/// An entry that never stood in the log: what comes `after` another one, in this epoch.
#[must_use]
pub fn made_up(after: &Entry, epoch: Epoch, kind: EntryKind, bytes: Bytes) -> Entry {
    Entry { seq: after.seq + 1, kind, epoch, bytes, idempotency: IdempotencyId([0xee; 16]), ..after.clone() }
}
