//! A room's OpenMLS public state as one blob: what `PublicGroup::store` writes and `PublicGroup::load` reads.
//!
//! Each use is a scratch copy of its own: nothing is cached, so a failed transaction has nothing to take back.

use core::cell::RefCell;

use minicbor::{Decode, Encode};
use openmls_traits::public_storage::PublicStorageProvider;
use openmls_traits::storage::{CURRENT_VERSION, traits};
use sotto_protocol::{Bytes, ErrorCode, codec};

/// Longest blob that is read back: a tree of the largest room that a commit body can bring, with room to spare.
const LIMIT: usize = 16 * 1024 * 1024;

/// Why OpenMLS can't have its state.
#[derive(Debug, thiserror::Error)]
#[error("stored public state does not decode")]
pub(crate) struct StateDamaged;

/// The stored values of one group, each self-describing CBOR of an OpenMLS type.
#[derive(Clone, Default, Encode, Decode)]
struct Values {
    #[n(0)]
    tree: Option<Bytes>,
    #[n(1)]
    context: Option<Bytes>,
    #[n(2)]
    confirmation_tag: Option<Bytes>,
    #[n(3)]
    interim_transcript_hash: Option<Bytes>,
    #[n(4)]
    proposals: Vec<QueuedProposal>,
}

#[derive(Clone, Encode, Decode)]
struct QueuedProposal {
    #[n(0)]
    reference: Bytes,
    #[n(1)]
    proposal: Bytes,
}

/// Storage of exactly one group, in memory. The group id that OpenMLS passes is not looked at.
#[derive(Default)]
pub(crate) struct GroupState(RefCell<Values>);

impl GroupState {
    /// From the database.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, ErrorCode> {
        codec::decode(bytes, LIMIT).map(|values| Self(RefCell::new(values))).map_err(|_| ErrorCode::Internal)
    }

    /// For the database.
    pub(crate) fn to_bytes(&self) -> Bytes {
        Bytes(codec::encode(&*self.0.borrow()))
    }
}

macro_rules! encode {
    ($value:expr) => {{
        let mut bytes = Vec::new();
        ciborium::into_writer($value, &mut bytes).map_err(|_| StateDamaged)?;
        Bytes(bytes)
    }};
}

macro_rules! decode {
    ($bytes:expr) => {
        ciborium::from_reader($bytes.as_slice()).map_err(|_| StateDamaged)
    };
}

impl PublicStorageProvider<CURRENT_VERSION> for GroupState {
    type PublicError = StateDamaged;

    fn write_tree<G: traits::GroupId<CURRENT_VERSION>, T: traits::TreeSync<CURRENT_VERSION>>(
        &self,
        _: &G,
        tree: &T,
    ) -> Result<(), StateDamaged> {
        self.0.borrow_mut().tree = Some(encode!(tree));
        Ok(())
    }

    fn write_interim_transcript_hash<G: traits::GroupId<CURRENT_VERSION>, H: traits::InterimTranscriptHash<CURRENT_VERSION>>(
        &self,
        _: &G,
        hash: &H,
    ) -> Result<(), StateDamaged> {
        self.0.borrow_mut().interim_transcript_hash = Some(encode!(hash));
        Ok(())
    }

    fn write_context<G: traits::GroupId<CURRENT_VERSION>, C: traits::GroupContext<CURRENT_VERSION>>(
        &self,
        _: &G,
        context: &C,
    ) -> Result<(), StateDamaged> {
        self.0.borrow_mut().context = Some(encode!(context));
        Ok(())
    }

    fn write_confirmation_tag<G: traits::GroupId<CURRENT_VERSION>, T: traits::ConfirmationTag<CURRENT_VERSION>>(
        &self,
        _: &G,
        tag: &T,
    ) -> Result<(), StateDamaged> {
        self.0.borrow_mut().confirmation_tag = Some(encode!(tag));
        Ok(())
    }

    fn queue_proposal<
        G: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
        P: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        _: &G,
        reference: &R,
        proposal: &P,
    ) -> Result<(), StateDamaged> {
        let queued = QueuedProposal { reference: encode!(reference), proposal: encode!(proposal) };
        self.0.borrow_mut().proposals.push(queued);
        Ok(())
    }

    fn queued_proposals<
        G: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
        P: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        _: &G,
    ) -> Result<Vec<(R, P)>, StateDamaged> {
        self.0.borrow().proposals.iter().map(|queued| Ok((decode!(queued.reference)?, decode!(queued.proposal)?))).collect()
    }

    fn tree<G: traits::GroupId<CURRENT_VERSION>, T: traits::TreeSync<CURRENT_VERSION>>(&self, _: &G) -> Result<Option<T>, StateDamaged> {
        self.0.borrow().tree.as_ref().map(|bytes| decode!(bytes)).transpose()
    }

    fn group_context<G: traits::GroupId<CURRENT_VERSION>, C: traits::GroupContext<CURRENT_VERSION>>(
        &self,
        _: &G,
    ) -> Result<Option<C>, StateDamaged> {
        self.0.borrow().context.as_ref().map(|bytes| decode!(bytes)).transpose()
    }

    fn interim_transcript_hash<G: traits::GroupId<CURRENT_VERSION>, H: traits::InterimTranscriptHash<CURRENT_VERSION>>(
        &self,
        _: &G,
    ) -> Result<Option<H>, StateDamaged> {
        self.0.borrow().interim_transcript_hash.as_ref().map(|bytes| decode!(bytes)).transpose()
    }

    fn confirmation_tag<G: traits::GroupId<CURRENT_VERSION>, T: traits::ConfirmationTag<CURRENT_VERSION>>(
        &self,
        _: &G,
    ) -> Result<Option<T>, StateDamaged> {
        self.0.borrow().confirmation_tag.as_ref().map(|bytes| decode!(bytes)).transpose()
    }

    fn delete_tree<G: traits::GroupId<CURRENT_VERSION>>(&self, _: &G) -> Result<(), StateDamaged> {
        self.0.borrow_mut().tree = None;
        Ok(())
    }

    fn delete_confirmation_tag<G: traits::GroupId<CURRENT_VERSION>>(&self, _: &G) -> Result<(), StateDamaged> {
        self.0.borrow_mut().confirmation_tag = None;
        Ok(())
    }

    fn delete_context<G: traits::GroupId<CURRENT_VERSION>>(&self, _: &G) -> Result<(), StateDamaged> {
        self.0.borrow_mut().context = None;
        Ok(())
    }

    fn delete_interim_transcript_hash<G: traits::GroupId<CURRENT_VERSION>>(&self, _: &G) -> Result<(), StateDamaged> {
        self.0.borrow_mut().interim_transcript_hash = None;
        Ok(())
    }

    fn remove_proposal<G: traits::GroupId<CURRENT_VERSION>, R: traits::ProposalRef<CURRENT_VERSION>>(
        &self,
        _: &G,
        reference: &R,
    ) -> Result<(), StateDamaged> {
        let reference = encode!(reference);
        self.0.borrow_mut().proposals.retain(|queued| queued.reference != reference);
        Ok(())
    }

    fn clear_proposal_queue<G: traits::GroupId<CURRENT_VERSION>, R: traits::ProposalRef<CURRENT_VERSION>>(
        &self,
        _: &G,
    ) -> Result<(), StateDamaged> {
        self.0.borrow_mut().proposals.clear();
        Ok(())
    }
}
