//! Key transparency: the server's directory is asked for at every connection and held against what was seen of it before, by this device and
//! by those it talks with.
//!
//! Checked are: that the directory continues the history that is remembered; that nothing else than the own account ever stood behind the
//! own name; that what stands behind a contact's name is what this device knows; and that the roots which others name inside their messages
//! are of the same history. What does not hold is an alarm with its evidence kept, not a refusal: keys are judged by what is pinned.

use sotto_client_api::views::DirectoryView;
use sotto_client_api::{Reply, Update};
use sotto_protocol::directory::{DirectoryEntry, DirectoryHead, DirectoryHistory, LookUp, LookedUp, SignedRoot};
use sotto_protocol::{AccountId, Bytes, ErrorCode, codec, limits};
use sotto_rules::directory::{DirectoryFault, DirectoryKeys, Root, fixed, next_chain, verify_history, verify_lookup, verify_root};

use super::net::Pending;
use super::{Engine, Turn};
use crate::content::ListHead;
use crate::records::{ContactRecord, DirectoryRecord, PastRoot};

/// Epochs whose chain is remembered.
const REMEMBERED: usize = 64;

impl DirectoryRecord {
    fn keys(&self) -> Result<DirectoryKeys, DirectoryFault> {
        DirectoryKeys::of(&self.newest)
    }

    /// The chain of an epoch that is remembered.
    fn chain_of(&self, epoch: u64) -> Option<&Bytes> {
        self.past.iter().find(|past| past.epoch == epoch).map(|past| &past.chain)
    }

    fn remember(&mut self, root: &Root) {
        self.past.push(PastRoot { epoch: root.epoch, chain: Bytes(root.chain.to_vec()) });
        let old = self.past.len().saturating_sub(REMEMBERED);
        self.past.drain(..old);
    }
}

impl Engine {
    /// A connection has come to rest: the directory is asked for what is new.
    pub(super) fn begin_transparency(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        // What is asked once is not asked by everything that comes to rest on this connection; what is on its way may be too old.
        if self.requests.values().any(|pending| matches!(pending, Pending::Directory)) {
            self.net.directory_again = true;
            return Ok(());
        }
        self.net.directory_asked = true;
        let after = self.data()?.directory()?.as_ref().as_ref().map_or(0, |known| known.newest.epoch);
        self.get(turn, format!("/api/v1/directory?after={after}"), Pending::Directory);
        Ok(())
    }

    pub(super) fn directory_told(&mut self, turn: &mut Turn, body: &[u8]) -> Result<(), ErrorCode> {
        let told: DirectoryHead = codec::decode(body, limits::API_BODY)?;
        if std::mem::take(&mut self.net.directory_again) {
            return self.begin_transparency(turn);
        }
        let known = self.known_directory()?;
        let mut record = match (continued(known.as_ref(), &told), known) {
            (Ok(record), _) => record,
            (Err(_), Some(known)) => return self.directory_alarm(turn, known, told.newest),
            (Err(fault), None) => return Err(fault.into()),
        };
        if let Some(heard) = record.heard.take() {
            // The server has signed it for somebody, so it is there for everybody.
            let same = record.chain_of(heard.epoch).map(|chain| *chain == heard.chain);
            match same {
                Some(true) => {}
                None if heard.epoch < record.past.first().map_or(0, |past| past.epoch) => {}
                _ => return self.directory_alarm(turn, record, heard),
            }
        }
        // What was whole at this epoch is so still.
        let epoch = record.newest.epoch;
        if record.checked == epoch && record.checked_at > 0 {
            record.checked_at = turn.now;
        } else {
            let version = self.own_head()?.version;
            self.get(turn, "/api/v1/directory/history".into(), Pending::OwnHistory { version });
        }
        self.data()?.put_directory(&record)?;
        self.look_up_contacts(turn, epoch)
    }

    fn known_directory(&self) -> Result<Option<DirectoryRecord>, ErrorCode> {
        Ok(Option::clone(&*self.data()?.directory()?))
    }

    /// A root that came with a proof. One that is newer than what is known is looked at when the directory is asked for again.
    fn known_root(&mut self, turn: &mut Turn, record: &mut DirectoryRecord, at: &SignedRoot) -> Result<Root, DirectoryFault> {
        let (root, _) = verify_root(at, Some(&record.keys()?))?;
        match record.chain_of(root.epoch) {
            Some(chain) if *chain == at.chain => {}
            None if root.epoch > record.newest.epoch => {
                record.heard = Some(at.clone());
                self.begin_transparency(turn).map_err(|_| DirectoryFault::Malformed)?;
            }
            None if root.epoch == 0 => {}
            // Older than the newest that it has shown already.
            _ => return Err(DirectoryFault::History),
        }
        Ok(root)
    }

    /// What has stood behind the own name. `version`: of the own list when this was asked.
    pub(super) fn own_history_told(&mut self, turn: &mut Turn, version: u64, body: &[u8]) -> Result<(), ErrorCode> {
        let told: DirectoryHistory = codec::decode(body, limits::API_BODY)?;
        let Some(mut record) = self.known_directory()? else { return Ok(()) };
        let name = self.data()?.record()?.name;
        let own = (self.data()?.account(), self.own_head()?);
        let root = self.known_root(turn, &mut record, &told.at);
        let entries = root.and_then(|root| verify_history(&record.keys()?, &root, &name, told.proof.as_slice()));
        let holds = entries.is_ok_and(|entries| {
            // Newest first. A list that this device has not seen yet may be there; an older one than its own may not, and never another account.
            let own_only = entries.iter().all(|entry| entry.account == own.0);
            let rises = entries.windows(2).all(|pair| pair[0].version > pair[1].version);
            let whole = entries.first().is_some_and(|newest| newest.version >= version);
            let mine = entries.iter().all(|entry| entry.version != own.1.version || entry.hash.as_slice() == own.1.hash);
            own_only && rises && whole && mine
        });
        if !holds {
            return self.directory_alarm(turn, record, told.at);
        }
        (record.checked, record.checked_at) = (told.at.epoch, turn.now);
        self.data()?.put_directory(&record)
    }

    /// Asks what stands behind the names of contacts at an epoch, those first that were not asked for the longest time.
    fn look_up_contacts(&mut self, turn: &mut Turn, epoch: u64) -> Result<(), ErrorCode> {
        let own = self.data()?.account();
        let mut contacts = self.data()?.contacts()?;
        contacts.retain(|contact| contact.account != own && contact.proven != epoch && !contact.has_changed());
        contacts.sort_by_key(|contact| (contact.proven, contact.account));
        let accounts = contacts.iter().take(limits::DIRECTORY_NAMES).map(|contact| contact.account).collect();
        self.look_up(turn, accounts)
    }

    /// Asks what stands behind the names of these contacts.
    pub(super) fn look_up(&mut self, turn: &mut Turn, accounts: Vec<AccountId>) -> Result<(), ErrorCode> {
        let data = self.data()?;
        if accounts.is_empty() || data.directory()?.is_none() {
            return Ok(());
        }
        let contacts = accounts.iter().filter_map(|account| data.find_contact(*account).transpose());
        let contacts = contacts.collect::<Result<Vec<ContactRecord>, ErrorCode>>()?;
        let body = LookUp { names: contacts.iter().map(|contact| contact.name.clone()).collect() };
        let known = |contact: &ContactRecord| Ok((contact.account, data.find_list(contact.account)?.map_or(0, |list| list.version)));
        let accounts = contacts.iter().map(known).collect::<Result<_, ErrorCode>>()?;
        self.post(turn, "/api/v1/directory/lookup", &body, Pending::LookUp { accounts });
        Ok(())
    }

    /// `accounts`: with the version of the list that was known of each when this was asked.
    pub(super) fn looked_up(&mut self, turn: &mut Turn, accounts: &[(AccountId, u64)], body: &[u8]) -> Result<(), ErrorCode> {
        let told: LookedUp = codec::decode(body, limits::API_BODY)?;
        let Some(mut record) = self.known_directory()? else { return Ok(()) };
        let root = self.known_root(turn, &mut record, &told.at);
        let (Ok(root), true) = (root, told.proofs.len() == accounts.len()) else {
            return self.directory_alarm(turn, record, told.at);
        };
        let keys = record.keys()?;
        self.data()?.put_directory(&record)?;
        for ((account, version), proof) in accounts.iter().zip(&told.proofs) {
            let Some(mut contact) = self.data()?.find_contact(*account)? else { continue };
            // Whoever has an account stands in it.
            let proof = proof.as_ref().map_or(&[][..], Bytes::as_slice);
            let Ok(entry) = verify_lookup(&keys, &root, &contact.name, proof) else {
                return self.directory_alarm(turn, record, told.at);
            };
            contact.proven = root.epoch;
            self.data()?.put_contact(&contact)?;
            if entry.account != contact.account {
                // Another identity: the person is asked, as with one that the server names elsewhere.
                self.seen = Some((contact.name, entry.account));
                self.remember_seen(turn)?;
            } else if !self.is_known_list(turn, &entry, *version)? {
                return self.directory_alarm(turn, record, told.at);
            }
        }
        Ok(())
    }

    /// Whether the list of an entry is the one that is known, or a newer one: that is asked for. One that was known when the entry was asked for has to be
    /// in it; a newer one may have come faster than the entry.
    fn is_known_list(&mut self, turn: &mut Turn, entry: &DirectoryEntry, asked_with: u64) -> Result<bool, ErrorCode> {
        let Some(known) = self.data()?.find_list(entry.account)? else { return Ok(true) };
        if entry.version > known.version {
            let head = ListHead { version: entry.version, hash: entry.hash.clone() };
            self.list_named(turn, entry.account, &head)?;
        }
        // The list that is known is in it before it is shown to anybody.
        Ok(entry.version >= asked_with && (entry.version != known.version || entry.hash == known.hash))
    }

    /// Somebody has named a root inside a message. That they were shown it is sure; that the server signed it is checked.
    pub(super) fn root_named(&mut self, turn: &mut Turn, named: SignedRoot) -> Result<(), ErrorCode> {
        let Some(mut record) = self.known_directory()? else { return Ok(()) };
        let keys = record.keys()?;
        match verify_root(&named, None) {
            // Garbage of its author, who can accuse nobody by it.
            Err(_) => return Ok(()),
            Ok((_, other)) if other != keys => return self.directory_alarm(turn, record, named),
            Ok(_) => {}
        }
        match record.chain_of(named.epoch) {
            Some(chain) if *chain == named.chain => Ok(()),
            Some(_) => self.directory_alarm(turn, record, named),
            None if named.epoch > record.newest.epoch => {
                if record.heard.as_ref().is_none_or(|heard| heard.epoch < named.epoch) {
                    record.heard = Some(named);
                    self.data()?.put_directory(&record)?;
                }
                if self.net.caught_up() { self.begin_transparency(turn) } else { Ok(()) }
            }
            // From before what is remembered: the server says what it shows of that epoch now.
            None if named.epoch > 0 => {
                let epoch = named.epoch;
                self.get(turn, format!("/api/v1/directory/epochs/{epoch}"), Pending::PastRoot { named: Box::new(named) });
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(super) fn past_root_told(&mut self, turn: &mut Turn, named: SignedRoot, body: &[u8]) -> Result<(), ErrorCode> {
        let told: SignedRoot = codec::decode(body, limits::API_BODY)?;
        let Some(record) = self.known_directory()? else { return Ok(()) };
        let same = verify_root(&told, Some(&record.keys()?)).is_ok() && (told.epoch, &told.chain) == (named.epoch, &named.chain);
        if same { Ok(()) } else { self.directory_alarm(turn, record, named) }
    }

    /// What has to be there is not: the own name, or a root that somebody was shown.
    pub(super) fn not_in_directory(&mut self, turn: &mut Turn, named: Option<SignedRoot>) -> Result<(), ErrorCode> {
        let Some(record) = self.known_directory()? else { return Ok(()) };
        let against = named.unwrap_or_else(|| record.newest.clone());
        self.directory_alarm(turn, record, against)
    }

    fn directory_alarm(&self, turn: &mut Turn, mut record: DirectoryRecord, against: SignedRoot) -> Result<(), ErrorCode> {
        record.heard = None;
        record.alarm.get_or_insert(against);
        self.data()?.put_directory(&record)?;
        turn.emit(Update::Notice { code: ErrorCode::DirectoryRefused, room: None });
        Ok(())
    }

    /// How far the directory was checked.
    pub(super) fn directory(&self, turn: &mut Turn, id: u32) -> Result<(), ErrorCode> {
        let view = |known: &DirectoryRecord| DirectoryView {
            epoch: known.newest.epoch,
            checked_at: known.checked_at,
            alarm: known.alarm.is_some(),
        };
        let view = self.data()?.directory()?.as_ref().as_ref().map(view);
        turn.reply(id, Reply::Directory(view));
        Ok(())
    }

    /// The person goes on with the directory as it is shown now: whoever runs the server has restored it, say.
    pub(super) fn begin_directory_anew(&mut self, turn: &mut Turn, id: u32) -> Result<(), ErrorCode> {
        self.data()?.delete_directory()?;
        turn.reply(id, Reply::Done);
        if self.net.caught_up() { self.begin_transparency(turn) } else { Ok(()) }
    }
}

/// What is known of the directory after an answer that continues it.
fn continued(known: Option<&DirectoryRecord>, told: &DirectoryHead) -> Result<DirectoryRecord, DirectoryFault> {
    let keys = known.map(DirectoryRecord::keys).transpose()?;
    let (newest, _) = verify_root(&told.newest, keys.as_ref())?;
    let mut record = match known {
        None => DirectoryRecord::new(told.newest.clone()),
        // The same again, word for word, or one that comes after it.
        Some(known) if newest.epoch < known.newest.epoch => return Err(DirectoryFault::History),
        Some(known) if newest.epoch == known.newest.epoch => {
            let same = known.newest.chain == told.newest.chain && known.newest.root == told.newest.root;
            return if same { Ok(known.clone()) } else { Err(DirectoryFault::History) };
        }
        Some(known) => {
            let next = told.first == known.newest.epoch.saturating_add(1);
            // Where too many epochs came in between, what links them is left to auditors.
            let skips = told.first > known.newest.epoch && told.roots.len() as u64 == limits::DIRECTORY_ROOTS;
            if !skips && (!next || told.before != known.newest.chain) {
                return Err(DirectoryFault::History);
            }
            known.clone()
        }
    };
    let mut at = Root { epoch: told.first.saturating_sub(1), hash: [0; 32], chain: fixed(&told.before)? };
    for root in &told.roots {
        let (epoch, hash) = (at.epoch.saturating_add(1), fixed(root)?);
        at = Root { epoch, hash, chain: next_chain(&at.chain, epoch, &hash) };
        record.remember(&at);
    }
    // An empty directory has no epoch yet.
    if newest.epoch > 0 && at != newest {
        return Err(DirectoryFault::History);
    }
    record.newest = told.newest.clone();
    Ok(record)
}
