//! Bytes that OpenMLS builds for nobody: commits and GroupInfos are taken apart, changed, signed again where somebody could, and put
//! together again.

use openmls::prelude::tls_codec::{DeserializeBytes as _, Serialize as _, VLBytes};
use openmls::prelude::{ExtensionType, MlsGroup};
use openmls_traits::signatures::Signer;
use sotto_protocol::api::UploadCommit;
use sotto_protocol::{Bytes, ErrorCode};
use sotto_rules::config;

use super::member::anew;
use super::{internal, malformed};

/// A tag with its length, and a signature with its length.
const TAG_FIELD: usize = 1 + config::TAG;
const SIGNATURE_FIELD: usize = 2 + 64;

/// A member's public commit, taken apart. What can be forged alone is a field of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitParts {
    /// Version, wire format, group, epoch, sender, authenticated data, content type, proposals and path.
    pub content: Vec<u8>,
    /// The sender's signature, with its length.
    pub signature: Vec<u8>,
    /// Nothing but the key schedule vouches for it, so the server can't check it.
    pub confirmation_tag: Vec<u8>,
    /// Only members can check it.
    pub membership_tag: Vec<u8>,
}

impl CommitParts {
    /// Takes a commit apart.
    ///
    /// # Errors
    /// `malformed` for what is too short for one.
    pub fn of(commit: &Bytes) -> Result<Self, ErrorCode> {
        let bytes = commit.as_slice();
        let at = bytes.len().checked_sub(SIGNATURE_FIELD + 2 * TAG_FIELD).ok_or(ErrorCode::Malformed)?;
        let (content, rest) = bytes.split_at(at);
        let (signature, tags) = rest.split_at(SIGNATURE_FIELD);
        let (confirmation, membership) = tags.split_at(TAG_FIELD);
        let tag = |field: &[u8]| VLBytes::tls_deserialize_exact_bytes(field).map(|tag| tag.as_slice().to_vec()).map_err(malformed);
        Ok(Self {
            content: content.to_vec(),
            signature: signature.to_vec(),
            confirmation_tag: tag(confirmation)?,
            membership_tag: tag(membership)?,
        })
    }

    /// Puts it together again.
    ///
    /// # Errors
    /// `internal` for a tag that is longer than any vector.
    pub fn bytes(&self) -> Result<Bytes, ErrorCode> {
        let (confirmation, membership) = (vector(&self.confirmation_tag)?, vector(&self.membership_tag)?);
        Ok(Bytes([&self.content[..], &self.signature, &confirmation, &membership].concat()))
    }

    /// Puts other proposals in the place of its own, and signs them as the sender of `group` does. The tags stay as they were.
    ///
    /// # Errors
    /// `malformed` for what is not a member's commit.
    pub fn with_proposals(mut self, group: &MlsGroup, signer: &impl Signer, proposals: &[Vec<u8>]) -> Result<Self, ErrorCode> {
        // Behind version, wire format and group id: epoch, sender (a member, at its index); behind its data: content type.
        let (_, rest) = VLBytes::tls_deserialize_bytes(self.content.get(4..).ok_or(ErrorCode::Malformed)?).map_err(malformed)?;
        let (_, rest) = VLBytes::tls_deserialize_bytes(rest.get(8 + 1 + 4..).ok_or(ErrorCode::Malformed)?).map_err(malformed)?;
        let front = self.content.len() - rest.len() + 1;
        let (_, path) = VLBytes::tls_deserialize_bytes(rest.get(1..).ok_or(ErrorCode::Malformed)?).map_err(malformed)?;
        let content = [&self.content[..front], &vector(&proposals.concat())?, path].concat();
        let context = group.public_group().group_context().tls_serialize_detached().map_err(internal)?;
        self.signature = vector(&sign(signer, "FramedContentTBS", &[&content[..], &context].concat())?)?;
        self.content = content;
        Ok(self)
    }
}

/// A proposal of a type and raw bytes, as it stands inline in a commit.
#[must_use]
pub fn inline_proposal(proposal_type: u16, body: &[u8]) -> Vec<u8> {
    [&[1], &proposal_type.to_be_bytes()[..], body].concat()
}

/// A ReInit proposal, which OpenMLS has no builder for: a group id of one byte, MLS 1.0, our suite, no extensions.
#[must_use]
pub fn reinit_proposal() -> Vec<u8> {
    inline_proposal(5, &[&[1, 7, 0, 1][..], &u16::from(config::SUITE).to_be_bytes(), &[0]].concat())
}

/// A GroupInfo, taken apart, to be signed again with other things in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupInfoParts {
    /// The GroupContext, encoded.
    pub context: Vec<u8>,
    /// The extensions, encoded; `external_pub` is one of them.
    pub extensions: Vec<u8>,
    /// The confirmation tag.
    pub confirmation_tag: Vec<u8>,
    /// Leaf index of the signer.
    pub signer: u32,
}

impl GroupInfoParts {
    /// Takes a GroupInfo apart.
    ///
    /// # Errors
    /// `malformed` for what is none.
    pub fn of(info: &Bytes) -> Result<Self, ErrorCode> {
        let body = info.as_slice().get(4..).ok_or(ErrorCode::Malformed)?;
        // Version and suite, group id, epoch, tree hash, transcript hash, extensions.
        let (_, rest) = VLBytes::tls_deserialize_bytes(body.get(4..).ok_or(ErrorCode::Malformed)?).map_err(malformed)?;
        let (_, rest) = VLBytes::tls_deserialize_bytes(rest.get(8..).ok_or(ErrorCode::Malformed)?).map_err(malformed)?;
        let (_, rest) = VLBytes::tls_deserialize_bytes(rest).map_err(malformed)?;
        let (_, rest) = VLBytes::tls_deserialize_bytes(rest).map_err(malformed)?;
        let context = body[..body.len() - rest.len()].to_vec();
        let (extensions, rest) = VLBytes::tls_deserialize_bytes(rest).map_err(malformed)?;
        let (tag, rest) = VLBytes::tls_deserialize_bytes(rest).map_err(malformed)?;
        let (signer, _) = u32::tls_deserialize_bytes(rest).map_err(malformed)?;
        Ok(Self { context, extensions: vector(extensions.as_slice())?, confirmation_tag: tag.as_slice().to_vec(), signer })
    }

    /// Puts another key of any length in the place of `external_pub`.
    ///
    /// # Errors
    /// `internal` for one that is longer than any vector.
    pub fn with_external_pub(mut self, key: &[u8]) -> Result<Self, ErrorCode> {
        let body = vector(&vector(key)?)?;
        self.extensions = vector(&[&u16::from(ExtensionType::ExternalPub).to_be_bytes()[..], &body].concat())?;
        Ok(self)
    }

    /// Signs it: true or not, it is a member's word.
    ///
    /// # Errors
    /// `internal` when the signer fails.
    pub fn sign(&self, signer: &impl Signer) -> Result<Bytes, ErrorCode> {
        let payload = [&self.context[..], &self.extensions, &vector(&self.confirmation_tag)?, &self.signer.to_be_bytes()].concat();
        let signature = vector(&sign(signer, "GroupInfoTBS", &payload)?)?;
        // MLS 1.0, mls_group_info.
        Ok(Bytes([&[0, 1, 0, 4][..], &payload, &signature].concat()))
    }
}

/// The upload with another confirmation tag, in the commit and in the GroupInfo alike: nothing of it contradicts itself, and nobody
/// but a member can know that it is wrong. `signer` bears the committer's new leaf key.
///
/// # Errors
/// `malformed` for an upload that is none.
pub fn with_confirmation_tag(upload: &UploadCommit, signer: &impl Signer, tag: &[u8]) -> Result<UploadCommit, ErrorCode> {
    let commit = CommitParts { confirmation_tag: tag.to_vec(), ..CommitParts::of(&upload.commit)? }.bytes()?;
    let group_info = GroupInfoParts { confirmation_tag: tag.to_vec(), ..GroupInfoParts::of(&upload.group_info)? }.sign(signer)?;
    Ok(UploadCommit { commit, group_info, ..anew(upload)? })
}

/// The upload with another membership tag in its commit.
///
/// # Errors
/// `malformed` for an upload that is none.
pub fn with_membership_tag(upload: &UploadCommit, tag: &[u8]) -> Result<UploadCommit, ErrorCode> {
    let commit = CommitParts { membership_tag: tag.to_vec(), ..CommitParts::of(&upload.commit)? }.bytes()?;
    Ok(UploadCommit { commit, ..anew(upload)? })
}

/// What a tag is bent into, with a name for the report: one bit, shorter, longer, nothing (GHSA-8x3w-qj7j-gqhf).
#[must_use]
pub fn bent_tags(tag: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let flipped = tag.iter().enumerate().map(|(at, byte)| if at == 0 { byte ^ 1 } else { *byte }).collect();
    let (cut, long) = (tag.iter().copied().take(tag.len().saturating_sub(1)).collect(), [tag, &[0]].concat());
    vec![
        ("flipped", flipped),
        ("cut by a byte", cut),
        ("one byte only", tag.iter().copied().take(1).collect()),
        ("longer", long),
        ("empty", Vec::new()),
    ]
}

/// Application data in the clear, which OpenMLS makes for nobody: FramedContent, signature and membership tag of a PublicMessage.
///
/// # Errors
/// `internal` for a text that is longer than any vector.
pub fn public_application(group: &MlsGroup, text: &str) -> Result<Bytes, ErrorCode> {
    let (version, public_message, member, application) = ([0, 1], [0, 1], [1], [1]);
    let parts: [&[u8]; 11] = [
        &version,
        &public_message,
        &vector(group.group_id().as_slice())?,
        &group.epoch().as_u64().to_be_bytes(),
        &member,
        &group.own_leaf_index().u32().to_be_bytes(),
        &vector(&[])?,
        &application,
        &vector(text.as_bytes())?,
        &vector(&[7; 64])?,
        &vector(&[7; config::TAG])?,
    ];
    Ok(Bytes(parts.concat()))
}

/// Signs as RFC 9420 §5.1.2 says: `SignContent` with the label.
fn sign(signer: &impl Signer, label: &str, content: &[u8]) -> Result<Vec<u8>, ErrorCode> {
    let label = vector(format!("MLS 1.0 {label}").as_bytes())?;
    signer.sign(&[label, vector(content)?].concat()).map_err(internal)
}

fn vector(bytes: &[u8]) -> Result<Vec<u8>, ErrorCode> {
    VLBytes::new(bytes.to_vec()).tls_serialize_detached().map_err(internal)
}
