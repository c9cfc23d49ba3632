//! The sync socket without a network: frames in, frames out, rows read from the cursor on.

use sotto_backend::{Backend, Backlog, Caller, RequestContext, SessionToken, Subscription};
use sotto_protocol::frames::{ClientFrame, Cursor, Refusal, ServerFrame};
use sotto_protocol::{ErrorCode, Millis, codec, limits};

use crate::host::context;

pub(crate) struct Socket {
    caller: Caller,
    subscription: Subscription,
    backlog: Backlog,
    out: Vec<ServerFrame>,
    greeted: bool,
}

impl Socket {
    pub(crate) async fn open(backend: &Backend, context: &RequestContext, token: Option<&SessionToken>) -> Option<Self> {
        let caller = backend.authenticate(context, token?).await.ok()?;
        let subscription = backend.subscribe(&caller).ok()?;
        Some(Self { caller, subscription, backlog: Backlog::default(), out: Vec::new(), greeted: false })
    }

    /// A frame from the client.
    pub(crate) async fn receive(&mut self, backend: &Backend, now: Millis, bytes: &[u8]) {
        match codec::decode(bytes, limits::SYNC_FRAME) {
            Ok(frame) => {
                if let Err(code) = self.answer(backend, now, frame).await {
                    self.out.push(ServerFrame::Error { code });
                }
            }
            Err(code) => self.out.push(ServerFrame::Error { code }),
        }
    }

    async fn answer(&mut self, backend: &Backend, now: Millis, frame: ClientFrame) -> Result<(), ErrorCode> {
        let context = context(now);
        match frame {
            ClientFrame::Hello { device, cursors, window, .. } => {
                // The binding may be newer than the connection.
                self.caller = backend.check_session(&context, &self.caller).await.map_err(|error| error.code)?;
                if self.caller.device != Some(device) {
                    self.out.push(ServerFrame::Bye { code: ErrorCode::DeviceUnknown });
                    return Ok(());
                }
                let heads = backend.heads(&self.caller).await.map_err(|error| error.code)?;
                let stock = backend.count_key_packages(&context, &self.caller).await.map_err(|error| error.code)?;
                self.out.push(ServerFrame::Ready { now, key_packages: stock.one_time, heads, held: stock.held, window });
                let welcomes = backend.welcomes(&self.caller).await.map_err(|error| error.code)?;
                self.out.push(ServerFrame::Welcomes { welcomes });
                cursors.into_iter().for_each(|cursor| self.join(cursor));
                self.backlog.begin(window);
                self.greeted = true;
            }
            ClientFrame::Publish { messages } => {
                let mut acks = Vec::new();
                let mut refusals = Vec::new();
                let named: Vec<_> = messages.iter().map(|message| (message.room, message.idempotency)).collect();
                match backend.publish(&context, &self.caller, messages).await {
                    Ok(answers) => {
                        for answer in answers {
                            match answer {
                                Ok(ack) => acks.push(ack),
                                Err(refusal) => refusals.push(refusal),
                            }
                        }
                    }
                    Err(error) => refusals.extend(named.into_iter().map(|(room, idempotency)| Refusal {
                        room,
                        idempotency,
                        code: error.code,
                        epoch: error.epoch,
                    })),
                }
                self.out.push(ServerFrame::Acks { acks });
                self.out.push(ServerFrame::Refusals { refusals });
            }
            ClientFrame::Join { cursor } => self.join(cursor),
            ClientFrame::WelcomeDone { room, epoch } => {
                backend.welcome_done(&self.caller, room, epoch).await.map_err(|error| error.code)?;
            }
            ClientFrame::Took { bytes, next } => self.backlog.took(bytes, next),
            ClientFrame::Ping { nonce } => self.out.push(ServerFrame::Pong { nonce }),
        }
        Ok(())
    }

    fn join(&mut self, cursor: Cursor) {
        self.subscription.watch(cursor.room);
        self.backlog.join(cursor);
    }

    /// Somebody on the way has kept entries back.
    pub(crate) fn took(&mut self, bytes: u64) {
        self.backlog.took(bytes, None);
    }

    async fn deliver(&mut self, backend: &Backend) {
        while self.backlog.is_due() {
            match self.backlog.next(backend, &self.caller).await {
                Ok(frames) => self.out.extend(frames),
                Err(error) => {
                    self.out.push(ServerFrame::Error { code: error.code });
                    // Nothing can be read now: the next look tries again.
                    if error.retry_after.is_some() {
                        return;
                    }
                }
            }
        }
    }

    /// Everything that the server has to say now, encoded.
    pub(crate) async fn poll(&mut self, backend: &Backend) -> Vec<Vec<u8>> {
        self.frames(backend).await.iter().map(codec::encode).collect()
    }

    /// Everything that the server has to say now.
    pub(crate) async fn frames(&mut self, backend: &Backend) -> Vec<ServerFrame> {
        // One look without waiting: the bus is in this process.
        if self.greeted {
            let wake = {
                let changed = std::pin::pin!(self.subscription.changed());
                poll_once(changed).await
            };
            if let Some(wake) = wake {
                wake.rooms.into_iter().for_each(|room| self.backlog.mark(room));
                if wake.welcomes
                    && let Ok(welcomes) = backend.welcomes(&self.caller).await
                {
                    self.out.push(ServerFrame::Welcomes { welcomes });
                }
                if let Some(left) = wake.key_packages {
                    self.out.push(ServerFrame::KeyPackages { left });
                }
                if wake.devices {
                    self.out.push(ServerFrame::Devices);
                }
                if wake.asks {
                    self.out.push(ServerFrame::Asks);
                }
                if wake.heads
                    && let Ok(heads) = backend.heads(&self.caller).await
                {
                    self.out.push(ServerFrame::Rooms { heads });
                }
                if let Some(code) = wake.ended {
                    self.out.push(ServerFrame::Bye { code });
                }
            }
            self.deliver(backend).await;
        }
        std::mem::take(&mut self.out)
    }
}

async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}
