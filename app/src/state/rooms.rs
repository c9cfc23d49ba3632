//! The list of rooms: one row, one signal, in the order of the newest entry.

use leptos::prelude::*;
use sotto_client_api::views::RoomView;
use sotto_protocol::RoomId;

/// A room of the list. The row stays while its view changes, so the list moves rows instead of making them anew.
#[derive(Clone)]
pub(crate) struct RoomRow {
    pub(crate) room: RoomId,
    pub(crate) view: ArcRwSignal<RoomView>,
}

impl PartialEq for RoomRow {
    fn eq(&self, other: &Self) -> bool {
        self.room == other.room
    }
}

/// Takes the whole list.
pub(super) fn replace(rows: RwSignal<Vec<RoomRow>>, views: Vec<RoomView>) {
    let mut old = rows.get_untracked();
    let mut fresh: Vec<RoomRow> = views
        .into_iter()
        .map(|view| match old.iter().position(|row| row.room == view.room) {
            Some(index) => {
                let row = old.swap_remove(index);
                set_view(&row, view);
                row
            }
            None => RoomRow { room: view.room, view: ArcRwSignal::new(view) },
        })
        .collect();
    sort(&mut fresh);
    rows.set(fresh);
}

/// Takes one room, new or changed.
pub(super) fn upsert(rows: RwSignal<Vec<RoomRow>>, view: RoomView) {
    let mut fresh = rows.get_untracked();
    match fresh.iter().find(|row| row.room == view.room) {
        Some(row) => set_view(row, view),
        None => fresh.push(RoomRow { room: view.room, view: ArcRwSignal::new(view) }),
    }
    sort(&mut fresh);
    if rows.with_untracked(|old| *old != fresh) {
        rows.set(fresh);
    }
}

fn set_view(row: &RoomRow, view: RoomView) {
    if row.view.with_untracked(|old| *old != view) {
        row.view.set(view);
    }
}

fn sort(rows: &mut [RoomRow]) {
    rows.sort_by_key(|row| core::cmp::Reverse(row.view.with_untracked(|view| view.active_at)));
}
