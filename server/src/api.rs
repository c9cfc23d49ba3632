//! `/api/v1`: CBOR in, CBOR out (the table is in `protocol::api`).

use axum::extract::{Path, Query, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use minicbor::{Decode, Encode};
use serde::Deserialize;
use sotto_protocol::api::{
    ArchivePages, BlockPerson, Blocked, ClaimKeyPackages, ClaimedKeyPackages, CommitAck, CreateRoom, DeleteShelves, Devices,
    KeyPackageCount, PagesPut, People, PutDevices, PutPages, ReadPages, RoomState, Rooms, StoredEntry, UploadCommit, UploadKeyPackages,
    UploadProposal,
};
use sotto_protocol::directory::{DirectoryHead, DirectoryHistory, LookUp, LookedUp, SignedRoot};
use sotto_protocol::frames::Ack;
use sotto_protocol::invites::{AskIn, Asks, MakeInvite, NameInvite};
use sotto_protocol::{ErrorCode, RoomId, Seq, codec, limits};

use crate::body;
use crate::error::{ApiError, CBOR};
use crate::request::Asking;
use crate::state::AppState;

/// An answer in CBOR.
struct Cbor<T>(T);

impl<T: Encode<()>> IntoResponse for Cbor<T> {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, CBOR)], codec::encode(&self.0)).into_response()
    }
}

type Answer<T> = Result<Cbor<T>, ApiError>;

/// The routes, without the sync socket.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/v1/devices", post(put_devices))
        .route("/api/v1/accounts/{account}/devices", get(devices))
        .route("/api/v1/directory", get(directory_head))
        .route("/api/v1/directory/epochs/{epoch}", get(directory_root))
        .route("/api/v1/directory/history", get(directory_history))
        .route("/api/v1/directory/lookup", post(directory_lookup))
        .route("/api/v1/key-packages", post(upload_key_packages))
        .route("/api/v1/key-packages/claim", post(claim_key_packages))
        .route("/api/v1/people", get(people))
        .route("/api/v1/rooms", get(rooms).post(create_room))
        .route("/api/v1/rooms/{room}/state", get(room_state))
        .route("/api/v1/rooms/{room}/commits", post(upload_commit))
        .route("/api/v1/rooms/{room}/proposals", post(upload_proposal))
        .route("/api/v1/rooms/{room}/entries/{seq}", get(entry))
        .route("/api/v1/invites", post(make_invite))
        .route("/api/v1/invites/delete", post(delete_invite))
        .route("/api/v1/invites/ask", post(ask_in))
        .route("/api/v1/invites/withdraw", post(withdraw_ask))
        .route("/api/v1/invites/asks", get(asks))
        .route("/api/v1/archive", post(put_pages))
        .route("/api/v1/archive/read", post(read_pages))
        .route("/api/v1/archive/delete", post(delete_shelves))
        .route("/api/v1/blocked", get(blocked).post(block))
        .route("/api/v1/blocked/delete", post(unblock))
}

async fn put_devices(State(app): State<AppState>, Extension(asking): Extension<Asking>, request: Request) -> Result<(), ApiError> {
    let caller = asking.signed_in()?;
    let devices: PutDevices = read(request, limits::API_BODY).await?;
    Ok(app.backend.put_devices(&asking.context, caller, devices).await?)
}

async fn devices(State(app): State<AppState>, Extension(asking): Extension<Asking>, Path(account): Path<String>) -> Answer<Devices> {
    let account = account.parse().map_err(|_| ErrorCode::NotFound)?;
    Ok(Cbor(app.backend.devices(&asking.context, asking.signed_in()?, account).await?))
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn directory_head(
    State(app): State<AppState>,
    Extension(asking): Extension<Asking>,
    after: Result<Query<After>, axum::extract::rejection::QueryRejection>,
) -> Answer<DirectoryHead> {
    let caller = asking.signed_in()?;
    let Query(After { after }) = after.map_err(|_| ErrorCode::Malformed)?;
    Ok(Cbor(app.backend.directory_head(&asking.context, caller, after).await?))
}

async fn directory_root(
    State(app): State<AppState>,
    Extension(asking): Extension<Asking>,
    Path(epoch): Path<String>,
) -> Answer<SignedRoot> {
    let epoch = epoch.parse().map_err(|_| ErrorCode::NotFound)?;
    Ok(Cbor(app.backend.directory_root(&asking.context, asking.signed_in()?, epoch).await?))
}

async fn directory_history(State(app): State<AppState>, Extension(asking): Extension<Asking>) -> Answer<DirectoryHistory> {
    Ok(Cbor(app.backend.directory_history(&asking.context, asking.signed_in()?).await?))
}

async fn directory_lookup(State(app): State<AppState>, Extension(asking): Extension<Asking>, request: Request) -> Answer<LookedUp> {
    let caller = asking.signed_in()?;
    let names: LookUp = read(request, limits::API_BODY).await?;
    Ok(Cbor(app.backend.directory_lookup(&asking.context, caller, names).await?))
}

async fn upload_key_packages(
    State(app): State<AppState>,
    Extension(asking): Extension<Asking>,
    request: Request,
) -> Answer<KeyPackageCount> {
    let caller = asking.signed_in()?;
    let packages: UploadKeyPackages = read(request, limits::API_BODY).await?;
    Ok(Cbor(app.backend.upload_key_packages(&asking.context, caller, packages).await?))
}

async fn claim_key_packages(
    State(app): State<AppState>,
    Extension(asking): Extension<Asking>,
    request: Request,
) -> Answer<ClaimedKeyPackages> {
    let caller = asking.signed_in()?;
    let claim: ClaimKeyPackages = read(request, limits::API_BODY).await?;
    Ok(Cbor(app.backend.claim_key_packages(&asking.context, caller, claim).await?))
}

#[derive(Deserialize)]
struct Search {
    q: String,
}

async fn people(
    State(app): State<AppState>,
    Extension(asking): Extension<Asking>,
    search: Result<Query<Search>, axum::extract::rejection::QueryRejection>,
) -> Answer<People> {
    let caller = asking.signed_in()?;
    let Query(search) = search.map_err(|_| ErrorCode::Malformed)?;
    Ok(Cbor(app.backend.search_people(&asking.context, caller, &search.q).await?))
}

async fn rooms(State(app): State<AppState>, Extension(asking): Extension<Asking>) -> Answer<Rooms> {
    Ok(Cbor(app.backend.rooms(asking.signed_in()?).await?))
}

async fn create_room(State(app): State<AppState>, Extension(asking): Extension<Asking>, request: Request) -> Answer<CommitAck> {
    let caller = asking.signed_in()?;
    let room: CreateRoom = read(request, limits::COMMIT_BODY).await?;
    Ok(Cbor(app.backend.create_room(&asking.context, caller, room).await?))
}

async fn room_state(State(app): State<AppState>, Extension(asking): Extension<Asking>, Path(room): Path<String>) -> Answer<RoomState> {
    Ok(Cbor(app.backend.room_state(asking.signed_in()?, room_id(&room)?).await?))
}

async fn upload_commit(
    State(app): State<AppState>,
    Extension(asking): Extension<Asking>,
    Path(room): Path<String>,
    request: Request,
) -> Answer<CommitAck> {
    let (caller, room) = (asking.signed_in()?, room_id(&room)?);
    let commit: UploadCommit = read(request, limits::COMMIT_BODY).await?;
    Ok(Cbor(app.backend.upload_commit(&asking.context, caller, room, commit).await?))
}

async fn upload_proposal(
    State(app): State<AppState>,
    Extension(asking): Extension<Asking>,
    Path(room): Path<String>,
    request: Request,
) -> Answer<Ack> {
    let (caller, room) = (asking.signed_in()?, room_id(&room)?);
    let proposal: UploadProposal = read(request, limits::API_BODY).await?;
    Ok(Cbor(app.backend.upload_proposal(&asking.context, caller, room, proposal).await?))
}

async fn entry(
    State(app): State<AppState>,
    Extension(asking): Extension<Asking>,
    Path((room, seq)): Path<(String, String)>,
) -> Answer<StoredEntry> {
    let seq: Seq = seq.parse().map_err(|_| ErrorCode::NotFound)?;
    Ok(Cbor(app.backend.entry(asking.signed_in()?, room_id(&room)?, seq).await?))
}

async fn make_invite(State(app): State<AppState>, Extension(asking): Extension<Asking>, request: Request) -> Result<(), ApiError> {
    let caller = asking.signed_in()?;
    let invite: MakeInvite = read(request, limits::API_BODY).await?;
    Ok(app.backend.make_invite(&asking.context, caller, invite).await?)
}

async fn delete_invite(State(app): State<AppState>, Extension(asking): Extension<Asking>, request: Request) -> Result<(), ApiError> {
    let caller = asking.signed_in()?;
    let which: NameInvite = read(request, limits::API_BODY).await?;
    Ok(app.backend.delete_invite(caller, which).await?)
}

async fn ask_in(State(app): State<AppState>, Extension(asking): Extension<Asking>, request: Request) -> Result<(), ApiError> {
    let caller = asking.signed_in()?;
    let ask: AskIn = read(request, limits::API_BODY).await?;
    Ok(app.backend.ask_in(&asking.context, caller, ask).await?)
}

async fn withdraw_ask(State(app): State<AppState>, Extension(asking): Extension<Asking>, request: Request) -> Result<(), ApiError> {
    let caller = asking.signed_in()?;
    let which: NameInvite = read(request, limits::API_BODY).await?;
    Ok(app.backend.withdraw_ask(caller, which).await?)
}

async fn asks(State(app): State<AppState>, Extension(asking): Extension<Asking>) -> Answer<Asks> {
    Ok(Cbor(app.backend.asks(&asking.context, asking.signed_in()?).await?))
}

async fn put_pages(State(app): State<AppState>, Extension(asking): Extension<Asking>, request: Request) -> Answer<PagesPut> {
    let caller = asking.signed_in()?;
    let pages: PutPages = read(request, limits::ARCHIVE_BODY).await?;
    Ok(Cbor(app.backend.put_pages(caller, pages).await?))
}

async fn read_pages(State(app): State<AppState>, Extension(asking): Extension<Asking>, request: Request) -> Answer<ArchivePages> {
    let caller = asking.signed_in()?;
    let wanted: ReadPages = read(request, limits::API_BODY).await?;
    Ok(Cbor(app.backend.read_pages(caller, wanted).await?))
}

async fn delete_shelves(State(app): State<AppState>, Extension(asking): Extension<Asking>, request: Request) -> Result<(), ApiError> {
    let caller = asking.signed_in()?;
    let shelves: DeleteShelves = read(request, limits::API_BODY).await?;
    Ok(app.backend.delete_shelves(caller, shelves).await?)
}

async fn blocked(State(app): State<AppState>, Extension(asking): Extension<Asking>) -> Answer<Blocked> {
    Ok(Cbor(app.backend.blocked(asking.signed_in()?).await?))
}

async fn block(State(app): State<AppState>, Extension(asking): Extension<Asking>, request: Request) -> Result<(), ApiError> {
    let caller = asking.signed_in()?;
    let whom: BlockPerson = read(request, limits::API_BODY).await?;
    Ok(app.backend.block(caller, whom).await?)
}

async fn unblock(State(app): State<AppState>, Extension(asking): Extension<Asking>, request: Request) -> Result<(), ApiError> {
    let caller = asking.signed_in()?;
    let whom: BlockPerson = read(request, limits::API_BODY).await?;
    Ok(app.backend.unblock(caller, whom).await?)
}

/// A path that names no room names nothing.
fn room_id(text: &str) -> Result<RoomId, ErrorCode> {
    text.parse().map_err(|_| ErrorCode::NotFound)
}

async fn read<T: for<'b> Decode<'b, ()>>(request: Request, limit: usize) -> Result<T, ApiError> {
    if !body::declares(request.headers(), "application/cbor") {
        return Err(ErrorCode::Malformed.into());
    }
    let bytes = body::read(request, limit).await?;
    Ok(codec::decode(&bytes, limit)?)
}
