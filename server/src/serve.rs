//! `sotto serve`: start, ready line, retention, and a stop that finishes what was begun.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use sotto_backend::Backend;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, PublicUrl};
use crate::site::Site;
use crate::state::AppState;
use crate::sync::Slots;
use crate::{files, lock, request, routes, telemetry};

/// Requests and sockets get this long to finish when the server stops.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// A TLS handshake may take so long, and then the head of the first request: whoever says nothing must not hold a connection.
const FIRST_WITHIN: Duration = Duration::from_secs(10);
/// A later request's head, with the pause before it on the same connection, may take so long (HTTP/1).
const HEAD_WITHIN: Duration = Duration::from_secs(60);
/// HTTP/2 has no such pause to measure, so a peer that was silent for so long is asked for a sign of life…
const PING_AFTER: Duration = Duration::from_secs(30);
/// …which must come within this time. Who gives it may stay, as on the sync socket.
const PONG_WITHIN: Duration = Duration::from_secs(10);
const RETENTION_EVERY: Duration = Duration::from_secs(3_600);

/// Runs until SIGTERM or SIGINT.
pub(crate) async fn run(config: Config) -> anyhow::Result<()> {
    telemetry::start(&config.log, config.log_format)?;
    let _lock = lock::take(&config.backend.data_dir)?;
    let site = Site::load(config.site_dir.as_deref()).map_err(Config::wrong_site)?;
    let listener = TcpListener::bind(config.listen).with_context(|| format!("SOTTO_LISTEN: {}", config.listen))?;
    listener.set_nonblocking(true)?;
    let public_url = match config.public_url {
        Some(url) => url,
        None => PublicUrl::of_listener(listener.local_addr()?, config.tls.is_some()).map_err(Config::wrong_public_url)?,
    };
    let sockets = files::raise(config.sockets);
    let backend = Backend::open(config.backend).await?;
    let app = AppState {
        backend: backend.clone(),
        site,
        public_url: Arc::new(public_url),
        trusted_proxies: Arc::new(config.trusted_proxies),
        socket_limits: sockets,
        slots: Slots::new(sockets),
        stopping: CancellationToken::new(),
        connections: TaskTracker::new(),
    };
    let handle = Handle::new();
    tokio::spawn(stop_on_signal(app.stopping.clone(), handle.clone()));
    tokio::spawn(keep_retention(backend.clone(), app.stopping.clone()));
    say_ready(&app.public_url)?;
    listen(listener, config.tls.map(RustlsConfig::from_config), handle, app.clone()).await?;
    // No new connection comes now; those that are here answer what they began and say goodbye.
    app.connections.close();
    if tokio::time::timeout(STOP_WITHIN, app.connections.wait()).await.is_err() {
        tracing::warn!("stopped with connections that did not end");
    }
    backend.close().await;
    tracing::info!("stopped");
    Ok(())
}

async fn listen(listener: TcpListener, tls: Option<RustlsConfig>, handle: Handle<SocketAddr>, app: AppState) -> anyhow::Result<()> {
    let service = routes::router(app).into_make_service_with_connect_info::<SocketAddr>();
    // hyper's own times begin when it knows the version, which it learns from the first bytes.
    let mut server = axum_server::from_tcp(listener)?.handle(handle).first_request_timeout(FIRST_WITHIN);
    server.http_builder().http1().header_read_timeout(HEAD_WITHIN).max_buf_size(64 * 1024);
    server.http_builder().http2().keep_alive_interval(PING_AFTER).keep_alive_timeout(PONG_WITHIN);
    match tls {
        Some(tls) => server.acceptor(RustlsAcceptor::new(tls).handshake_timeout(FIRST_WITHIN)).serve(service).await?,
        None => server.serve(service).await?,
    }
    Ok(())
}

/// The one line on stdout that whoever started us waits for.
fn say_ready(public_url: &PublicUrl) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "listening on {public_url}")?;
    stdout.flush()
}

async fn stop_on_signal(stopping: CancellationToken, handle: Handle<SocketAddr>) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        tracing::error!("no signal handlers: this server can only be killed");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    stopping.cancel();
    handle.graceful_shutdown(Some(STOP_WITHIN));
}

async fn keep_retention(backend: Backend, stopping: CancellationToken) {
    let mut hourly = tokio::time::interval(RETENTION_EVERY);
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            _ = hourly.tick() => {}
        }
        if let Err(error) = backend.run_retention(request::now()).await {
            tracing::warn!(code = error.code.as_str(), "retention");
        }
    }
}
