//! Log lines on stderr, as text or JSON.

use tracing::Level;
use tracing_subscriber::filter::{EnvFilter, ParseError, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::config::LogFormat;

/// Whether a filter can be understood.
pub(crate) fn check_filter(filter: &str) -> Result<(), ParseError> {
    EnvFilter::builder().parse(filter).map(|_| ())
}

/// Starts logging.
///
/// # Errors
/// When a subscriber is there already.
pub(crate) fn start(filter: &str, format: LogFormat) -> Result<(), TryInitError> {
    // Only our own crates were read for secrets: others stay at INFO, because they print frames and headers below it.
    let own = filter_fn(|line| *line.level() <= Level::INFO || line.target().starts_with("sotto"));
    let filter = EnvFilter::builder().parse_lossy(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(own).with_filter(filter)).try_init()
}
