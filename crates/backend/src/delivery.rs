//! Messages: appended to the room's log once, read after a cursor by everybody in it.

use openmls::prelude::{ContentType, MlsMessageBodyIn, MlsMessageIn};
use sotto_protocol::api::StoredEntry;
use sotto_protocol::frames::{Ack, Cursor, Entry, Publish, Refusal, Welcome};
use sotto_protocol::{Bytes, Epoch, ErrorCode, RoomId, Seq, limits};
use tls_codec::Deserialize as _;

use crate::backend::Backend;
use crate::bus::{Address, Subscription};
use crate::context::{Caller, RequestContext};
use crate::error::ServiceError;
use crate::store::AppendRow;

impl Backend {
    /// Appends messages in order, and answers each. Returns when all acks are durable.
    ///
    /// # Errors
    /// `device_unknown` or `unavailable`: nothing happened to any of them.
    pub async fn publish(
        &self,
        ctx: &RequestContext,
        caller: &Caller,
        messages: Vec<Publish>,
    ) -> Result<Vec<Result<Ack, Refusal>>, ServiceError> {
        let device = caller.require_device()?;
        let ids: Vec<_> = messages.iter().map(|message| (message.room, message.idempotency)).collect();
        let row = |message: Publish| {
            let form = check_form(&message);
            AppendRow {
                room: message.room,
                epoch: message.epoch,
                account: caller.account,
                device,
                at: ctx.now,
                idempotency: message.idempotency,
                // What is refused for its form is not carried to the writer.
                bytes: if form.is_ok() { message.bytes } else { Bytes::default() },
                form,
            }
        };
        let answers = self.0.store.append(messages.into_iter().map(row).collect()).await?;
        let mut changed: Vec<RoomId> = ids.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()).map(|((room, _), _)| *room).collect();
        changed.sort_unstable();
        changed.dedup();
        changed.into_iter().for_each(|room| self.0.bus.room(room));
        let answer = |((room, idempotency), answer): (_, Result<(Seq, u64), ServiceError>)| match answer {
            Ok((seq, at)) => Ok(Ack { room, idempotency, seq, at }),
            Err(refused) => Err(Refusal { room, idempotency, code: refused.code, epoch: refused.epoch }),
        };
        Ok(ids.into_iter().zip(answers).map(answer).collect())
    }

    /// Entries of a room after a position: at most `max`, and at most about `max_bytes` but at least one where there is one.
    ///
    /// # Errors
    /// `not_found`, `unavailable`.
    pub async fn read_after(
        &self,
        caller: &Caller,
        room: RoomId,
        after: Seq,
        max: usize,
        max_bytes: usize,
    ) -> Result<Vec<Entry>, ServiceError> {
        let most = u32::try_from(max).unwrap_or(u32::MAX);
        let mut entries = self.0.store.read_after(caller.account, room, after, most).await?;
        if entries.is_empty() {
            // No entries, or no membership: only one of them is an answer.
            self.lost_upto(caller, room).await?;
        }
        let mut bytes = 0_usize;
        let fitting = entries.iter().take_while(|entry| {
            bytes = bytes.saturating_add(entry.bytes.0.len());
            bytes <= max_bytes
        });
        let fitting = fitting.count().max(1);
        entries.truncate(fitting);
        Ok(entries)
    }

    /// Newest position of a room that retention took; 0 for none.
    ///
    /// # Errors
    /// `not_found`, `unavailable`.
    pub async fn lost_upto(&self, caller: &Caller, room: RoomId) -> Result<Seq, ServiceError> {
        self.0.store.lost_upto(caller.account, room).await?.ok_or_else(|| ErrorCode::NotFound.into())
    }

    /// Newest position of every room of the account.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn heads(&self, caller: &Caller) -> Result<Vec<Cursor>, ServiceError> {
        Ok(self.0.store.heads(caller.account).await?)
    }

    /// Welcomes that wait for the session's device.
    ///
    /// # Errors
    /// `device_unknown`, `unavailable`.
    pub async fn welcomes(&self, caller: &Caller) -> Result<Vec<Welcome>, ServiceError> {
        Ok(self.0.store.welcomes(caller.account, caller.require_device()?, None).await?)
    }

    /// Drops the device's Welcomes of a room up to an epoch: used, or of no use.
    ///
    /// # Errors
    /// `device_unknown`, `unavailable`.
    pub async fn welcome_done(&self, caller: &Caller, room: RoomId, epoch: Epoch) -> Result<(), ServiceError> {
        Ok(self.0.store.welcome_done(caller.account, caller.require_device()?, room, epoch).await?)
    }

    /// The server's own row of an entry, for "what the server sees".
    ///
    /// # Errors
    /// `not_found` (not in the room), `gone`, `unavailable`.
    pub async fn entry(&self, caller: &Caller, room: RoomId, seq: Seq) -> Result<StoredEntry, ServiceError> {
        self.lost_upto(caller, room).await?;
        let (entry, sender_name) = self.0.store.find_entry(caller.account, room, seq).await?.ok_or(ErrorCode::Gone)?;
        let deleted_at = entry.at.saturating_add(self.retention_millis());
        Ok(StoredEntry { entry, sender_name, deleted_at })
    }

    /// Wake-ups for a socket of this session.
    ///
    /// # Errors
    /// `device_unknown`.
    pub fn subscribe(&self, caller: &Caller) -> Result<Subscription, ServiceError> {
        let device = caller.require_device()?;
        Ok(self.0.bus.subscribe(Address { account: caller.account, device, session: caller.session }))
    }
}

/// Whether the bytes are a private application message of the room and epoch that the envelope names. Nothing more can be known.
fn check_form(message: &Publish) -> Result<(), ErrorCode> {
    if message.bytes.0.len() > limits::MESSAGE {
        return Err(ErrorCode::TooLarge);
    }
    let parsed = MlsMessageIn::tls_deserialize_exact(message.bytes.as_slice()).map_err(|_| ErrorCode::Malformed)?;
    let private = match parsed.extract() {
        MlsMessageBodyIn::PrivateMessage(private) => private,
        MlsMessageBodyIn::PublicMessage(_) => return Err(ErrorCode::WrongSuite),
        _ => return Err(ErrorCode::Malformed),
    };
    if private.content_type() != ContentType::Application {
        return Err(ErrorCode::WrongSuite);
    }
    let named = private.group_id().as_slice() == message.room.as_bytes() && private.epoch().as_u64() == message.epoch;
    if named { Ok(()) } else { Err(ErrorCode::Malformed) }
}
