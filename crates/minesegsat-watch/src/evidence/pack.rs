//! Writing of evidence packs.

use std::{
    io::{BufWriter, Cursor, Write},
    path::{Path, PathBuf},
};

use fs_err as fs;
use jiff::Timestamp;
use serde_json::Value;

use super::container::{self, Content, MAX_FILES, MAX_LENGTH, Member, Source};
use super::manifest::{FileRecord, Manifest, PermitRecord, SiteRecord, permit_geojson, site_geojson};
use super::{
    FILES, FORMAT, FORMAT_VERSION, MANIFEST, PERMIT, PublicKey, README, REPORT, SIGNATURE, SITE, SUMS, SecretKey,
    Status, UNTRUSTED_COMMENT, key_id, path_problem, verify,
};
use crate::register::{Observation, Permit, Site};
use minesegsat_core::output::OutputFolder;
use minesegsat_core::{Error, Result};
use minesegsat_scene::manifest::Software;

/// Content of a pack.
#[derive(Debug, Clone)]
pub struct PackInput {
    /// The site.
    pub site: Site,
    /// The permit version that the verdict refers to.
    pub permit: Option<Permit>,
    /// The observation.
    pub observation: Observation,
    /// The folder that paths of the observation's files are relative to: the register's folder.
    pub base: PathBuf,
    /// Other parameters that determined the result.
    pub parameters: Value,
    /// The report of the site up to this observation, as PDF.
    pub report: Vec<u8>,
    /// Time of the signature.
    pub signed: Timestamp,
}

/// A pack that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackSummary {
    /// Path of the pack.
    pub path: PathBuf,
    /// Size in bytes.
    pub size: u64,
    /// Number of files in it.
    pub files: usize,
    /// Id of the key that signed it.
    pub key_id: String,
}

/// Writes and signs a pack, then verifies it as a reader would.
///
/// Fails, naming the files, if files of the observation differ from their records. An existing pack is replaced only with
/// `overwrite`.
pub fn pack(input: &PackInput, key: &SecretKey, path: &Path, overwrite: bool) -> Result<PackSummary> {
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| Error::Argument {
        name: "output",
        value: path.display().to_string(),
        accepted: "a file name, such as `pack.zip`".to_owned(),
    })?;
    let members = members(input, key)?;
    let folder = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    let outputs = OutputFolder::create(folder, &[name], overwrite)?;
    let partial = outputs.path(name);
    let mut out = BufWriter::new(fs::File::create(&partial)?);
    container::write(&members, &mut out)?;
    out.flush()?;
    drop(out);

    let public_key = public_half(key)?;
    let verification = verify(&partial, Some(&public_key))?;
    if verification.status() != Status::Authenticated {
        let findings: Vec<_> = verification.findings.iter().map(ToString::to_string).collect();
        return Err(Error::input(
            path.display().to_string(),
            format!("the pack that was written does not pass its own check: {}", findings.join("; ")),
        ));
    }
    outputs.commit()?;
    Ok(PackSummary {
        path: path.to_owned(),
        size: container::length(&members),
        files: members.len(),
        key_id: key_id(&public_key),
    })
}

pub(super) fn public_half(key: &SecretKey) -> Result<PublicKey> {
    PublicKey::from_secret_key(key).map_err(signing_failed)
}

fn signing_failed(error: minisign::PError) -> Error {
    Error::input("secret key", "it cannot sign").caused_by(error)
}

/// All files of a pack, sorted by path.
pub(super) fn members(input: &PackInput, key: &SecretKey) -> Result<Vec<Member>> {
    let PackInput { site, permit, observation, .. } = input;
    for (what, of) in [("observation", Some(&observation.site)), ("permit", permit.as_ref().map(|p| &p.site))] {
        if let Some(other) = of.filter(|&of| *of != site.id) {
            let reason = format!("its {what} is of another site, `{other}`");
            return Err(Error::input(format!("site `{}`", site.id), reason));
        }
    }
    let mut members = observation_files(observation, &input.base)?;
    let json = |path: &str, value: &Value| Member::of_bytes(path, pretty(value));
    members.push(json(SITE, &site_geojson(site)));
    if let Some(permit) = permit {
        members.push(json(PERMIT, &permit_geojson(permit, site)));
    }
    members.push(Member::of_bytes(REPORT, input.report.clone()));
    members.push(Member::of_bytes(README, readme(input).into_bytes()));
    members.sort_by(|a, b| a.path.cmp(&b.path));
    let sums: String = members.iter().map(|m| format!("{}  {}\n", m.content.sha256, m.path)).collect();
    members.push(Member::of_bytes(SUMS, sums.into_bytes()));
    members.sort_by(|a, b| a.path.cmp(&b.path));

    let record = |member: &Member| FileRecord {
        path: member.path.clone(),
        size: member.content.size,
        sha256: member.content.sha256.clone(),
    };
    let manifest = Manifest {
        format: FORMAT,
        format_version: FORMAT_VERSION,
        software: Software { name: "minesegsat", version: env!("CARGO_PKG_VERSION") },
        site: SiteRecord::from(site),
        permit: permit.as_ref().map(PermitRecord::from),
        scenes: &observation.scenes,
        model_sha256: &observation.model_sha256,
        observation,
        parameters: &input.parameters,
        files: members.iter().map(record).collect(),
    };
    let manifest = pretty(&manifest);
    let trusted_comment = format!(
        "timestamp:{}\tfile:{MANIFEST}\thashed\tevidence of minesegsat: {} on {}, signed {:.0}",
        input.signed.as_second(),
        site.id,
        observation.date,
        input.signed
    );
    let signature = minisign::sign(None, key, Cursor::new(&manifest), Some(&trusted_comment), Some(UNTRUSTED_COMMENT))
        .map_err(signing_failed)?;
    members.push(Member::of_bytes(MANIFEST, manifest));
    members.push(Member::of_bytes(SIGNATURE, signature.to_bytes()));
    members.sort_by(|a, b| a.path.cmp(&b.path));
    if members.len() >= MAX_FILES || container::length(&members) >= MAX_LENGTH {
        return Err(Error::input(
            format!("the observation of `{}` on {}", site.id, observation.date),
            format!(
                "{} files of together {} bytes are too much for a pack: accepted are fewer than {MAX_FILES} and {MAX_LENGTH}",
                members.len(),
                container::length(&members)
            ),
        ));
    }
    Ok(members)
}

fn pretty(value: &impl serde::Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("records have text keys and become JSON");
    bytes.push(b'\n');
    bytes
}

/// Fails if files of an observation differ from their records, and names them all. `base` is the folder that their paths are
/// relative to: the register's folder.
pub fn check_files(observation: &Observation, base: &Path) -> Result<()> {
    observation_files(observation, base).map(|_| ())
}

/// The files of the observation. The error lists all files that differ from their records.
fn observation_files(observation: &Observation, base: &Path) -> Result<Vec<Member>> {
    let (mut members, mut problems) = (Vec::new(), Vec::new());
    for file in &observation.files {
        let mut refuse = |reason: String| problems.push(format!("`{}` {reason}", file.path.escape_debug()));
        if let Some(problem) = path_problem(&file.path) {
            refuse(format!("has a path that cannot be packed: {problem}"));
            continue;
        }
        let path = base.join(&file.path);
        match std::fs::File::open(&path).and_then(Content::read) {
            Ok(content) if content.size == file.size && content.sha256 == file.sha256 => {
                members.push(Member { path: format!("{FILES}/{}", file.path), content, source: Source::Disk(path) });
            }
            Ok(content) if content.size != file.size => {
                refuse(format!("was changed since: it has {} bytes instead of {}", content.size, file.size));
            }
            Ok(content) => {
                refuse(format!("was changed since: its SHA-256 is {} instead of {}", content.sha256, file.sha256));
            }
            Err(error) => refuse(format!("cannot be read: {error}")),
        }
    }
    members.sort_by(|a, b| a.path.cmp(&b.path));
    for pair in members.windows(2) {
        if pair[0].path == pair[1].path {
            problems.push(format!("`{}` is recorded twice", pair[0].path));
        }
    }
    if problems.is_empty() {
        return Ok(members);
    }
    let Observation { site, date, .. } = observation;
    Err(Error::input(
        format!("the files of the observation of `{site}` on {date} in {}", base.display()),
        problems.join("; "),
    ))
}

fn readme(input: &PackInput) -> String {
    let Observation { site, date, statement, verdict, .. } = &input.observation;
    format!(
        "\
Evidence on the site {site} ({name}), {date}
Verdict: {verdict}
{statement}

This zip holds what that statement stands on, as minesegsat {version} packed it:

  manifest.json           site, permit, observation, scenes, model, parameters, software,
                          and size and SHA-256 of every other file
  manifest.json.minisig   signature of manifest.json (minisign: Ed25519)
  report.pdf              the report of the site up to that day, to read and to file
  site.geojson            boundary of the site{permit}
  files/                  images, polygons, rasters and manifests of the observation
  SHA256SUMS              the hashes once more, for sha256sum

CHECK IT, offline. You need the public key of whoever signed it, and you need it from them:
a key that comes with a pack proves nothing.

With minesegsat:

  minesegsat evidence verify PACK.zip --public-key KEY

It says `sound and authenticated`, or what was changed.

By hand:

  unzip PACK.zip -d pack && cd pack
  minisign -V -m manifest.json -P KEY
  sha256sum SHA256SUMS          compare with \"SHA256SUMS\" in manifest.json
  sha256sum -c SHA256SUMS
  find . -type f                there is nothing that SHA256SUMS does not list, but for
                                manifest.json, manifest.json.minisig and SHA256SUMS itself

What it does not prove: that the time in the signature is right. It is that of the signer's clock.
",
        name = input.site.name,
        version = env!("CARGO_PKG_VERSION"),
        permit = match input.permit {
            Some(_) => "\n  permit.geojson          where land may be disturbed",
            None => "",
        },
    )
}
