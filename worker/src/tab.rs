//! This tab among the tabs of its browser profile: it leads with the engine, follows whoever leads, or searches.
//!
//! The lock [`locks::ENGINE`] elects: every tab waits in its queue, and whoever gets it leads, also when the tab before has crashed. A
//! leader that does not answer (the browser froze its tab) loses the lock by [`How::Steal`]; should it wake, the database refuses what
//! it writes (`storage`), and it becomes a follower.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use sotto_client::io::Input;
use sotto_client::tabs::{Desk, TabId, Talk, Term, View};
use sotto_client_api::views::Phase;
use sotto_client_api::{Command, FromWorker, ToWorker, Update};
use wasm_bindgen_futures::spawn_local;
use web_sys::AbortController;

use crate::channel::{Channel, Heard};
use crate::host::Host;
use crate::locks::{self, Held, How};
use crate::page;
use crate::scope::{now, sleep};
use crate::storage::Storage;

/// A search that takes longer is explained to the person. After a reload, the page's old worker has the lock for some milliseconds.
const EXPLAIN_AFTER_MS: i32 = 1_500;
/// A leader that says nothing for this long, although it was asked twice, is frozen. Longer than any single step of an engine that
/// runs: deriving a password takes seconds on a slow phone.
const SILENCE_MS: i32 = 5_000;

/// This tab.
pub(crate) struct Tab {
    id: TabId,
    view: RefCell<View>,
    role: RefCell<Role>,
    channel: RefCell<Option<Channel>>,
    /// Grows with every search: what an earlier one still waits for comes too late.
    search: Cell<u32>,
    /// Ends the wait for the lock.
    queued: RefCell<Option<AbortController>>,
    /// Whether the leader said something since this was reset.
    heard: Cell<bool>,
    /// Whether somebody looks at `heard`.
    watching: Cell<bool>,
    /// Whether a tab of another build leads: it lives, and can't be followed.
    foreign: Cell<bool>,
}

enum Role {
    Searching,
    Following(Term),
    Leading(Leading),
}

struct Leading {
    term: Term,
    host: Rc<Host>,
    desk: Desk,
    /// `None` in a browser that has no locks.
    lock: Option<Held>,
    /// Tabs that follow, each waited for until it is gone.
    followers: BTreeSet<TabId>,
}

impl Tab {
    /// Enters the tabs of this browser, and hears its page from now on.
    pub(crate) fn start() {
        let tab = Rc::new(Self {
            // Without randomness nothing works, and the engine says so.
            id: TabId::draw().unwrap_or_default(),
            view: RefCell::default(),
            role: RefCell::new(Role::Searching),
            channel: RefCell::new(None),
            search: Cell::new(0),
            queued: RefCell::new(None),
            heard: Cell::new(false),
            watching: Cell::new(false),
            foreign: Cell::new(false),
        });
        page::listen(Rc::clone(&tab));
        let hear = {
            let tab = Rc::clone(&tab);
            move |heard| match heard {
                Heard::Talk(talk) => tab.hear(*talk),
                Heard::ForeignQuestion => tab.hear(Talk::Who),
                Heard::Foreign => tab.foreign.set(true),
            }
        };
        tab.channel.replace(Channel::open(hear));
        spawn_local(async move {
            // For its whole life, and before anybody hears of it: whoever gets this lock after it knows that the tab is gone.
            let _held = locks::hold(&lock_of(tab.id), How::Wait).await;
            tab.search();
        });
    }

    /// The page asks.
    pub(crate) fn asked(self: &Rc<Self>, message: ToWorker) {
        let id = message.id;
        let take_over = matches!(message.command, Command::TakeOver) && matches!(*self.role.borrow(), Role::Searching);
        let asked = self.view.borrow_mut().asked(now(), message);
        match asked {
            Ok(message) => self.pass(message),
            Err(code) => page::post(&FromWorker::Reply { id, result: Err(code) }),
        }
        if take_over {
            self.take_over();
        }
    }

    /// The engine of this term says something.
    pub(crate) fn emitted(&self, message: FromWorker) {
        let told = match &mut *self.role.borrow_mut() {
            Role::Leading(leading) => {
                leading.desk.tell(message).map(|(to, message)| (leading.term, leading.followers.is_empty(), to, message))
            }
            _ => None,
        };
        let Some((term, alone, to, message)) = told else { return };
        if !alone && to != Some(self.id) {
            self.post(&Talk::Tell { term, to, message: message.clone() });
        }
        if to.is_none_or(|to| to == self.id) {
            self.tell_page(message);
        }
    }

    /// Another tab leads: the lock was stolen, or the database refused to write.
    pub(crate) fn superseded(self: &Rc<Self>, term: Term) {
        if self.leads(term) {
            self.step_down();
        }
    }

    fn hear(self: &Rc<Self>, talk: Talk) {
        match talk {
            Talk::Who => {
                if let Role::Leading(leading) = &*self.role.borrow() {
                    self.post(&Talk::Leads(leading.term));
                }
            }
            Talk::Leads(term) => self.leader_is(term),
            Talk::Ask { term, tab, message } => {
                if self.leads(term) {
                    self.wait_for_end(tab);
                    self.at_desk(tab, message);
                }
            }
            Talk::Tell { term, to, message } => {
                if matches!(*self.role.borrow(), Role::Following(leader) if leader == term) {
                    self.heard.set(true);
                    if to.is_none_or(|to| to == self.id) {
                        self.tell_page(message);
                    }
                }
            }
        }
    }

    fn leader_is(self: &Rc<Self>, term: Term) {
        let own = match &*self.role.borrow() {
            Role::Searching => None,
            Role::Following(leader) => Some((false, *leader)),
            Role::Leading(leading) => Some((true, leading.term)),
        };
        match own {
            // One that woke up and does not know yet.
            Some((true, own)) if term < own => self.post(&Talk::Leads(own)),
            Some((_, own)) if term < own => {}
            Some((false, own)) if term == own => self.heard.set(true),
            Some((true, _)) => {
                self.step_down();
                self.follow(term);
            }
            _ => self.follow(term),
        }
    }

    fn follow(self: &Rc<Self>, term: Term) {
        if !locks::are_there() {
            return self.refuse();
        }
        self.role.replace(Role::Following(term));
        let messages = self.view.borrow().attach();
        messages.into_iter().for_each(|message| self.pass(message));
    }

    /// A command goes to whoever leads. While nobody does, the view keeps it.
    fn pass(self: &Rc<Self>, message: ToWorker) {
        let leader = match &*self.role.borrow() {
            Role::Searching => return,
            Role::Following(term) => Some(*term),
            Role::Leading(_) => None,
        };
        match leader {
            Some(term) => {
                self.post(&Talk::Ask { term, tab: self.id, message });
                self.watch();
            }
            None => self.at_desk(self.id, message),
        }
    }

    fn at_desk(&self, tab: TabId, message: ToWorker) {
        self.give(|desk| desk.ask(tab, message));
    }

    /// Gives the engine what the desk has for it.
    fn give(&self, ask: impl FnOnce(&mut Desk) -> Vec<Input>) {
        let (host, inputs) = match &mut *self.role.borrow_mut() {
            Role::Leading(leading) => (Rc::clone(&leading.host), ask(&mut leading.desk)),
            _ => return,
        };
        inputs.into_iter().for_each(|input| host.deliver(input));
    }

    // Who leads.

    fn search(self: &Rc<Self>) {
        let search = self.begin_search();
        self.post(&Talk::Who);
        let has_channel = self.channel.borrow().is_some();
        if locks::are_there() {
            self.queue(search);
            let tab = Rc::clone(self);
            spawn_local(async move { tab.explain(search, has_channel).await });
            return;
        }
        let tab = Rc::clone(self);
        spawn_local(async move {
            if has_channel {
                // Without locks a tab that leads can only be heard, and two that begin at once are told apart by the database alone.
                sleep(EXPLAIN_AFTER_MS / 2).await;
            }
            if tab.searches(search) {
                if tab.foreign.get() { tab.refuse() } else { tab.lead(None).await }
            }
        });
    }

    fn begin_search(&self) -> u32 {
        if let Some(queued) = self.queued.take() {
            queued.abort();
        }
        self.role.replace(Role::Searching);
        self.foreign.set(false);
        self.search.set(self.search.get().wrapping_add(1));
        self.search.get()
    }

    fn searches(&self, search: u32) -> bool {
        self.search.get() == search && matches!(*self.role.borrow(), Role::Searching)
    }

    /// Waits for the lock, as long as it takes.
    fn queue(self: &Rc<Self>, search: u32) {
        let Ok(controller) = AbortController::new() else { return };
        let signal = controller.signal();
        self.queued.replace(Some(controller));
        let tab = Rc::clone(self);
        spawn_local(async move {
            let Ok(lock) = locks::hold(locks::ENGINE, How::WaitUnless(&signal)).await else { return };
            if tab.search.get() == search {
                tab.lead(Some(lock)).await;
            } else {
                lock.release();
            }
        });
    }

    /// A search that takes long is explained; one that takes too long has found a frozen leader.
    async fn explain(self: &Rc<Self>, search: u32, has_channel: bool) {
        sleep(EXPLAIN_AFTER_MS).await;
        if !self.searches(search) {
            return;
        }
        page::post(&FromWorker::Update(Update::Phase(Phase::OtherTab)));
        // Where tabs can't hear each other, nobody knows whether it lives: the person decides.
        if has_channel {
            self.post(&Talk::Who);
            sleep(2 * SILENCE_MS).await;
            if self.searches(search) && !self.foreign.get() {
                self.take_over();
            }
        }
    }

    /// A follower that waits for an answer looks whether its leader lives.
    fn watch(self: &Rc<Self>) {
        if self.watching.replace(true) {
            return;
        }
        let tab = Rc::clone(self);
        spawn_local(async move {
            while tab.hears_nothing().await {
                // Time may have stood still in this tab: what came meanwhile is heard before the second look.
                tab.post(&Talk::Who);
                if tab.hears_nothing().await {
                    tab.take_over();
                    break;
                }
            }
            tab.watching.set(false);
        });
    }

    /// Whether a follower that waits hears nothing for a while.
    async fn hears_nothing(&self) -> bool {
        loop {
            self.heard.set(false);
            sleep(SILENCE_MS).await;
            if !matches!(*self.role.borrow(), Role::Following(_)) || !self.view.borrow().waits() {
                return false;
            }
            if !self.heard.get() {
                return true;
            }
        }
    }

    fn take_over(self: &Rc<Self>) {
        let search = self.begin_search();
        let tab = Rc::clone(self);
        spawn_local(async move {
            if !locks::are_there() {
                return tab.lead(None).await;
            }
            let Ok(lock) = locks::hold(locks::ENGINE, How::Steal).await else { return };
            if tab.search.get() == search {
                tab.lead(Some(lock)).await;
            } else {
                lock.release();
            }
        });
    }

    async fn lead(self: &Rc<Self>, lock: Option<Held>) {
        let search = self.search.get();
        let storage = Storage::default();
        let term = storage.begin(now()).await;
        if self.search.get() != search {
            return lock.iter().for_each(Held::release);
        }
        let over = lock.as_ref().map(Held::over);
        let host = Host::new(Rc::downgrade(self), storage, term);
        self.role.replace(Role::Leading(Leading { term, host, desk: Desk::default(), lock, followers: BTreeSet::new() }));
        self.post(&Talk::Leads(term));
        let messages = self.view.borrow().attach();
        messages.into_iter().for_each(|message| self.at_desk(self.id, message));
        if let Some(over) = over {
            over.await;
            self.superseded(term);
        }
    }

    fn leads(&self, term: Term) -> bool {
        matches!(&*self.role.borrow(), Role::Leading(leading) if leading.term == term)
    }

    fn step_down(self: &Rc<Self>) {
        if let Role::Leading(leading) = self.role.replace(Role::Searching) {
            leading.host.stop();
            leading.lock.iter().for_each(Held::release);
        }
        if locks::are_there() { self.search() } else { self.refuse() }
    }

    /// Without locks there is one tab at a time.
    fn refuse(&self) {
        self.begin_search();
        page::post(&FromWorker::Update(Update::Phase(Phase::OtherTab)));
    }

    /// Waits until a follower is gone, and then closes what it showed.
    fn wait_for_end(self: &Rc<Self>, follower: TabId) {
        let new = match &mut *self.role.borrow_mut() {
            Role::Leading(leading) => leading.followers.insert(follower).then_some(leading.term),
            _ => None,
        };
        let Some(term) = new else { return };
        let tab = Rc::clone(self);
        spawn_local(async move {
            let Ok(lock) = locks::hold(&lock_of(follower), How::Wait).await else { return };
            lock.release();
            if tab.leads(term) {
                if let Role::Leading(leading) = &mut *tab.role.borrow_mut() {
                    leading.followers.remove(&follower);
                }
                tab.give(|desk| desk.gone(follower));
            }
        });
    }

    fn post(&self, talk: &Talk) {
        if let Some(channel) = &*self.channel.borrow() {
            channel.post(talk);
        }
    }

    fn tell_page(&self, message: FromWorker) {
        let told = self.view.borrow_mut().heard(message);
        if let Some(message) = told {
            page::post(&message);
        }
    }
}

/// Name of the lock that a tab holds for its whole life.
fn lock_of(tab: TabId) -> String {
    format!("sotto-tab-{tab}")
}
