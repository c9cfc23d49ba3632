//! Tabs of one browser: the real `View`s and `Desk` before the real engine, and leaders that die. Only the browser's own part (locks,
//! the channel) is played here; `end2end/journeys/two-tabs.spec.ts` has that part.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod kit;

use std::collections::BTreeMap;

use kit::{World, settle};
use sotto_client::tabs::{Desk, TabId, View};
use sotto_client_api::views::{EntryBody, EntryView, Phase};
use sotto_client_api::{Command, FromWorker, Reply, ToWorker, Update};
use sotto_protocol::{ErrorCode, RoomId};
use sotto_sim::Host;

/// A page as far as a tab's worker sees it.
struct Page {
    tab: TabId,
    view: View,
    next: u32,
    replies: BTreeMap<u32, Result<Reply, ErrorCode>>,
    room: Option<RoomId>,
    lines: BTreeMap<String, EntryView>,
    phase: Phase,
}

impl Page {
    fn hear(&mut self, message: FromWorker) {
        match self.view.heard(message) {
            Some(FromWorker::Reply { id, result }) => {
                if let Ok(Reply::Timeline { room, entries, .. }) = &result {
                    self.draw(*room, entries);
                }
                assert!(self.replies.insert(id, result).is_none(), "answered twice");
            }
            Some(FromWorker::Update(Update::Entries { room, entries })) => self.draw(room, &entries),
            Some(FromWorker::Update(Update::Phase(phase))) => self.phase = phase,
            _ => {}
        }
    }

    fn draw(&mut self, room: RoomId, entries: &[EntryView]) {
        if self.room == Some(room) {
            self.lines.extend(entries.iter().map(|entry| (entry.key.clone(), entry.clone())));
        }
    }

    fn texts(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.lines.values().collect();
        lines.sort_by_key(|entry| (entry.seq.unwrap_or(u64::MAX), entry.at));
        let text = |entry: &EntryView| if let EntryBody::Message(message) = &entry.body { Some(message.text.clone()) } else { None };
        lines.into_iter().filter_map(text).collect()
    }
}

/// One browser with its tabs. Whoever leads has the desk; the host is the engine, the disk and the connection.
struct Tabs {
    host: Host,
    desk: Desk,
    pages: Vec<Page>,
}

impl Tabs {
    /// Takes the browser of a person over, with some tabs that have booted.
    async fn open(host: Host, count: usize) -> Self {
        let mut tabs = Self { host, desk: Desk::default(), pages: Vec::new() };
        tabs.host.restart();
        for _ in 0..count {
            let page = Page {
                tab: TabId::draw().unwrap(),
                view: View::default(),
                next: 0,
                replies: BTreeMap::new(),
                room: None,
                lines: BTreeMap::new(),
                phase: Phase::Booting,
            };
            tabs.pages.push(page);
            let boot = tabs.ask(tabs.pages.len() - 1, Command::Boot { signed_in: true });
            tabs.run().await;
            assert!(matches!(tabs.pages[tabs.pages.len() - 1].replies[&boot], Ok(Reply::Done)));
        }
        tabs
    }

    /// A page asks; nobody waits.
    fn ask(&mut self, page: usize, command: Command) -> u32 {
        let now = self.host.now;
        let Page { tab, view, next, room, lines, .. } = &mut self.pages[page];
        if let Command::OpenRoom { room: other, .. } = &command {
            *room = Some(*other);
            lines.clear();
        }
        *next += 1;
        let message = view.asked(now, ToWorker { id: *next, command }).unwrap();
        if self.host.is_alive() {
            self.desk.ask(*tab, message).into_iter().for_each(|input| self.host.give(input));
        }
        self.pages[page].next
    }

    /// Runs until nothing is left to do now, or the leader is dead. What it said in that moment arrives or, with `deaf`, does not.
    async fn run_hearing(&mut self, deaf: bool) -> bool {
        let worked = self.host.run().await;
        let lost = deaf && !self.host.is_alive();
        for message in self.host.said() {
            let Some((to, message)) = self.desk.tell(message) else { continue };
            for page in self.pages.iter_mut().filter(|page| !lost && to.is_none_or(|to| to == page.tab)) {
                page.hear(message.clone());
            }
        }
        worked
    }

    async fn run(&mut self) -> bool {
        self.run_hearing(false).await
    }

    /// The leader is gone: the tabs that are left turn to the next.
    fn take_over(&mut self) {
        self.host.restart();
        self.desk = Desk::default();
        for page in &self.pages {
            for message in page.view.attach() {
                self.desk.ask(page.tab, message).into_iter().for_each(|input| self.host.give(input));
            }
        }
    }

    async fn settle_with(&mut self, other: &mut Host) {
        for _ in 0..30 {
            let worked = self.run().await | other.run().await;
            if !worked {
                self.host.pass_time();
                other.pass_time();
            }
        }
    }
}

fn say(room: RoomId, text: &str) -> Command {
    Command::SendText { room, text: text.into(), message: None }
}

/// Fails when `OpenRoom` in the engine closes the room that another tab shows, or `Desk::ask` does not.
#[tokio::test]
async fn each_tab_sees_its_own_room_live() {
    let world = World::new().await;
    let (mut alice, mut bob, with_bob) = world.pair().await;
    let mut carol = world.person("carol-1").await;
    let with_carol = alice.open_with("carol-1").await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut carol]).await;
    let mut tabs = Tabs::open(alice, 2).await;
    for (page, room) in [(0, with_bob), (1, with_carol)] {
        tabs.ask(page, Command::OpenRoom { room, before: None });
    }
    tabs.settle_with(&mut bob).await;
    bob.open(with_bob).await.unwrap();
    bob.say(with_bob, "from bob").await.unwrap();
    carol.open(with_carol).await.unwrap();
    carol.say(with_carol, "from carol").await.unwrap();
    for _ in 0..3 {
        tabs.settle_with(&mut bob).await;
        carol.run().await;
    }
    assert_eq!(tabs.pages[0].texts(), ["from bob"]);
    assert_eq!(tabs.pages[1].texts(), ["from carol"]);
    // The other tab goes to the first room too, and leaves it: the first tab still hears of it.
    tabs.ask(1, Command::OpenRoom { room: with_bob, before: None });
    tabs.run().await;
    assert_eq!(tabs.pages[1].texts(), ["from bob"]);
    tabs.ask(1, Command::CloseRoom { room: with_bob });
    tabs.ask(0, say(with_bob, "to bob"));
    tabs.settle_with(&mut bob).await;
    assert_eq!(tabs.pages[0].texts(), ["from bob", "to bob"]);
}

/// Fails without `is_repeated` in `send_text`: a text that was stored and not answered is there twice. The first deaths come before
/// anything is stored, the last ones when all stands in the log; `deaf`: its last answers are lost with the leader.
#[tokio::test]
async fn r63_two_tabs_a_leader_that_dies_at_any_effect_loses_and_doubles_nothing() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    bob.open(room).await.unwrap();
    let (mut said, mut died) = (Vec::new(), 0);
    for (deaf, effect) in [true, false].into_iter().flat_map(|deaf| (0..50).map(move |effect| (deaf, effect))) {
        let mut tabs = Tabs::open(alice, 2).await;
        tabs.settle_with(&mut bob).await;
        for page in [0, 1] {
            tabs.ask(page, Command::OpenRoom { room, before: None });
        }
        tabs.run().await;
        tabs.host.die_in = Some(effect);
        let texts: Vec<_> = (0..6).map(|n| format!("{deaf} {effect} {n}")).collect();
        let asked: Vec<_> = texts.iter().map(|text| tabs.ask(1, say(room, text))).collect();
        said.extend(texts);
        for _ in 0..20 {
            tabs.run_hearing(deaf).await;
            bob.run().await;
            tabs.host.pass_time();
        }
        if !tabs.host.is_alive() {
            died += 1;
            tabs.pages.remove(0);
            tabs.take_over();
        }
        tabs.host.die_in = None;
        tabs.settle_with(&mut bob).await;
        let page = tabs.pages.pop().unwrap();
        assert!(asked.iter().all(|id| matches!(page.replies[id], Ok(Reply::Done))), "deaf {deaf}, leader dead at effect {effect}");
        let newest = &said[said.len().saturating_sub(20)..];
        assert!(page.texts().ends_with(newest), "deaf {deaf}, leader dead at effect {effect}: {:?}", page.texts());
        bob.open(room).await.unwrap();
        let at_bob: Vec<_> = bob.texts().into_iter().map(|(text, _)| text).collect();
        assert!(at_bob.ends_with(newest), "deaf {deaf}, leader dead at effect {effect}: {at_bob:?}");
        // Twice the same text under one id is one line on a page, and still two messages.
        assert_eq!(bob.rooms[&room].unread as usize, said.len(), "deaf {deaf}, leader dead at effect {effect}");
        alice = tabs.host;
    }
    assert!(died > 60, "{died} deaths");
}

/// Fails when `View::asked` gives a new group no id, or `create_group` does not look whether it is there: then there are two.
#[tokio::test]
async fn r63_two_tabs_a_leader_that_dies_while_a_group_is_made_makes_one() {
    let world = World::new().await;
    let (mut alice, mut bob, _) = world.pair().await;
    let (mut made, mut died) = (0, 0);
    for (deaf, effect) in [true, false].into_iter().flat_map(|deaf| (0..14).map(move |effect| (deaf, effect))) {
        let mut tabs = Tabs::open(alice, 2).await;
        tabs.settle_with(&mut bob).await;
        tabs.host.die_in = Some(effect);
        let asked = tabs.ask(1, Command::CreateGroup { name: "The board".into(), room: None });
        made += 1;
        for _ in 0..10 {
            tabs.run_hearing(deaf).await;
            tabs.host.pass_time();
        }
        if !tabs.host.is_alive() {
            died += 1;
            tabs.pages.remove(0);
            tabs.take_over();
        }
        tabs.host.die_in = None;
        tabs.settle_with(&mut bob).await;
        let page = tabs.pages.pop().unwrap();
        assert!(matches!(page.replies[&asked], Ok(Reply::Room(_))), "deaf {deaf}, leader dead at effect {effect}");
        // Beside the room with bob.
        assert_eq!(tabs.host.rooms.len(), made + 1, "deaf {deaf}, leader dead at effect {effect}");
        alice = tabs.host;
    }
    assert!(died > 12, "{died} deaths");
}

/// Fails without `Effect::Open` in the engine's sign-out: the tab that leads would keep everything open for the others.
#[tokio::test]
async fn what_one_tab_ends_has_ended_in_all() {
    let world = World::new().await;
    let (alice, mut bob, room) = world.pair().await;
    let mut tabs = Tabs::open(alice, 2).await;
    tabs.ask(0, Command::OpenRoom { room, before: None });
    tabs.settle_with(&mut bob).await;
    assert!(tabs.pages.iter().all(|page| matches!(page.phase, Phase::Ready { .. })));
    let signed_out = tabs.ask(1, Command::SignOut { keep: true });
    tabs.run().await;
    assert!(matches!(tabs.pages[1].replies[&signed_out], Ok(Reply::Done)));
    assert!(tabs.pages.iter().all(|page| matches!(page.phase, Phase::SignedOut { kept: Some(_) })));
    assert_eq!(tabs.host.epochs(), Err(ErrorCode::NotReady), "nothing is open any more");
    let read = tabs.ask(0, Command::OpenRoom { room, before: None });
    tabs.run().await;
    assert!(matches!(tabs.pages[0].replies[&read], Err(ErrorCode::NotReady)));
}
