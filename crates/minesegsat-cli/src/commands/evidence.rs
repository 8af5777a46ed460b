//! `minesegsat evidence SITE | verify | keygen`

use std::{
    io::{IsTerminal, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context, bail};
use minesegsat::evidence::{self, PackInput, SecretKey, Status, Verification};
use minesegsat::register::{Observation, Permit, Register};
use minesegsat::report::{Locale, load_site_at, site_pdf};
use serde_json::{Value, json};

use crate::args::{EvidenceArgs, EvidenceCommand, EvidenceKeygenArgs, EvidencePackArgs, EvidenceVerifyArgs};
use crate::interrupt;

/// Exit code for a pack whose hashes match, but whose signer is unknown.
const NOT_AUTHENTICATED: u8 = 3;
const PASSWORD: &str = "MINESEGSAT_KEY_PASSWORD";

pub(crate) fn run(args: &EvidenceArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    match (&args.command, &args.pack) {
        (Some(EvidenceCommand::Verify(args)), _) => verify(args),
        (Some(EvidenceCommand::Keygen(args)), _) => keygen(args, quiet),
        (None, Some(pack_args)) => pack(pack_args, &args.register.path(), quiet),
        (None, None) => {
            bail!("no site or subcommand given: give a site, `verify` or `keygen`; see `minesegsat evidence --help`")
        }
    }
}

fn pack(args: &EvidencePackArgs, register: &Path, quiet: bool) -> anyhow::Result<ExitCode> {
    let register = Register::open_read_only(register)?;
    let site = register.known_site(&args.site)?;
    let observation = select_observation(register.read_observations(&site.id)?.rows, args)?;
    let permit = permit_of(&observation, register.permits(&site.id)?);
    let base = register.folder().to_owned();
    let parameters = evidence::parameters_of(&observation, &base)?;
    let key = secret_key(&args.key)?;
    let signed = jiff::Timestamp::now();
    interrupt::stop_on_ctrl_c();
    // A report on damaged files would fail with another reason.
    evidence::check_files(&observation, &base)?;
    let report = load_site_at(&register, &observation)?;
    let report = site_pdf(&report, args.lang.unwrap_or_else(Locale::of_environment))?;
    let input = PackInput { site, permit, observation, base, parameters, report, signed };
    let summary = evidence::pack(&input, &key, &args.output, args.overwrite)?;
    let mut stdout = crate::terminal::stdout();
    if args.json {
        let record = json!({
            "path": summary.path.display().to_string(),
            "size": summary.size,
            "files": summary.files,
            "key_id": summary.key_id,
            "site": input.site.id,
            "date": input.observation.date,
            "verdict": input.observation.verdict,
            "permit": input.permit.as_ref().map(|permit| &permit.number),
        });
        writeln!(stdout, "{}", serde_json::to_string_pretty(&record)?)?;
    } else if !quiet {
        writeln!(
            stdout,
            "{}: {} files, {} bytes, signed with key {}",
            summary.path.display(),
            summary.files,
            summary.size,
            summary.key_id
        )?;
        writeln!(stdout, "  {} on {}: {}", input.site.id, input.observation.date, input.observation.statement)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Selects the observation for the pack from all observations of the site.
fn select_observation(observations: Vec<Observation>, args: &EvidencePackArgs) -> anyhow::Result<Observation> {
    /// Maximum number of days to suggest if the requested day has no observation.
    const MAX_SUGGESTIONS: usize = 5;

    let site = &args.site;
    let mut days: Vec<_> = observations.iter().map(|observation| observation.date).collect();
    days.dedup();
    let of_day: Vec<_> = observations.into_iter().filter(|observation| observation.date == args.date).collect();
    if of_day.is_empty() {
        // The nearest days come first.
        days.sort_by_key(|day| args.date.until(*day).map_or(i32::MAX, |span| span.get_days().abs()));
        let near: Vec<_> = days.iter().take(MAX_SUGGESTIONS).map(ToString::to_string).collect();
        if near.is_empty() {
            bail!("site `{site}` has no observations yet; `monitor run` makes them");
        }
        bail!("site `{site}` has no observation of {}; the nearest ones are of {}", args.date, near.join(", "));
    }
    let described: Vec<_> = of_day
        .iter()
        .map(|observation| {
            let model = observation.model_sha256.get(..12).unwrap_or_default();
            format!("scenes {} with model {model}", observation.scenes.join(", "))
        })
        .collect();
    let mut chosen: Vec<_> = of_day
        .into_iter()
        .filter(|observation| args.scene.as_ref().is_none_or(|scene| observation.scenes.contains(scene)))
        .filter(|observation| {
            let model = args.model.as_ref().map(|model| model.to_lowercase());
            model.is_none_or(|model| observation.model_sha256.starts_with(&model))
        })
        .collect();
    match (chosen.pop(), chosen.len()) {
        (Some(observation), 0) => Ok(observation),
        (Some(_), more) => bail!(
            "site `{site}` has {} matching observations of {}; choose one with `--scene` or `--model`. Available: {}",
            more + 1,
            args.date,
            described.join("; ")
        ),
        (None, _) => {
            bail!("site `{site}` has no matching observation of {}. Available: {}", args.date, described.join("; "))
        }
    }
}

/// The permit version of the verdict, if the register still has it.
fn permit_of(observation: &Observation, permits: Vec<Permit>) -> Option<Permit> {
    let number = observation.permit.as_ref()?;
    let date = observation.date;
    let found = permits.into_iter().find(|permit| permit.number == *number && permit.holds_on(date));
    match &found {
        None => tracing::warn!(
            "permit `{number}` of {date} is no longer in the register; the pack has only the permit \
             data of the observation"
        ),
        Some(permit) if permit.limit_ha != observation.limit_ha => tracing::warn!(
            "permit `{number}` has changed since the verdict: its limit is now {}, and was {}",
            hectares(permit.limit_ha),
            hectares(observation.limit_ha)
        ),
        Some(_) => {}
    }
    found
}

fn hectares(limit: Option<f64>) -> String {
    limit.map_or_else(|| "not given".to_owned(), |ha| format!("{ha} ha"))
}

pub(crate) fn secret_key(path: &Path) -> anyhow::Result<SecretKey> {
    evidence::read_secret_key(path, || match std::env::var(PASSWORD) {
        Ok(password) => Ok(password),
        Err(_) if std::io::stdin().is_terminal() => prompt(&format!("Password of {}: ", path.display())),
        Err(_) => bail!(
            "the key in {} has a password, and there is no terminal to ask for it; set the {PASSWORD} \
             environment variable",
            path.display()
        ),
    })
}

fn prompt(text: &str) -> anyhow::Result<String> {
    rpassword::prompt_password(text).context("cannot read a password from the terminal")
}

fn keygen(args: &EvidenceKeygenArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let password = if args.no_password { None } else { Some(new_password()?) };
    let keys = evidence::generate_keys(&args.output, password.as_deref())?;
    let mut stdout = crate::terminal::stdout();
    writeln!(stdout, "secret key  {}", keys.secret.display())?;
    writeln!(stdout, "public key  {}: {}", keys.public.display(), keys.public_key)?;
    writeln!(stdout, "key id      {}", keys.key_id)?;
    if !quiet {
        let secret = keys.secret.display();
        crate::print_message(format_args!(
            "keep {secret} secret, and store a copy in a safe place; give the public key to the people who verify packs, \
             but not together with the packs"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn new_password() -> anyhow::Result<String> {
    let password = match std::env::var(PASSWORD) {
        Ok(password) => password,
        Err(_) if std::io::stdin().is_terminal() => {
            let password = prompt("Password of the new key: ")?;
            if prompt("Repeat the password: ")? != password {
                bail!("the passwords differ; no key was created");
            }
            password
        }
        Err(_) => bail!(
            "there is no terminal to ask for a password; set the {PASSWORD} environment variable, or use \
             `--no-password` for a key without one"
        ),
    };
    if password.is_empty() {
        bail!("an empty password is not accepted; use `--no-password` for a key without one");
    }
    Ok(password)
}

fn verify(args: &EvidenceVerifyArgs) -> anyhow::Result<ExitCode> {
    let key = args.public_key.as_deref().map(evidence::read_public_key).transpose()?;
    let verification = evidence::verify(&args.pack, key.as_ref())?;
    let mut stdout = crate::terminal::stdout();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&record(&args.pack, &verification))?)?;
    } else {
        stdout.write_all(description(&args.pack, &verification).as_bytes())?;
    }
    Ok(match verification.status() {
        Status::Authenticated => ExitCode::SUCCESS,
        Status::NotAuthenticated => ExitCode::from(NOT_AUTHENTICATED),
        Status::Unsound => ExitCode::FAILURE,
    })
}

/// The result of a verification as JSON.
fn record(pack: &Path, verification: &Verification) -> Value {
    let findings: Vec<Value> = verification
        .findings
        .iter()
        .map(|finding| {
            let mut record = json!(finding);
            record["message"] = json!(finding.to_string());
            record
        })
        .collect();
    let manifest = verification.manifest.as_ref();
    let field = |pointer: &str| manifest.and_then(|manifest| manifest.pointer(pointer)).cloned();
    json!({
        "pack": pack.display().to_string(),
        "status": verification.status(),
        "is_signed": verification.is_signed,
        "signature": verification.signature,
        "site": field("/site/id"),
        "date": field("/observation/date"),
        "verdict": field("/observation/verdict"),
        "statement": field("/observation/statement"),
        "sound_files": verification.sound_files,
        "findings": findings,
    })
}

/// The result of a verification as text.
fn description(pack: &Path, verification: &Verification) -> String {
    let pack = pack.display();
    let mut text = match verification.status() {
        Status::Authenticated => format!("{pack}: sound and authenticated\n"),
        Status::NotAuthenticated => format!("{pack}: sound, but not authenticated: its signer is unknown\n"),
        Status::Unsound => match verification.findings.len() {
            1 => format!("{pack}: not sound\n"),
            count => format!("{pack}: not sound, {count} findings\n"),
        },
    };
    for finding in &verification.findings {
        text += &format!("  - {finding}\n");
    }
    // These texts come from the pack: control characters are escaped, so that they cannot affect the terminal.
    let plain = |value: &Value| value.as_str().unwrap_or_default().escape_debug().to_string();
    let prefix = if verification.is_signed { "" } else { "unverified: " };
    if let Some(manifest) = &verification.manifest {
        let field = |pointer: &str| manifest.pointer(pointer).map(plain).unwrap_or_default();
        let (site, date, statement) = (field("/site/id"), field("/observation/date"), field("/observation/statement"));
        text += &format!("  {prefix}{site} on {date}: {statement}\n");
        text += &format!("  {} files match the manifest\n", verification.sound_files);
    }
    if let Some(signature) = &verification.signature {
        let comment = signature.trusted_comment.rsplit('\t').next().unwrap_or_default().escape_debug();
        text += &format!("  {prefix}signed with key {} ({comment})\n", signature.key_id);
    }
    if verification.status() == Status::NotAuthenticated {
        text += "  get the public key from the signer, not with the pack, and give it with `--public-key`: someone who changes \
                 a file can also change its hash\n";
    }
    text
}
