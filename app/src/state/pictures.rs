//! Pictures of people and groups, each asked for once.

use std::collections::HashMap;

use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::{Command, Reply};
use sotto_protocol::{AccountId, Bytes, RoomId};

use crate::handle::ClientHandle;

/// Whose picture.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Whose {
    /// A person's.
    Person(AccountId),
    /// A group's.
    Group(RoomId),
}

/// A picture; its number changes with it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Picture {
    pub(crate) whose: Whose,
    pub(crate) number: u64,
}

/// What this page has loaded.
#[derive(Clone, Copy)]
pub(crate) struct Pictures(StoredValue<HashMap<Picture, ArcRwSignal<Option<String>>>>);

impl Pictures {
    pub(super) fn new() -> Self {
        Self(StoredValue::new(HashMap::new()))
    }

    /// Nobody's picture stays in the page of who is signed out.
    pub(super) fn forget(self) {
        self.0.update_value(HashMap::clear);
    }

    /// Address of a picture, as soon as it is here.
    pub(crate) fn get(self, client: ClientHandle, picture: Picture) -> ArcRwSignal<Option<String>> {
        if let Some(known) = self.0.with_value(|all| all.get(&picture).cloned()) {
            return known;
        }
        let address = ArcRwSignal::new(None);
        self.0.update_value(|all| _ = all.insert(picture, address.clone()));
        let fresh = address.clone();
        let command = match picture.whose {
            Whose::Person(account) => Command::Picture { account },
            Whose::Group(room) => Command::RoomPicture { room },
        };
        spawn_local(async move {
            if let Ok(Reply::Picture(jpeg)) = client.call(command).await {
                fresh.set(data_url(jpeg));
            }
        });
        address
    }
}

/// Address that holds a JPEG itself; none for none.
pub(crate) fn data_url(jpeg: Vec<u8>) -> Option<String> {
    (!jpeg.is_empty()).then(|| format!("data:image/jpeg;base64,{}", Bytes(jpeg).to_base64()))
}
