//! Serves the results of a demo as a web page.

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
use crate::print_message;

/// File with the access token for starting predictions on the page.
pub(super) const TOKEN_FILE: &str = "token";
/// File with the secret key for signing evidence packs. The public key lies beside it.
pub(super) const KEY_FILE: &str = "evidence.key";

/// Serves a finished demo until Ctrl-C. It uses the demo's model, landscape, key and token.
pub(super) fn serve_demo(folder: &Path, bind: SocketAddr, quiet: bool) -> anyhow::Result<ExitCode> {
    let key = folder.join(KEY_FILE);
    if !key.exists() {
        generate_keys(&key, None)?;
    }
    let token = read_or_create_token(&folder.join(TOKEN_FILE))?;
    let mut options = ServerOptions::new(folder);
    options.bind = bind;
    options.token = Some(Token::new(&token)?);
    options.evidence_key =
        Some(Arc::new(read_secret_key(&key, || anyhow::bail!("the demo's key must not have a password"))?));
    let catalogue = folder.join("sim/unseen/catalog.json").display().to_string();
    let runner: Arc<dyn JobRunner> = Arc::new(Runner::for_demo(&folder.join("run/best"), folder, &catalogue)?);
    if !quiet {
        print_message(format_args!("to start a prediction on the page, enter this token: {token}"));
    }
    serve(options, Some(runner), quiet)
}

/// Reads the token from a file. If there is no file, a new token is written, readable only by its owner.
fn read_or_create_token(path: &Path) -> anyhow::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => return Ok(text.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot read the token in {}", path.display())),
    }
    let mut bytes = [0_u8; 16];
    ring::rand::SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("cannot get random numbers from the system"))?;
    let text = minesegsat::hex::encode(&bytes);
    // Temporary files are readable only by their owner, as a secret must be.
    let folder = path.parent().context("the token file has no folder")?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    writeln!(file, "{text}")?;
    file.persist(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(text)
}
