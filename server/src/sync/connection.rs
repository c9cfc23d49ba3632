//! The loop of one sync connection: reads frames at a pace, answers publishes when they are durable, delivers rows as the socket
//! drains, and ends with the session, the device, the peer's silence or the server.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use sotto_backend::{Backlog, Caller, RequestContext, ServiceError, Subscription, Wake};
use sotto_protocol::frames::{ClientFrame, Cursor, Publish, ServerFrame, VERSION};
use sotto_protocol::{DeviceId, ErrorCode, codec, limits};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::pace::Pace;
use crate::request::now;
use crate::state::AppState;

/// `Hello` must come within this time.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// How often the peer's life and the session's are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// A peer that was silent for so long (it answers our pings) is gone.
const SILENCE: Duration = Duration::from_secs(90);
/// A frame that can't be handed to the network within this time: the peer does not read.
const SEND_WITHIN: Duration = Duration::from_secs(30);
/// Frames that don't decode before the connection is closed.
const MAX_BAD_FRAMES: u32 = 3;

/// WebSocket close codes (RFC 6455 §7.4.1).
mod close {
    pub(super) const NORMAL: u16 = 1000;
    pub(super) const POLICY: u16 = 1008;
    pub(super) const TOO_BIG: u16 = 1009;
}

/// How a connection ends.
enum End {
    /// The peer closed or the network broke: nobody hears a farewell.
    Gone,
    /// With `Bye` and a normal close.
    Bye(ErrorCode),
    /// With a close code of the WebSocket's own.
    Close(u16),
}

impl From<ServiceError> for End {
    fn from(error: ServiceError) -> Self {
        Self::Bye(error.code)
    }
}

/// Serves the connection until it ends.
pub(super) async fn run(app: AppState, context: RequestContext, caller: Caller, socket: WebSocket) {
    let started = Instant::now();
    let lifetime = Duration::from_millis(caller.expires_at.saturating_sub(context.now));
    let mut connection = Connection {
        pace: Pace::new(app.socket_limits.frames, started),
        expires: started + lifetime,
        heard: started,
        bad_frames: 0,
        wake: Wake::default(),
        app,
        context,
        caller,
        socket,
    };
    let end = match connection.serve().await {
        Ok(never) => match never {},
        Err(end) => end,
    };
    connection.finish(end).await;
}

/// `serve` returns only by an [`End`].
enum Never {}

struct Connection {
    app: AppState,
    context: RequestContext,
    caller: Caller,
    socket: WebSocket,
    pace: Pace,
    /// The session's absolute end, which no activity moves.
    expires: Instant,
    heard: Instant,
    bad_frames: u32,
    /// What woke us while a send was under way.
    wake: Wake,
}

/// After `Hello`.
struct Session {
    subscription: Subscription,
    backlog: Backlog,
}

impl Connection {
    async fn serve(&mut self) -> Result<Never, End> {
        let Ok(hello) = timeout(HELLO_WITHIN, self.hello()).await else { return Err(End::Close(close::POLICY)) };
        let mut session = hello?;
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stopping = self.app.stopping.clone();
        loop {
            if self.wake != Wake::default() {
                let wake = std::mem::take(&mut self.wake);
                self.woken(wake, &mut session).await?;
                continue;
            }
            let now = Instant::now();
            let (ready_at, due) = (self.pace.ready_at(), session.backlog.is_due());
            tokio::select! {
                biased;
                () = stopping.cancelled() => return Err(End::Bye(ErrorCode::Unavailable)),
                () = sleep_until(self.expires) => return Err(End::Bye(ErrorCode::SignedOut)),
                wake = session.subscription.changed() => self.woken(wake, &mut session).await?,
                _ = look.tick() => self.look().await?,
                message = self.socket.recv(), if ready_at <= now => {
                    if let Some(frame) = self.received(message).await? {
                        self.answer(frame, &mut session).await?;
                    }
                }
                () = sleep_until(ready_at), if ready_at > now => {}
                () = std::future::ready(()), if due => self.deliver(&mut session).await?,
            }
        }
    }

    /// Waits for `Hello` and answers it.
    async fn hello(&mut self) -> Result<Session, End> {
        loop {
            let stopping = self.app.stopping.clone();
            let message = tokio::select! {
                () = stopping.cancelled() => return Err(End::Bye(ErrorCode::Unavailable)),
                message = self.socket.recv() => message,
            };
            match self.received(message).await? {
                Some(ClientFrame::Hello { version, device, cursors, window }) => {
                    return self.begin(version, device, cursors, window).await;
                }
                Some(_) => self.refuse(ErrorCode::NotReady).await?,
                None => {}
            }
        }
    }

    async fn begin(&mut self, version: u32, device: DeviceId, cursors: Vec<Cursor>, window: u64) -> Result<Session, End> {
        if version != VERSION {
            return Err(End::Bye(ErrorCode::Unsupported));
        }
        if cursors.len() > limits::ROOMS {
            return Err(End::Bye(ErrorCode::TooLarge));
        }
        // The binding may be newer than the upgrade; subscribing first means that no later change is missed.
        self.caller = self.check_session().await?;
        if self.caller.device != Some(device) {
            return Err(End::Bye(ErrorCode::DeviceUnknown));
        }
        let backend = self.app.backend.clone();
        let subscription = backend.subscribe(&self.caller)?;
        self.caller = self.check_session().await?;
        let mut session = Session { subscription, backlog: Backlog::default() };
        let stock = backend.count_key_packages(&self.context, &self.caller).await?;
        let heads = backend.heads(&self.caller).await?;
        for cursor in cursors {
            join(cursor, &mut session);
        }
        session.backlog.begin(window);
        let ready = ServerFrame::Ready { now: now(), key_packages: stock.one_time, heads, held: stock.held, window };
        self.send(ready, Some(&session.subscription)).await?;
        self.send_welcomes(&mut session).await?;
        Ok(session)
    }

    /// One message of the socket: a frame, or nothing to do.
    async fn received(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<Option<ClientFrame>, End> {
        let instant = Instant::now();
        self.heard = instant;
        self.pace.count(1, instant);
        let bytes = match message {
            None | Some(Ok(Message::Close(_))) => return Err(End::Gone),
            Some(Err(error)) => return Err(if is_too_big(error) { End::Close(close::TOO_BIG) } else { End::Gone }),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(None),
            Some(Ok(message)) if length(&message) > limits::SYNC_FRAME => return Err(End::Close(close::TOO_BIG)),
            Some(Ok(Message::Text(_))) => {
                self.refuse(ErrorCode::Malformed).await?;
                return Ok(None);
            }
            Some(Ok(Message::Binary(bytes))) => bytes,
        };
        match codec::decode::<ClientFrame>(&bytes, limits::SYNC_FRAME) {
            Ok(frame) => Ok(Some(frame)),
            Err(_) if is_unknown_kind(&bytes) => {
                self.refuse(ErrorCode::UnknownKind).await?;
                Ok(None)
            }
            Err(code) => {
                self.refuse(code).await?;
                Ok(None)
            }
        }
    }

    /// A frame that is refused as a whole. A peer that goes on like that is not one of ours.
    async fn refuse(&mut self, code: ErrorCode) -> Result<(), End> {
        self.send(ServerFrame::Error { code }, None).await?;
        self.bad_frames += 1;
        if self.bad_frames >= MAX_BAD_FRAMES {
            return Err(End::Close(close::POLICY));
        }
        Ok(())
    }

    async fn answer(&mut self, frame: ClientFrame, session: &mut Session) -> Result<(), End> {
        self.context.now = now();
        match frame {
            ClientFrame::Hello { .. } => self.refuse(ErrorCode::Malformed).await,
            ClientFrame::Publish { messages } => self.publish(messages, session).await,
            ClientFrame::Join { cursor } => {
                if join(cursor, session) {
                    return Ok(());
                }
                self.send(ServerFrame::Error { code: ErrorCode::TooLarge }, Some(&session.subscription)).await
            }
            ClientFrame::WelcomeDone { room, epoch } => {
                session.backlog.welcome_done(room, epoch);
                match self.app.backend.welcome_done(&self.caller, room, epoch).await {
                    Ok(()) => Ok(()),
                    Err(error) => self.send(ServerFrame::Error { code: error.code }, Some(&session.subscription)).await,
                }
            }
            ClientFrame::Took { bytes, next } => {
                session.backlog.took(bytes, next);
                Ok(())
            }
            ClientFrame::Ping { nonce } => self.send(ServerFrame::Pong { nonce }, Some(&session.subscription)).await,
        }
    }

    /// Appends messages; what is acked is durable (the backend returns only then).
    async fn publish(&mut self, messages: Vec<Publish>, session: &mut Session) -> Result<(), End> {
        self.pace.count(messages.len(), Instant::now());
        let named: Vec<_> = messages.iter().map(|message| (message.room, message.idempotency)).collect();
        let (mut acks, mut refusals) = (Vec::new(), Vec::new());
        match self.app.backend.publish(&self.context, &self.caller, messages).await {
            Ok(answers) => {
                for answer in answers {
                    match answer {
                        Ok(ack) => acks.push(ack),
                        Err(refusal) => refusals.push(refusal),
                    }
                }
            }
            Err(error) if matches!(error.code, ErrorCode::SignedOut | ErrorCode::DeviceUnknown) => return Err(error.into()),
            Err(error) => refusals.extend(named.into_iter().map(|(room, idempotency)| sotto_protocol::frames::Refusal {
                room,
                idempotency,
                code: error.code,
                epoch: error.epoch,
            })),
        }
        if !acks.is_empty() {
            self.send(ServerFrame::Acks { acks }, Some(&session.subscription)).await?;
        }
        if !refusals.is_empty() {
            self.send(ServerFrame::Refusals { refusals }, Some(&session.subscription)).await?;
        }
        Ok(())
    }

    async fn woken(&mut self, wake: Wake, session: &mut Session) -> Result<(), End> {
        if let Some(code) = wake.ended {
            return Err(End::Bye(code));
        }
        for room in wake.rooms {
            session.backlog.mark(room);
        }
        if wake.welcomes {
            self.send_welcomes(session).await?;
        }
        if let Some(left) = wake.key_packages {
            self.send(ServerFrame::KeyPackages { left }, Some(&session.subscription)).await?;
        }
        if wake.devices {
            self.send(ServerFrame::Devices, Some(&session.subscription)).await?;
        }
        if wake.asks {
            self.send(ServerFrame::Asks, Some(&session.subscription)).await?;
        }
        if wake.heads {
            let heads = self.app.backend.heads(&self.caller).await?;
            self.send(ServerFrame::Rooms { heads }, Some(&session.subscription)).await?;
        }
        Ok(())
    }

    async fn send_welcomes(&mut self, session: &mut Session) -> Result<(), End> {
        let welcomes = self.app.backend.welcomes(&self.caller).await?;
        for frame in session.backlog.new_welcomes(welcomes) {
            self.send(frame, Some(&session.subscription)).await?;
        }
        Ok(())
    }

    async fn deliver(&mut self, session: &mut Session) -> Result<(), End> {
        match session.backlog.next(&self.app.backend, &self.caller).await {
            Ok(frames) => {
                for frame in frames {
                    self.send(frame, Some(&session.subscription)).await?;
                }
                Ok(())
            }
            Err(error) if error.retry_after.is_some() => Err(error.into()),
            Err(error) => self.send(ServerFrame::Error { code: error.code }, Some(&session.subscription)).await,
        }
    }

    /// Pings, and asks whether peer and session are still alive.
    async fn look(&mut self) -> Result<(), End> {
        if self.heard.elapsed() > SILENCE {
            return Err(End::Gone);
        }
        self.caller = self.check_session().await?;
        self.transmit(Message::Ping(axum::body::Bytes::new()), None).await
    }

    async fn check_session(&mut self) -> Result<Caller, End> {
        self.context.now = now();
        Ok(self.app.backend.check_session(&self.context, &self.caller).await?)
    }

    async fn send(&mut self, frame: ServerFrame, wakes: Option<&Subscription>) -> Result<(), End> {
        self.transmit(Message::Binary(codec::encode(&frame).into()), wakes).await
    }

    /// Sends one message. A peer that does not read must not keep an ended session's socket open, so wake-ups are heard
    /// meanwhile; all but the end are kept for later.
    async fn transmit(&mut self, message: Message, wakes: Option<&Subscription>) -> Result<(), End> {
        let sending = self.socket.send(message);
        tokio::pin!(sending);
        let deadline = (Instant::now() + SEND_WITHIN).min(self.expires);
        loop {
            let changed = async {
                match wakes {
                    Some(subscription) => subscription.changed().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                sent = &mut sending => return sent.map_err(|_| End::Gone),
                wake = changed => {
                    if wake.ended.is_some() {
                        return Err(End::Gone);
                    }
                    merge(&mut self.wake, wake);
                }
                () = sleep_until(deadline) => return Err(End::Gone),
            }
        }
    }

    /// Says why and closes. Given a moment only: the peer may not read.
    async fn finish(mut self, end: End) {
        let (code, farewell) = match end {
            End::Gone => return,
            End::Bye(code) => (close::NORMAL, Some(ServerFrame::Bye { code })),
            End::Close(code) => (code, None),
        };
        let goodbye = async {
            if let Some(frame) = farewell {
                self.socket.send(Message::Binary(codec::encode(&frame).into())).await?;
            }
            self.socket.send(Message::Close(Some(CloseFrame { code, reason: "".into() }))).await?;
            // The peer's answer; leaving before it would reset the connection and could take the farewell with it.
            while let Some(Ok(_)) = self.socket.recv().await {}
            Ok::<(), axum::Error>(())
        };
        // Whether the peer heard it changes nothing.
        let _ = timeout(Duration::from_secs(2), goodbye).await;
    }
}

fn join(cursor: Cursor, session: &mut Session) -> bool {
    // Watching comes before reading: what is appended in between wakes us.
    let watched = session.subscription.watch(cursor.room);
    if watched {
        session.backlog.join(cursor);
    }
    watched
}

fn merge(into: &mut Wake, wake: Wake) {
    into.rooms.extend(wake.rooms);
    into.welcomes |= wake.welcomes;
    into.key_packages = wake.key_packages.or(into.key_packages);
}

fn length(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) => bytes.len(),
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) => 0,
    }
}

fn is_too_big(error: axum::Error) -> bool {
    matches!(error.into_inner().downcast_ref(), Some(tungstenite::Error::Capacity(_)))
}

/// Whether the bytes have the shape of a frame (`[kind, fields]`) of a kind that we don't know.
fn is_unknown_kind(bytes: &[u8]) -> bool {
    const LAST_KIND: u32 = 5;
    let mut decoder = minicbor::Decoder::new(bytes);
    matches!(decoder.array(), Ok(Some(2))) && decoder.u32().is_ok_and(|kind| kind > LAST_KIND)
}
