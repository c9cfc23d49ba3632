//! Runs the engine of the tab that leads: one step at a time, effects carried out strictly in order, answers coming back as inputs.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use sotto_client::Engine;
use sotto_client::io::{Effect, Input};
use sotto_client::tabs::Term;
use wasm_bindgen_futures::spawn_local;

use crate::alarm::Alarm;
use crate::socket::Socket;
use crate::storage::{Job, Storage};
use crate::tab::Tab;
use crate::{http, scope};

/// The engine and everything outside of it.
pub(crate) struct Host {
    tab: Weak<Tab>,
    term: Term,
    /// Another tab leads: nothing that comes late reaches the engine any more, and nothing of it gets out.
    stopped: Cell<bool>,
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
    /// A host with a fresh engine, for a term that has begun in `storage`.
    pub(crate) fn new(tab: Weak<Tab>, storage: Storage, term: Term) -> Rc<Self> {
        Rc::new_cyclic(|host| Self {
            tab,
            term,
            stopped: Cell::new(false),
            engine: RefCell::new(Engine::new(scope::nfkc)),
            inputs: RefCell::default(),
            stepping: Cell::new(false),
            storage,
            jobs: RefCell::default(),
            storing: Cell::new(false),
            socket: RefCell::new(None),
            alarm: Alarm::new(host.clone()),
        })
    }

    /// Lets the engine take an input. An input that comes up while effects are carried out waits for the next step.
    pub(crate) fn deliver(self: &Rc<Self>, input: Input) {
        if self.stopped.get() {
            return;
        }
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

    /// Ends for good what goes on here.
    pub(crate) fn stop(&self) {
        self.stopped.set(true);
        self.inputs.borrow_mut().clear();
        self.jobs.borrow_mut().clear();
        drop(self.socket.take());
        self.storage.close();
        // What it holds open must not stay in memory. A step that goes on has it, and is the last.
        if let Ok(mut engine) = self.engine.try_borrow_mut() {
            *engine = Engine::new(scope::nfkc);
        }
    }

    /// The socket of now has closed.
    pub(crate) fn socket_closed(self: &Rc<Self>) {
        drop(self.socket.take());
        self.deliver(Input::SocketClosed);
    }

    fn carry_out(self: &Rc<Self>, effect: Effect) {
        if self.stopped.get() {
            return;
        }
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
            Effect::Emit(message) => {
                if let Some(tab) = self.tab.upgrade() {
                    tab.emitted(message);
                }
            }
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
                if host.storage.is_superseded() {
                    return host.tab.upgrade().into_iter().for_each(|tab| tab.superseded(host.term));
                }
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
