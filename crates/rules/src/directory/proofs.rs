//! The proofs of `akd_core` as CBOR: its own serde form writes hashes as text and needs twice the bytes.

use akd_core::{
    AkdValue, AzksElement, AzksValue, Direction, HistoryProof, LookupProof, MembershipProof, NodeLabel, NonMembershipProof, SiblingProof,
    SingleAppendOnlyProof, UpdateProof,
};
use minicbor::{Decode, Encode};
use sotto_protocol::{Bytes, codec};

use super::DirectoryFault;

/// A kind of proof that travels.
pub trait Proof: Sized {
    /// For the wire.
    fn encode(&self) -> Vec<u8>;

    /// From the wire.
    ///
    /// # Errors
    /// [`DirectoryFault::Malformed`], also for more than `limit` bytes.
    fn decode(bytes: &[u8], limit: usize) -> Result<Self, DirectoryFault>;
}

/// A place in the tree: its first `length` bits.
#[derive(Clone, Copy, Encode, Decode)]
struct Label {
    #[cbor(n(0), with = "minicbor::bytes")]
    bits: [u8; 32],
    #[n(1)]
    length: u32,
}

#[derive(Clone, Copy, Encode, Decode)]
struct Element {
    #[n(0)]
    label: Label,
    #[cbor(n(1), with = "minicbor::bytes")]
    value: [u8; 32],
}

#[derive(Encode, Decode)]
struct Sibling {
    #[n(0)]
    parent: Label,
    #[n(1)]
    sibling: Element,
    #[n(2)]
    right: bool,
}

#[derive(Encode, Decode)]
struct Membership {
    #[n(0)]
    label: Label,
    #[cbor(n(1), with = "minicbor::bytes")]
    hash: [u8; 32],
    #[n(2)]
    siblings: Vec<Sibling>,
}

#[derive(Encode, Decode)]
struct NonMembership {
    #[n(0)]
    label: Label,
    #[n(1)]
    longest_prefix: Label,
    #[n(2)]
    left: Element,
    #[n(3)]
    right: Element,
    #[n(4)]
    of_prefix: Membership,
}

#[derive(Encode, Decode)]
struct Lookup {
    #[n(0)]
    epoch: u64,
    #[n(1)]
    value: Bytes,
    #[n(2)]
    version: u64,
    #[n(3)]
    existence_vrf: Bytes,
    #[n(4)]
    existence: Membership,
    #[n(5)]
    marker_vrf: Bytes,
    #[n(6)]
    marker: Membership,
    #[n(7)]
    freshness_vrf: Bytes,
    #[n(8)]
    freshness: NonMembership,
    #[n(9)]
    nonce: Bytes,
}

#[derive(Encode, Decode)]
struct Update {
    #[n(0)]
    epoch: u64,
    #[n(1)]
    value: Bytes,
    #[n(2)]
    version: u64,
    #[n(3)]
    existence_vrf: Bytes,
    #[n(4)]
    existence: Membership,
    #[n(5)]
    previous_vrf: Option<Bytes>,
    #[n(6)]
    previous: Option<Membership>,
    #[n(7)]
    nonce: Bytes,
}

#[derive(Encode, Decode)]
struct History {
    #[n(0)]
    updates: Vec<Update>,
    #[n(1)]
    past_vrfs: Vec<Bytes>,
    #[n(2)]
    past: Vec<Membership>,
    #[n(3)]
    future_vrfs: Vec<Bytes>,
    #[n(4)]
    future: Vec<NonMembership>,
}

#[derive(Encode, Decode)]
struct AppendOnly {
    #[n(0)]
    inserted: Vec<Element>,
    #[n(1)]
    unchanged: Vec<Element>,
}

impl From<NodeLabel> for Label {
    fn from(label: NodeLabel) -> Self {
        Self { bits: label.label_val, length: label.label_len }
    }
}

impl From<Label> for NodeLabel {
    fn from(label: Label) -> Self {
        Self { label_val: label.bits, label_len: label.length }
    }
}

impl From<AzksElement> for Element {
    fn from(element: AzksElement) -> Self {
        Self { label: element.label.into(), value: element.value.0 }
    }
}

impl From<Element> for AzksElement {
    fn from(element: Element) -> Self {
        Self { label: element.label.into(), value: AzksValue(element.value) }
    }
}

impl From<&SiblingProof> for Sibling {
    fn from(proof: &SiblingProof) -> Self {
        Self { parent: proof.label.into(), sibling: proof.siblings[0].into(), right: proof.direction == Direction::Right }
    }
}

impl From<Sibling> for SiblingProof {
    fn from(sibling: Sibling) -> Self {
        let direction = if sibling.right { Direction::Right } else { Direction::Left };
        Self { label: sibling.parent.into(), siblings: [sibling.sibling.into()], direction }
    }
}

impl From<&MembershipProof> for Membership {
    fn from(proof: &MembershipProof) -> Self {
        Self { label: proof.label.into(), hash: proof.hash_val.0, siblings: proof.sibling_proofs.iter().map(Into::into).collect() }
    }
}

impl From<Membership> for MembershipProof {
    fn from(proof: Membership) -> Self {
        let sibling_proofs = proof.siblings.into_iter().map(Into::into).collect();
        Self { label: proof.label.into(), hash_val: AzksValue(proof.hash), sibling_proofs }
    }
}

impl From<&NonMembershipProof> for NonMembership {
    fn from(proof: &NonMembershipProof) -> Self {
        let [left, right] = proof.longest_prefix_children.map(Into::into);
        let of_prefix = (&proof.longest_prefix_membership_proof).into();
        Self { label: proof.label.into(), longest_prefix: proof.longest_prefix.into(), left, right, of_prefix }
    }
}

impl From<NonMembership> for NonMembershipProof {
    fn from(proof: NonMembership) -> Self {
        Self {
            label: proof.label.into(),
            longest_prefix: proof.longest_prefix.into(),
            longest_prefix_children: [proof.left.into(), proof.right.into()],
            longest_prefix_membership_proof: proof.of_prefix.into(),
        }
    }
}

impl From<&UpdateProof> for Update {
    fn from(proof: &UpdateProof) -> Self {
        Self {
            epoch: proof.epoch,
            value: Bytes(proof.value.0.clone()),
            version: proof.version,
            existence_vrf: Bytes(proof.existence_vrf_proof.clone()),
            existence: (&proof.existence_proof).into(),
            previous_vrf: proof.previous_version_vrf_proof.clone().map(Bytes),
            previous: proof.previous_version_proof.as_ref().map(Into::into),
            nonce: Bytes(proof.commitment_nonce.clone()),
        }
    }
}

impl From<Update> for UpdateProof {
    fn from(proof: Update) -> Self {
        Self {
            epoch: proof.epoch,
            value: AkdValue(proof.value.0),
            version: proof.version,
            existence_vrf_proof: proof.existence_vrf.0,
            existence_proof: proof.existence.into(),
            previous_version_vrf_proof: proof.previous_vrf.map(|vrf| vrf.0),
            previous_version_proof: proof.previous.map(Into::into),
            commitment_nonce: proof.nonce.0,
        }
    }
}

impl Proof for LookupProof {
    fn encode(&self) -> Vec<u8> {
        codec::encode(&Lookup {
            epoch: self.epoch,
            value: Bytes(self.value.0.clone()),
            version: self.version,
            existence_vrf: Bytes(self.existence_vrf_proof.clone()),
            existence: (&self.existence_proof).into(),
            marker_vrf: Bytes(self.marker_vrf_proof.clone()),
            marker: (&self.marker_proof).into(),
            freshness_vrf: Bytes(self.freshness_vrf_proof.clone()),
            freshness: (&self.freshness_proof).into(),
            nonce: Bytes(self.commitment_nonce.clone()),
        })
    }

    fn decode(bytes: &[u8], limit: usize) -> Result<Self, DirectoryFault> {
        let proof: Lookup = codec::decode(bytes, limit).map_err(|_| DirectoryFault::Malformed)?;
        Ok(Self {
            epoch: proof.epoch,
            value: AkdValue(proof.value.0),
            version: proof.version,
            existence_vrf_proof: proof.existence_vrf.0,
            existence_proof: proof.existence.into(),
            marker_vrf_proof: proof.marker_vrf.0,
            marker_proof: proof.marker.into(),
            freshness_vrf_proof: proof.freshness_vrf.0,
            freshness_proof: proof.freshness.into(),
            commitment_nonce: proof.nonce.0,
        })
    }
}

impl Proof for HistoryProof {
    fn encode(&self) -> Vec<u8> {
        let vrfs = |all: &[Vec<u8>]| all.iter().cloned().map(Bytes).collect();
        codec::encode(&History {
            updates: self.update_proofs.iter().map(Into::into).collect(),
            past_vrfs: vrfs(&self.past_marker_vrf_proofs),
            past: self.existence_of_past_marker_proofs.iter().map(Into::into).collect(),
            future_vrfs: vrfs(&self.future_marker_vrf_proofs),
            future: self.non_existence_of_future_marker_proofs.iter().map(Into::into).collect(),
        })
    }

    fn decode(bytes: &[u8], limit: usize) -> Result<Self, DirectoryFault> {
        let proof: History = codec::decode(bytes, limit).map_err(|_| DirectoryFault::Malformed)?;
        let vrfs = |all: Vec<Bytes>| all.into_iter().map(|vrf| vrf.0).collect();
        Ok(Self {
            update_proofs: proof.updates.into_iter().map(Into::into).collect(),
            past_marker_vrf_proofs: vrfs(proof.past_vrfs),
            existence_of_past_marker_proofs: proof.past.into_iter().map(Into::into).collect(),
            future_marker_vrf_proofs: vrfs(proof.future_vrfs),
            non_existence_of_future_marker_proofs: proof.future.into_iter().map(Into::into).collect(),
        })
    }
}

impl Proof for SingleAppendOnlyProof {
    fn encode(&self) -> Vec<u8> {
        let elements = |all: &[AzksElement]| all.iter().map(|element| (*element).into()).collect();
        codec::encode(&AppendOnly { inserted: elements(&self.inserted), unchanged: elements(&self.unchanged_nodes) })
    }

    fn decode(bytes: &[u8], limit: usize) -> Result<Self, DirectoryFault> {
        let proof: AppendOnly = codec::decode(bytes, limit).map_err(|_| DirectoryFault::Malformed)?;
        let elements = |all: Vec<Element>| all.into_iter().map(Into::into).collect();
        Ok(Self { inserted: elements(proof.inserted), unchanged_nodes: elements(proof.unchanged) })
    }
}
