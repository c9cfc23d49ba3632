//! `/api/v1` without HTTP: the same bodies, straight to the services.

use sotto_backend::{Backend, RequestContext, ServiceError, SessionToken};
use sotto_client::io::Method;
use sotto_protocol::{ErrorCode, RoomId, codec, limits};

/// One request with a browser's cookie.
pub(crate) async fn call(
    backend: &Backend,
    context: &RequestContext,
    token: Option<&SessionToken>,
    method: Method,
    path: &str,
    body: &[u8],
) -> Result<Vec<u8>, ServiceError> {
    let token = token.ok_or(ErrorCode::SignedOut)?;
    let caller = backend.authenticate(context, token).await?;
    let path = path.strip_prefix("/api/v1/").ok_or(ErrorCode::NotFound)?;
    let limit = limits::COMMIT_BODY;
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    match (method, first, rest) {
        (Method::Get, "directory", "history") => Ok(codec::encode(&backend.directory_history(context, &caller).await?)),
        (Method::Post, "directory", "lookup") => {
            Ok(codec::encode(&backend.directory_lookup(context, &caller, codec::decode(body, limit)?).await?))
        }
        (Method::Get, "directory", rest) => {
            let epoch = rest.strip_prefix("epochs/").and_then(|epoch| epoch.parse().ok()).ok_or(ErrorCode::NotFound)?;
            Ok(codec::encode(&backend.directory_root(context, &caller, epoch).await?))
        }
        (Method::Post, "devices", "") => {
            backend.put_devices(context, &caller, codec::decode(body, limit)?).await?;
            Ok(Vec::new())
        }
        (Method::Post, "archive", "") => Ok(codec::encode(&backend.put_pages(&caller, codec::decode(body, limit)?).await?)),
        (Method::Post, "archive", "read") => Ok(codec::encode(&backend.read_pages(&caller, codec::decode(body, limit)?).await?)),
        (Method::Post, "archive", "delete") => {
            backend.delete_shelves(&caller, codec::decode(body, limit)?).await?;
            Ok(Vec::new())
        }
        (Method::Get, "blocked", "") => Ok(codec::encode(&backend.blocked(&caller).await?)),
        (Method::Post, "blocked", "") => {
            backend.block(&caller, codec::decode(body, limit)?).await?;
            Ok(Vec::new())
        }
        (Method::Post, "blocked", "delete") => {
            backend.unblock(&caller, codec::decode(body, limit)?).await?;
            Ok(Vec::new())
        }
        (Method::Get, "invites", "asks") => Ok(codec::encode(&backend.asks(context, &caller).await?)),
        (Method::Post, "invites", what) => {
            match what {
                "" => backend.make_invite(context, &caller, codec::decode(body, limit)?).await?,
                "delete" => backend.delete_invite(&caller, codec::decode(body, limit)?).await?,
                "ask" => backend.ask_in(context, &caller, codec::decode(body, limit)?).await?,
                "withdraw" => backend.withdraw_ask(&caller, codec::decode(body, limit)?).await?,
                _ => return Err(ErrorCode::NotFound.into()),
            }
            Ok(Vec::new())
        }
        (Method::Get, "accounts", rest) => {
            let account = rest.strip_suffix("/devices").and_then(|account| account.parse().ok()).ok_or(ErrorCode::NotFound)?;
            Ok(codec::encode(&backend.devices(context, &caller, account).await?))
        }
        (Method::Post, "key-packages", "") => {
            Ok(codec::encode(&backend.upload_key_packages(context, &caller, codec::decode(body, limit)?).await?))
        }
        (Method::Post, "key-packages", "claim") => {
            Ok(codec::encode(&backend.claim_key_packages(context, &caller, codec::decode(body, limit)?).await?))
        }
        (Method::Post, "rooms", "") => Ok(codec::encode(&backend.create_room(context, &caller, codec::decode(body, limit)?).await?)),
        (Method::Get, "rooms", "") => Ok(codec::encode(&backend.rooms(&caller).await?)),
        (_, "rooms", rest) => {
            let (room, what) = rest.split_once('/').ok_or(ErrorCode::NotFound)?;
            let room: RoomId = room.parse().map_err(|_| ErrorCode::NotFound)?;
            match (method, what.split_once('/').unwrap_or((what, ""))) {
                (Method::Get, ("state", "")) => Ok(codec::encode(&backend.room_state(&caller, room).await?)),
                (Method::Post, ("commits", "")) => {
                    Ok(codec::encode(&backend.upload_commit(context, &caller, room, codec::decode(body, limit)?).await?))
                }
                (Method::Post, ("proposals", "")) => {
                    Ok(codec::encode(&backend.upload_proposal(context, &caller, room, codec::decode(body, limit)?).await?))
                }
                (Method::Get, ("entries", seq)) => {
                    let seq = seq.parse().map_err(|_| ErrorCode::NotFound)?;
                    Ok(codec::encode(&backend.entry(&caller, room, seq).await?))
                }
                _ => Err(ErrorCode::NotFound.into()),
            }
        }
        (Method::Get, head, "") if head.starts_with("directory?after=") => {
            let after = head.trim_start_matches("directory?after=").parse().map_err(|_| ErrorCode::Malformed)?;
            Ok(codec::encode(&backend.directory_head(context, &caller, after).await?))
        }
        (Method::Get, people, "") if people.starts_with("people?q=") => {
            let query = people.trim_start_matches("people?q=");
            Ok(codec::encode(&backend.search_people(context, &caller, query).await?))
        }
        _ => Err(ErrorCode::NotFound.into()),
    }
}
