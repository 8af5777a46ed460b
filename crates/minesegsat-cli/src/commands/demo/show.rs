//! The map on what the demo made.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use minesegsat::evidence::{generate_keys, read_secret_key};
use minesegsat_server::{JobRunner, ServerOptions, Token};
use ring::rand::SecureRandom as _;

use crate::commands::serve::{Runner, serve};
use crate::say;

/// The token with which maps may be ordered on the page.
pub(super) const TOKEN_FILE: &str = "token";
/// The key that packs of evidence are signed with; its public half lies beside it.
pub(super) const KEY_FILE: &str = "evidence.key";

/// Serves a finished demo until Ctrl-C, with its own model, its own landscape as the catalogue, and a key and a token of its own.
pub(super) fn show(folder: &Path, bind: SocketAddr, quiet: bool) -> anyhow::Result<ExitCode> {
    let key = folder.join(KEY_FILE);
    if !key.exists() {
        generate_keys(&key, None)?;
    }
    let token = token(&folder.join(TOKEN_FILE))?;
    let mut options = ServerOptions::new(folder);
    options.bind = bind;
    options.token = Some(Token::new(&token)?);
    options.evidence_key =
        Some(Arc::new(read_secret_key(&key, || anyhow::bail!("the key of a demo has no password"))?));
    let catalogue = folder.join("sim/unseen/catalog.json").display().to_string();
    let runner: Arc<dyn JobRunner> = Arc::new(Runner::with(&folder.join("run/best"), folder, &catalogue)?);
    if !quiet {
        say(format_args!("who orders a map on the page is asked for the token: {token}"));
    }
    serve(options, Some(runner), quiet)
}

/// The token in a file, which is made where it is not there, readable by its owner only.
fn token(path: &Path) -> anyhow::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => return Ok(text.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot read the token in {}", path.display())),
    }
    let mut bytes = [0_u8; 16];
    ring::rand::SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("no random numbers from the system"))?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    // Temporary files are private, as a secret is to be.
    let folder = path.parent().context("a token without a folder")?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    writeln!(file, "{text}")?;
    file.persist(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(text)
}
