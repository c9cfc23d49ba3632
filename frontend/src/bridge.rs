//! The engine's worker: commands out with an id, replies back to the future that waits for the id, updates to the state.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use js_sys::{Promise, Uint8Array};
use leptos::__reexports::send_wrapper::SendWrapper;
use sotto_app::ClientState;
use sotto_app::handle::{Answer, Client};
use sotto_client_api::protocol::ErrorCode;
use sotto_client_api::{Command, FromWorker, Reply, ToWorker, wire};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{MessageEvent, Worker, WorkerOptions, WorkerType};

/// Where the answer to a command goes.
struct Waiting {
    /// Ends the wait.
    wake: js_sys::Function,
    /// Filled before waking.
    answer: Rc<RefCell<Option<Result<Reply, ErrorCode>>>>,
}

struct Shared {
    worker: Option<Worker>,
    state: ClientState,
    next_id: Cell<u32>,
    waiting: RefCell<HashMap<u32, Waiting>>,
    /// Why nothing works, once the worker has failed.
    failed: Cell<Option<ErrorCode>>,
}

/// The page's side of the worker.
pub(crate) struct Bridge(SendWrapper<Rc<Shared>>);

impl Bridge {
    /// Starts the worker. A browser that can't, and a module that does not load, end in [`ClientState::set_broken`].
    pub(crate) fn start(url: &str, state: ClientState) -> Self {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(url, &options).ok();
        let shared = Rc::new(Shared { worker, state, next_id: Cell::new(0), waiting: RefCell::default(), failed: Cell::new(None) });
        match &shared.worker {
            Some(worker) => listen(worker, &shared),
            None => shared.fail(ErrorCode::Unsupported),
        }
        Self(SendWrapper::new(shared))
    }
}

impl Client for Bridge {
    fn call(&self, command: Command) -> Answer {
        // At once, not at the first poll: a command is on its way even if nobody waits for its reply.
        let sent = self.0.send(command);
        Box::pin(async move {
            let (promise, answer) = sent?;
            // The promise is only ever resolved.
            let _resolved = JsFuture::from(promise).await;
            let answer = answer.borrow_mut().take();
            answer.unwrap_or(Err(ErrorCode::NotReady))
        })
    }
}

type Sent = (Promise, Rc<RefCell<Option<Result<Reply, ErrorCode>>>>);

impl Shared {
    fn send(&self, command: Command) -> Result<Sent, ErrorCode> {
        if let Some(code) = self.failed.get() {
            return Err(code);
        }
        let id = self.next_id.get();
        self.next_id.set(id.wrapping_add(1));
        let bytes = wire::encode(&ToWorker { id, command })?;
        let worker = self.worker.as_ref().ok_or(ErrorCode::Unsupported)?;
        let answer = Rc::new(RefCell::new(None));
        let promise = Promise::new(&mut |wake, _reject| {
            self.waiting.borrow_mut().insert(id, Waiting { wake, answer: answer.clone() });
        });
        // Messages that are posted before the worker's module has loaded wait in its queue.
        if worker.post_message(&Uint8Array::from(bytes.as_slice())).is_err() {
            self.waiting.borrow_mut().remove(&id);
            return Err(ErrorCode::Unsupported);
        }
        Ok((promise, answer))
    }

    fn receive(&self, data: &JsValue) {
        let message = data.dyn_ref::<Uint8Array>().and_then(|bytes| wire::decode(&bytes.to_vec()).ok());
        match message {
            Some(FromWorker::Reply { id, result }) => {
                let waiting = self.waiting.borrow_mut().remove(&id);
                if let Some(waiting) = waiting {
                    waiting.finish(result);
                }
            }
            Some(FromWorker::Update(update)) => self.state.apply(update),
            // The worker's script reports in another form that its module did not load.
            None => self.fail(ErrorCode::Unavailable),
        }
    }

    fn fail(&self, code: ErrorCode) {
        self.failed.set(Some(code));
        let waiting: Vec<Waiting> = self.waiting.borrow_mut().drain().map(|(_, waiting)| waiting).collect();
        for waiting in waiting {
            waiting.finish(Err(code));
        }
        self.state.set_broken(code);
    }
}

impl Waiting {
    fn finish(self, result: Result<Reply, ErrorCode>) {
        *self.answer.borrow_mut() = Some(result);
        // A resolve function of a promise throws nothing.
        let _returned = self.wake.call0(&JsValue::UNDEFINED);
    }
}

fn listen(worker: &Worker, shared: &Rc<Shared>) {
    let on_message = {
        let shared = shared.clone();
        Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| shared.receive(&event.data()))
    };
    worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    let on_error = {
        let shared = shared.clone();
        Closure::<dyn Fn(JsValue)>::new(move |_| shared.fail(ErrorCode::Unavailable))
    };
    worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
    // The worker lives as long as the page.
    on_message.forget();
    on_error.forget();
}
