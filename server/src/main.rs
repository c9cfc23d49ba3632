//! The `sotto` binary: command line, then the server.
//!
//! Map: `config` (settings), `serve` (start and stop), `offline` (commands for a data folder whose server is stopped), `files` (how many may be open), `routes` (the router and its layers); layers: `headers`, `origin`,
//! `request` (who asks); routes: `api` (keys, rooms), `sync` (the socket), `account` (server functions), `pages` (rendered app),
//! `site` (built files). Decisions are in `backend`; this crate carries them over HTTP.
//!
//! Invariants: every answer has the security headers; what changes anything needs our Origin; a GET changes nothing; no path,
//! cookie, body or address is logged.

mod account;
mod api;
mod body;
mod config;
mod cookie;
mod error;
mod files;
mod headers;
mod lock;
mod offline;
mod origin;
mod pages;
mod request;
mod routes;
mod serve;
mod site;
mod state;
mod sync;
mod telemetry;

use std::io::Write as _;
use std::process::ExitCode;

const USAGE: &str = "Sotto: private chat that one binary hosts.\n\nUsage: sotto serve | audit | reset NAME | --version | --help\n\n  serve   runs the server\n  audit   verifies the whole directory of keys in the data folder; the server has to be stopped, or the folder a copy\n  reset   frees the name of somebody who has lost password, recovery code and devices; stop the server first. They sign up\n          anew under it, and everybody whom they talked with is warned\n\n\
    Settings: an environment variable, or a key in the TOML file that SOTTO_CONFIG names (limits.x is x in the table [limits]).\n";

enum Command {
    Serve,
    Audit,
    Reset(String),
    Version,
    Help,
}

fn main() -> ExitCode {
    match command().and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Logging may not have begun, and this line is for the person at the terminal.
            let _ = writeln!(std::io::stderr(), "sotto: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn command() -> anyhow::Result<Command> {
    use lexopt::prelude::*;
    let mut arguments = lexopt::Parser::from_env();
    let command = match arguments.next()? {
        Some(Value(word)) if word == "serve" => Command::Serve,
        Some(Value(word)) if word == "audit" => Command::Audit,
        Some(Value(word)) if word == "reset" => Command::Reset(arguments.value()?.string()?),
        Some(Long("version") | Short('V')) => Command::Version,
        Some(Long("help") | Short('h')) => Command::Help,
        Some(other) => return Err(other.unexpected().into()),
        None => anyhow::bail!("what to do? Try: sotto serve"),
    };
    match arguments.next()? {
        None => Ok(command),
        Some(more) => Err(more.unexpected().into()),
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Version => Ok(writeln!(std::io::stdout(), "sotto {}", env!("CARGO_PKG_VERSION"))?),
        Command::Help => Ok(write!(std::io::stdout(), "{USAGE}{}", config::help())?),
        Command::Serve => {
            let config = config::Config::load()?;
            tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve::run(config))
        }
        Command::Audit => tell(offline::audit(&config::Config::load()?)),
        Command::Reset(name) => tell(offline::reset(&config::Config::load()?, &name)),
    }
}

/// Carries a command out and prints what it has to say.
fn tell(command: impl Future<Output = anyhow::Result<String>>) -> anyhow::Result<()> {
    let line = tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)?;
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
