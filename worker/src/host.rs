//! Runs the engine: one step at a time, effects carried out strictly in order, answers coming back as inputs.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use sotto_client::Engine;
use sotto_client::io::{Effect, Input};
use wasm_bindgen_futures::spawn_local;

use crate::alarm::Alarm;
use crate::socket::Socket;
use crate::storage::{Job, Storage};
use crate::{http, page, scope};

/// The engine and everything outside of it.
pub(crate) struct Host {
    engine: RefCell<Engine>,
    inputs: RefCell<VecDeque<Input>>,
    stepping: Cell<bool>,
    storage: Storage,
    jobs: RefCell<VecDeque<Job>>,
    storing: Cell<bool>,
    socket: RefCell<Option<Socket>>,
    alarm: Alarm,
}

impl Host {
    /// A host with a fresh engine.
    pub(crate) fn new() -> Rc<Self> {
        Rc::new_cyclic(|host| Self {
            engine: RefCell::new(Engine::new(scope::nfkc)),
            inputs: RefCell::default(),
            stepping: Cell::new(false),
            storage: Storage::default(),
            jobs: RefCell::default(),
            storing: Cell::new(false),
            socket: RefCell::new(None),
            alarm: Alarm::new(host.clone()),
        })
    }

    /// Lets the engine take an input. An input that comes up while effects are carried out waits for the next step.
    pub(crate) fn deliver(self: &Rc<Self>, input: Input) {
        self.inputs.borrow_mut().push_back(input);
        if self.stepping.replace(true) {
            return;
        }
        while let Some(input) = self.next_input() {
            let effects = self.engine.borrow_mut().step(scope::now(), input);
            for effect in effects {
                self.carry_out(effect);
            }
        }
        self.stepping.set(false);
    }

    /// The socket of now has closed.
    pub(crate) fn socket_closed(self: &Rc<Self>) {
        drop(self.socket.take());
        self.deliver(Input::SocketClosed);
    }

    fn carry_out(self: &Rc<Self>, effect: Effect) {
        match effect {
            Effect::Open => self.store(Job::Open),
            Effect::Persist { id, batch } => self.store(Job::Persist { id, batch }),
            Effect::Load { id, store, from, to, newest } => self.store(Job::Load { id, store, from, to, newest }),
            Effect::Wipe => self.store(Job::Wipe),
            Effect::Connect => self.connect(),
            Effect::Disconnect => drop(self.socket.take()),
            Effect::Send(bytes) => self.send(&bytes),
            Effect::Request { id, method, path, body } => {
                let host = Rc::clone(self);
                spawn_local(async move {
                    let result = http::call(method, &path, &body).await;
                    host.deliver(Input::Response { id, result });
                });
            }
            Effect::Emit(message) => page::post(&message),
            Effect::WakeAt(at) => self.alarm.set(at),
        }
    }

    fn connect(self: &Rc<Self>) {
        // Closes the old one first: two sockets of one device would take each other's place at the server.
        drop(self.socket.take());
        match Socket::open(self) {
            Some(socket) => drop(self.socket.replace(Some(socket))),
            None => self.deliver(Input::SocketClosed),
        }
    }

    fn send(self: &Rc<Self>, bytes: &[u8]) {
        let sent = self.socket.borrow().as_ref().is_none_or(|socket| socket.send(bytes));
        if !sent {
            self.socket_closed();
        }
    }

    /// Storage effects run one after another, because wrapping a key takes time before its transaction can begin, and a
    /// later batch must not overtake it.
    fn store(self: &Rc<Self>, job: Job) {
        self.jobs.borrow_mut().push_back(job);
        if self.storing.replace(true) {
            return;
        }
        let host = Rc::clone(self);
        spawn_local(async move {
            while let Some(job) = host.next_job() {
                let answer = host.storage.run(job).await;
                host.deliver(answer);
            }
            host.storing.set(false);
        });
    }

    fn next_input(&self) -> Option<Input> {
        self.inputs.borrow_mut().pop_front()
    }

    fn next_job(&self) -> Option<Job> {
        self.jobs.borrow_mut().pop_front()
    }
}
