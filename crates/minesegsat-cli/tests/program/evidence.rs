//! `minesegsat evidence`: packs made from a register, checked, and changed behind its back.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Done, names, program};
use minesegsat::evidence;
use minesegsat::register::{
    Area, Observation, ObservationFile, Permit, Register, Site, SiteStatus, Verdict, boundary_of_bbox,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A register with one site, its permit, and an observation with two files; and a pair of keys without a password.
struct Place {
    folder: tempfile::TempDir,
    keys: evidence::KeyFiles,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let register = Register::create(&folder.path().join("sites.gpkg")).unwrap();
        let id = "elk-view".parse().unwrap();
        let boundary = boundary_of_bbox([-114.9, 49.9, -114.8, 50.0]);
        let (name, status) = ("Elk View".to_owned(), SiteStatus::Active);
        let site = Site { id, name, operator: None, commodity: None, status, boundary };
        let permit = Permit {
            site: site.id.clone(),
            number: "C-2".to_owned(),
            valid_from: "2020-01-01".parse().unwrap(),
            valid_to: None,
            polygon: None,
            limit_ha: Some(100.0),
            document: None,
            document_sha256: None,
        };
        register.add_site_with_permit(&site, &permit).unwrap();
        let made = Self { keys: evidence::generate_keys(&folder.path().join("owner.key"), None).unwrap(), folder };
        made.observe(&register, "S2A", &"ab".repeat(32));
        made
    }

    /// Stores an observation of 15 June 2025 with files of its own.
    fn observe(&self, register: &Register, scene: &str, model_sha256: &str) {
        let file = |name: &str, text: &str| {
            let path = format!("observations/{scene}/{name}");
            let place = self.path(&path);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, text).unwrap();
            let sha256 = minesegsat::hex::encode(&Sha256::digest(text));
            ObservationFile { path, size: text.len() as u64, sha256 }
        };
        let manifest = json!({ "parameters": { "threshold": 0.5 }, "timings": 3 }).to_string();
        let observation = Observation {
            site: "elk-view".parse().unwrap(),
            date: "2025-06-15".parse().unwrap(),
            scenes: vec![scene.to_owned()],
            model_sha256: model_sha256.to_owned(),
            is_provisional: None,
            new_land: None,
            share_assessed: 0.97,
            share_beyond_map: None,
            share_in_other_sites: None,
            share_disagreeing: None,
            boundary_sha256: None,
            permit_sha256: None,
            area: Some(Area { ha: 120.0, lower_ha: 110.0, upper_ha: 130.0 }),
            parts: None,
            details: None,
            seen_change: None,
            confidence_level_percent: 90.0,
            compared_with: None,
            gain_ha: None,
            loss_ha: None,
            outside_permit_ha: None,
            permit: Some("C-2".to_owned()),
            limit_ha: Some(100.0),
            verdict: Verdict::Exceeded,
            statement: "120 ha are disturbed; the limit is 100 ha".to_owned(),
            warnings: Vec::new(),
            files: vec![file("manifest.json", &manifest), file("mask.tif", "pixels")],
            created: "2025-06-16T12:00:00Z".parse().unwrap(),
        };
        assert!(register.store_observation(&observation, |_| Ok(())).unwrap());
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `minesegsat evidence elk-view --date 2025-06-15 ...`, in the folder of the register.
    fn pack(&self, more: &[&str]) -> Done {
        let given = ["evidence", "elk-view", "--date", "2025-06-15", "-o", "pack.zip", "--key", "owner.key"];
        Done::of(self.program().args(given).args(more))
    }

    fn verify(&self, more: &[&str]) -> Done {
        Done::of(self.program().args(["evidence", "verify", "pack.zip"]).args(more))
    }

    fn program(&self) -> Command {
        let mut program = program();
        program.current_dir(self.folder.path()).env_remove("MINESEGSAT_KEY_PASSWORD").env_remove("MINESEGSAT_REGISTER");
        program
    }

    fn public(&self) -> &str {
        &self.keys.public_key
    }
}

/// Exit code and what is printed of a check.
#[track_caller]
fn answers(done: &Done, code: i32, said: &[&str]) {
    assert_eq!(done.code, Some(code), "{}{}", done.stdout, done.stderr);
    for part in said {
        assert!(done.stdout.contains(part), "`{part}` is not said: {}", done.stdout);
    }
}

#[test]
fn a_pack_is_made_from_the_register_and_checked() {
    let place = Place::new();
    let done = place.pack(&[]).succeeded_quietly();
    assert!(done.stdout.contains("pack.zip: 9 files, ") && done.stdout.contains(&place.keys.key_id), "{}", done.stdout);
    assert!(done.stdout.contains("elk-view on 2025-06-15: 120 ha are disturbed"), "{}", done.stdout);

    let said =
        ["pack.zip: sound and authenticated", "elk-view on 2025-06-15: 120 ha", "7 files match", "signed with key"];
    answers(&place.verify(&["--public-key", place.public()]), 0, &said);
    answers(&place.verify(&["--public-key", "owner.pub"]), 0, &said);
    let json = place.verify(&["--public-key", "owner.pub", "--json"]).succeeded_quietly().json();
    assert_eq!((&json["status"], &json["verdict"]), (&json!("authenticated"), &json!("exceeded")));
    assert_eq!((&json["findings"], &json["signature"]["key_id"]), (&json!([]), &json!(place.keys.key_id)));

    let done = place.verify(&[]);
    answers(&done, 3, &["sound, but not authenticated", "unverified: elk-view", "get the public key from the signer"]);
    assert_eq!(place.verify(&["--json"]).json()["status"], "not-authenticated");

    // The manifest has what stands in the register, and what the observation's own manifest says.
    let manifest = evidence::verify(&place.path("pack.zip"), None).unwrap().manifest.unwrap();
    assert_eq!(manifest["permit"]["limit_ha"], 100.0);
    assert_eq!(
        manifest["parameters"],
        json!({ "observations/S2A/manifest.json": { "parameters": { "threshold": 0.5 } } })
    );

    place.pack(&[]).failed(1, &["pack.zip exists already", "hint: use `--overwrite`"]);
    let json = place.pack(&["--overwrite", "--json"]).succeeded_quietly().json();
    assert_eq!((&json["files"], &json["permit"]), (&json!(9), &json!("C-2")));
    let kept = ["observations", "owner.key", "owner.pub", "pack.zip", "sites.gpkg"];
    assert_eq!(names(place.folder.path()), kept);
}

#[test]
fn a_pack_that_was_changed_is_not_sound_and_says_where() {
    let place = Place::new();
    place.pack(&[]).succeeded_quietly();
    let path = place.path("pack.zip");
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(6).position(|window| window == b"pixels").unwrap();
    bytes[at] = b'P';
    fs::write(&path, [&bytes[..], b"more"].concat()).unwrap();
    let done = place.verify(&["--public-key", "owner.pub"]);
    let more = format!("  - 4 bytes of the zip, from byte {}, belong to no file", bytes.len());
    answers(&done, 1, &["pack.zip: not sound, 2 findings", "  - `files/observations/S2A/mask.tif` was changed", &more]);
    assert_eq!(done.stderr, "");
    let json = place.verify(&["--json"]);
    assert_eq!(json.code, Some(1));
    let json: Value = json.json();
    assert_eq!((&json["status"], &json["findings"][0]["kind"]), (&json!("unsound"), &json!("changed")));
    assert!(json["findings"][0]["message"].as_str().unwrap().contains("mask.tif"));

    let other = evidence::generate_keys(&place.path("other.key"), None).unwrap();
    answers(&place.verify(&["--public-key", &other.public_key]), 1, &["signed with another key", &other.key_id]);
    fs::write(&path, "no zip").unwrap();
    answers(&place.verify(&[]), 1, &["the zip is damaged"]);
    fs::remove_file(&path).unwrap();
    place.verify(&[]).failed(1, &["pack.zip"]);
    place.verify(&["--public-key", "none.pub"]).failed(1, &["`none.pub`", "RW..."]);
    place.verify(&["--public-key", "owner.key"]).failed(1, &["it holds a secret key"]);
}

#[test]
fn what_cannot_be_packed_is_refused_and_leaves_nothing() {
    let place = Place::new();
    let run = |site: &str, date: &str, more: &[&str]| {
        let given = ["evidence", site, "--date", date, "-o", "pack.zip", "--key", "owner.key"];
        Done::of(place.program().args(given).args(more))
    };
    run("elk-vew", "2025-06-15", &[]).failed(1, &["elk-vew", "did you mean `elk-view`?"]);
    run("elk-view", "2025-06-14", &[]).failed(1, &["no observation of 2025-06-14", "2025-06-15"]);
    run("elk-view", "June", &[]).failed(2, &["June", "expected a date"]);
    run("elk-view", "2025-06-15", &["--register", "none.gpkg"]).failed(1, &["none.gpkg"]);
    place.pack(&["--model", "cd"]).failed(1, &["no matching observation of", "scenes S2A with model abababababab"]);
    fs::write(place.path("observations/S2A/mask.tif"), "PIXELS").unwrap();
    place.pack(&[]).failed(1, &["`observations/S2A/mask.tif` was changed since", "SHA-256"]);
    fs::remove_file(place.path("observations/S2A/mask.tif")).unwrap();
    place.pack(&[]).failed(1, &["`observations/S2A/mask.tif` cannot be read"]);
    assert!(!place.path("pack.zip").exists());
    fs::write(place.path("observations/S2A/mask.tif"), "pixels").unwrap();

    // Two of one day.
    place.observe(&Register::open(&place.path("sites.gpkg")).unwrap(), "S2B", &"cd".repeat(32));
    place.pack(&[]).failed(1, &["2 matching observations of 2025-06-15", "`--scene` or `--model`", "S2B"]);
    let json = place.pack(&["--scene", "S2B", "--json"]).succeeded_quietly().json();
    assert_eq!(json["files"], 9);
    place.pack(&["--model", "CDCD", "--overwrite"]).succeeded_quietly();

    // The permit of the verdict is gone.
    Register::open(&place.path("sites.gpkg"))
        .unwrap()
        .remove_permit(&"elk-view".parse().unwrap(), "C-2", None)
        .unwrap();
    let done = place.pack(&["--scene", "S2A", "--overwrite", "--json"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stderr.contains("permit `C-2` of 2025-06-15 is no longer in the register"), "{}", done.stderr);
    assert_eq!((&done.json()["files"], &done.json()["permit"]), (&json!(8), &Value::Null));
}

#[test]
fn keys_are_made_with_a_password_or_expressly_without() {
    let place = Place::new();
    let keygen = |more: &[&str], password: Option<&str>| {
        let mut program = place.program();
        program.args(["evidence", "keygen", "-o", "mine.key"]).args(more).stdin(std::process::Stdio::null());
        if let Some(password) = password {
            program.env("MINESEGSAT_KEY_PASSWORD", password);
        }
        Done::of(&mut program)
    };
    keygen(&[], None).failed(1, &["no terminal", "MINESEGSAT_KEY_PASSWORD", "`--no-password`"]);
    keygen(&[], Some("")).failed(1, &["an empty password"]);
    let done = keygen(&[], Some("open sesame"));
    answers(&done, 0, &["secret key  mine.key", "public key  mine.pub: RW", "key id      "]);
    assert!(done.stderr.contains("keep mine.key secret"), "{}", done.stderr);
    keygen(&["--no-password"], None).failed(1, &["mine.key: it exists already, and keys are never overwritten"]);

    let with = |password: Option<&str>| {
        let given = ["evidence", "elk-view", "--date", "2025-06-15", "-o", "pack.zip", "--key", "mine.key"];
        let mut program = place.program();
        program.args(given).stdin(std::process::Stdio::null());
        if let Some(password) = password {
            program.env("MINESEGSAT_KEY_PASSWORD", password);
        }
        Done::of(&mut program)
    };
    with(None).failed(1, &["mine.key has a password", "MINESEGSAT_KEY_PASSWORD"]);
    with(Some("sesame")).failed(1, &["mine.key", "Wrong password"]);
    with(Some("open sesame")).succeeded_quietly();
    answers(&place.verify(&["--public-key", "mine.pub"]), 0, &["sound and authenticated"]);
}

#[test]
fn the_command_line_tells_packing_from_its_subcommands() {
    let place = Place::new();
    let run = |given: &[&str]| Done::of(place.program().arg("evidence").args(given));
    run(&[]).failed(2, &["<SITE>", "--date", "--key"]);
    run(&["elk-view"]).failed(2, &["--date", "--key"]);
    run(&["elk-view", "--date", "2025-06-15", "verify", "pack.zip"]).failed(2, &["verify"]);
    run(&["verify"]).failed(2, &["PACK.zip"]);
    let help = run(&["verify", "--help"]);
    answers(&help, 0, &["3  sound, but not authenticated"]);
}

/// The pack of a program, checked by the real tools where they are there.
#[test]
fn a_pack_is_checked_by_hand_as_its_readme_says() {
    let tools = ["unzip", "minisign", "sha256sum"];
    let is_there = |tool: &&str| Command::new(tool).arg("-v").output().is_ok();
    if let Some(absent) = tools.iter().find(|tool| !is_there(tool)) {
        minesegsat_testing::reference::skip(&format!("no `{absent}`"));
        return;
    }
    let place = Place::new();
    place.pack(&[]).succeeded_quietly();
    let run = |folder: &Path, tool: &str, given: &[&str]| {
        let output = Command::new(tool).args(given).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{tool} {given:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run(place.folder.path(), "unzip", &["-q", "pack.zip", "-d", "pack"]);
    let pack = place.path("pack");
    run(&pack, "minisign", &["-V", "-m", "manifest.json", "-P", place.public()]);
    run(&pack, "sha256sum", &["-c", "SHA256SUMS"]);
}
