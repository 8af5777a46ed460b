use std::io::{Cursor, Write};
use std::path::Path;

use geo::{MultiPolygon, polygon};
use jiff::{Timestamp, civil::date};
use minisign::{KeyPair, SignatureBox};
use proptest::prelude::*;
use serde_json::{Value, json};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

use super::container::{self, Content, Member, Source};
use super::pack::members;
use super::verify::check;
use super::*;
use crate::register::{Area, Observation, ObservationFile, Permit, Site, SiteId, SiteStatus, Verdict};
use minesegsat_core::{Error, Result};

const SIGNED: Timestamp = Timestamp::constant(1_750_000_000, 0);

fn keys() -> KeyPair {
    KeyPair::generate_unencrypted_keypair().unwrap()
}

fn square(west: f64, south: f64, size: f64) -> MultiPolygon<f64> {
    polygon![
        (x: west, y: south), (x: west + size, y: south), (x: west + size, y: south + size), (x: west, y: south + size)
    ]
    .into()
}

/// An observation with three files in a folder.
fn input(base: &Path) -> PackInput {
    let files = [("a/map.json", "{\"parameters\": 1}"), ("a/mask.tif", "pixels\0\u{7}"), ("a/polygons.gpkg", "")];
    std::fs::create_dir_all(base.join("a")).unwrap();
    let files = files.map(|(path, text)| {
        std::fs::write(base.join(path), text).unwrap();
        let content = Content::read(text.as_bytes()).unwrap();
        ObservationFile { path: path.to_owned(), size: content.size, sha256: content.sha256 }
    });
    let site: SiteId = "elk-view".parse().unwrap();
    PackInput {
        site: Site {
            id: site.clone(),
            name: "Elk View".to_owned(),
            operator: Some("Ridge Coal".to_owned()),
            commodity: None,
            status: SiteStatus::Active,
            boundary: square(-114.9, 49.9, 0.1),
        },
        permit: Some(Permit {
            site: site.clone(),
            number: "C-2".to_owned(),
            valid_from: date(2020, 1, 1),
            valid_to: None,
            polygon: Some(square(-114.9, 49.9, 0.05)),
            limit_ha: Some(100.0),
            document: None,
            document_sha256: None,
        }),
        observation: Observation {
            site,
            date: date(2025, 6, 15),
            scenes: vec!["S2A_T11UPR".to_owned()],
            model_sha256: "ab".repeat(32),
            is_provisional: None,
            new_land: None,
            share_assessed: 0.97,
            share_beyond_map: None,
            share_in_other_sites: None,
            share_disagreeing: None,
            boundary_sha256: None,
            permit_sha256: None,
            area: Some(Area { ha: 120.0, lower_ha: 110.0, upper_ha: 130.0 }),
            confidence_level_percent: 90.0,
            parts: None,
            details: None,
            seen_change: None,
            compared_with: None,
            gain_ha: None,
            loss_ha: None,
            outside_permit_ha: Some(20.0),
            permit: Some("C-2".to_owned()),
            limit_ha: Some(100.0),
            verdict: Verdict::Exceeded,
            statement: "120 ha (110 to 130) are disturbed; the limit is 100 ha".to_owned(),
            warnings: Vec::new(),
            files: files.to_vec(),
            created: SIGNED,
        },
        base: base.to_owned(),
        parameters: json!({ "threshold": 0.5 }),
        report: b"%PDF-1.7".to_vec(),
        signed: SIGNED,
    }
}

fn zipped(members: &[Member]) -> Vec<u8> {
    let mut bytes = Vec::new();
    container::write(members, &mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, container::length(members));
    bytes
}

fn packed(keys: &KeyPair) -> Vec<Member> {
    let folder = tempfile::tempdir().unwrap();
    let mut members = members(&input(folder.path()), &keys.sk).unwrap();
    for member in &mut members {
        // Independent of the folder, which is deleted.
        if let Source::Disk(path) = &member.source {
            member.source = Source::Memory(std::fs::read(path).unwrap());
        }
    }
    members
}

fn bytes_of<'a>(members: &'a [Member], path: &str) -> &'a [u8] {
    match &members.iter().find(|member| member.path == path).unwrap().source {
        Source::Memory(bytes) => bytes,
        Source::Disk(_) => unreachable!(),
    }
}

/// The same members with one replaced, added or (without bytes) left out.
fn with(members: &[Member], path: &str, bytes: Option<&[u8]>) -> Vec<Member> {
    let mut all: Vec<Member> = members
        .iter()
        .filter(|member| member.path != path)
        .map(|member| Member::of_bytes(&member.path, bytes_of(members, &member.path).to_vec()))
        .collect();
    all.extend(bytes.map(|bytes| Member::of_bytes(path, bytes.to_vec())));
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

fn checked(bytes: &[u8], key: Option<&PublicKey>) -> Verification {
    check(&mut Cursor::new(bytes), bytes.len() as u64, key).unwrap()
}

/// Texts of all findings with the right key. Fails if there are none.
#[track_caller]
fn told(bytes: &[u8], keys: &KeyPair) -> Vec<String> {
    let found = checked(bytes, Some(&keys.pk));
    assert_eq!(found.status(), Status::Unsound);
    found.findings.iter().map(ToString::to_string).collect()
}

fn signed(manifest: &[u8], keys: &KeyPair) -> Vec<u8> {
    let comment = Some(UNTRUSTED_COMMENT);
    minisign::sign(None, &keys.sk, Cursor::new(manifest), Some("x"), comment).unwrap().to_bytes()
}

#[test]
fn a_pack_is_sound_authenticated_and_a_plain_zip() {
    let keys = keys();
    let members = packed(&keys);
    let bytes = zipped(&members);
    let found = checked(&bytes, Some(&keys.pk));
    assert_eq!(found.findings, []);
    assert_eq!(found.status(), Status::Authenticated);
    assert_eq!(found.sound_files, members.len() - 2);
    let signature = found.signature.unwrap();
    assert_eq!(signature.key_id, key_id(&keys.pk));
    assert!(signature.trusted_comment.starts_with("timestamp:1750000000\tfile:manifest.json\thashed\t"));
    assert!(signature.trusted_comment.ends_with("elk-view on 2025-06-15, signed 2025-06-15T15:06:40Z"));

    // The `zip` crate reads the same names and bytes.
    let mut archive = ZipArchive::new(Cursor::new(&bytes)).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    let expected = [
        "README.txt",
        "SHA256SUMS",
        "files/a/map.json",
        "files/a/mask.tif",
        "files/a/polygons.gpkg",
        "manifest.json",
        "manifest.json.minisig",
        "permit.geojson",
        "report.pdf",
        "site.geojson",
    ];
    assert_eq!(names, expected);
    for name in &names {
        let mut read = Vec::new();
        std::io::Read::read_to_end(&mut archive.by_name(name).unwrap(), &mut read).unwrap();
        assert_eq!(read, bytes_of(&members, name), "{name}");
    }

    let manifest = found.manifest.unwrap();
    assert_eq!(manifest["observation"]["verdict"], "exceeded");
    assert_eq!(manifest["observation"]["area"]["upper_ha"], 130.0);
    assert_eq!(manifest["permit"]["number"], "C-2");
    assert_eq!(manifest["site"]["id"], "elk-view");
    assert_eq!(manifest["scenes"], json!(["S2A_T11UPR"]));
    assert_eq!(manifest["parameters"]["threshold"], 0.5);
    let listed: Vec<&str> =
        manifest["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!(listed, [&expected[..5], &expected[7..]].concat());
    let permit: Value = serde_json::from_slice(bytes_of(&members, "permit.geojson")).unwrap();
    assert_eq!(permit["features"][0]["geometry"]["type"], "MultiPolygon");
    assert_eq!(permit["features"][0]["properties"]["polygon"], "the permit's");
}

#[test]
fn the_same_input_gives_the_same_bytes_but_for_the_signature() {
    let keys = keys();
    let (one, two) = (packed(&keys), packed(&keys));
    for (a, b) in one.iter().zip(&two) {
        if a.path != SIGNATURE {
            assert_eq!((&a.path, &a.content), (&b.path, &b.content));
        }
    }
    let signature = bytes_of(&one, SIGNATURE);
    assert!(zipped(&with(&two, SIGNATURE, Some(signature))) == zipped(&one));
}

#[test]
fn without_a_key_or_with_another_one_it_is_not_authenticated() {
    let keys = keys();
    let bytes = zipped(&packed(&keys));
    let found = checked(&bytes, None);
    assert_eq!((found.status(), found.is_signed), (Status::NotAuthenticated, false));

    let other = self::keys();
    let found = checked(&bytes, Some(&other.pk));
    assert_eq!(found.status(), Status::Unsound);
    assert_eq!(found.findings, [Finding::UnknownKey { signed_with: key_id(&keys.pk), given: key_id(&other.pk) }]);
    // Another key with the id of the right one.
    let mut forged = other.pk.to_bytes();
    forged[2..10].copy_from_slice(keys.pk.keynum());
    let found = checked(&bytes, Some(&PublicKey::from_bytes(&forged).unwrap()));
    assert_eq!(found.findings, [Finding::ManifestAltered { key_id: key_id(&keys.pk) }]);
}

#[test]
fn everything_that_was_changed_is_named() {
    let keys = keys();
    let members = packed(&keys);
    let same_size = with(&members, "files/a/mask.tif", Some(b"PIXELS\0\x07"));
    let said = told(&zipped(&same_size), &keys);
    assert!(said[0].starts_with("`files/a/mask.tif` was changed: its SHA-256 is "), "{said:?}");
    assert_eq!(said.len(), 1);

    let changed = with(&members, "files/a/mask.tif", Some(b"longer than it was"));
    let changed = with(&changed, "files/a/polygons.gpkg", None);
    let changed = with(&changed, "files/a/more.png", Some(b"new"));
    let changed = with(&changed, "../evil", Some(b"new"));
    let said = told(&zipped(&changed), &keys);
    assert_eq!(
        said,
        [
            "the path `../evil` is unsafe to unpack: it leads out of the folder",
            "`files/a/mask.tif` was changed: it has 18 bytes instead of 8",
            "`files/a/polygons.gpkg` is missing",
            "`../evil` was added: the manifest does not know it",
            "`files/a/more.png` was added: the manifest does not know it",
        ]
    );

    // Another verdict, with matching hashes.
    let manifest = String::from_utf8(bytes_of(&members, MANIFEST).to_vec()).unwrap();
    let milder = manifest.replace("\"exceeded\"", "\"within\"");
    assert_ne!(milder, manifest);
    let altered = zipped(&with(&members, MANIFEST, Some(milder.as_bytes())));
    assert_eq!(checked(&altered, Some(&keys.pk)).findings, [Finding::ManifestAltered { key_id: key_id(&keys.pk) }]);
    assert_eq!(checked(&altered, None).status(), Status::NotAuthenticated, "nothing tells it without the key");
    let missing = told(&zipped(&with(&with(&members, MANIFEST, None), SIGNATURE, None)), &keys);
    assert_eq!(missing, ["`manifest.json` is missing", "`manifest.json.minisig` is missing"]);
}

#[test]
fn signatures_that_are_none_are_told_from_manifests_that_were_altered() {
    let keys = keys();
    let members = packed(&keys);
    let signature = String::from_utf8(bytes_of(&members, SIGNATURE).to_vec()).unwrap();
    let said = |text: &str| told(&zipped(&with(&members, SIGNATURE, Some(text.as_bytes()))), &keys).join("\n");
    let later = signature.replace("timestamp:1750000000", "timestamp:1850000000");
    assert!(said(&later).starts_with("the time and comment of the signature are not what was signed"));
    let comment = signature.replace(UNTRUSTED_COMMENT, "signature of a court");
    assert!(said(&comment).contains("its untrusted comment is `signature of a court`"), "{}", said(&comment));
    assert!(said("").contains("four lines"));
    assert!(said(&signature.replace('\n', "\r\n")).contains("as minisign writes them"));
    // The crate would ignore bytes after the first 64.
    assert!(said(&signature.replace("==\n", "A=\n")).contains("four lines"));
    // The old kind signs the bytes themselves; the crate reads it.
    let lines: Vec<&str> = signature.lines().collect();
    let old = [lines[0], &lines[1].replacen("RU", "RW", 1), lines[2], lines[3], ""].join("\n");
    assert!(said(&old).contains("old kind"), "{}", said(&old));
}

#[test]
fn manifests_that_cannot_be_used_say_why() {
    let keys = keys();
    let members = packed(&keys);
    let manifest: Value = serde_json::from_slice(bytes_of(&members, MANIFEST)).unwrap();
    let said = |change: &dyn Fn(&mut Value)| {
        let mut manifest = manifest.clone();
        change(&mut manifest);
        let manifest = serde_json::to_vec(&manifest).unwrap();
        let members = with(&members, SIGNATURE, Some(&signed(&manifest, &keys)));
        told(&zipped(&with(&members, MANIFEST, Some(&manifest))), &keys).join("\n")
    };
    let newer = said(&|manifest| manifest["format_version"] = json!(2));
    assert_eq!(newer, "the pack has format version 2, and this program knows 1: check it with a newer minesegsat");
    assert!(said(&|manifest| manifest["format"] = json!("recipe")).contains("its format is `recipe`"));
    assert!(said(&|manifest| manifest["files"] = json!(3)).contains("is not that of a pack: invalid type"));
    assert!(said(&|manifest| manifest["files"][0]["path"] = json!("/etc/passwd")).contains("it is absolute"));
    assert!(
        said(&|manifest| {
            let first = manifest["files"][0].clone();
            manifest["files"].as_array_mut().unwrap().insert(0, first);
        })
        .contains("not in order")
    );
    let no_json = with(&members, MANIFEST, Some(b"{"));
    assert_eq!(told(&zipped(&no_json), &keys).len(), 2, "the signature is wrong and it is no JSON");
}

#[test]
fn tricks_with_the_zip_are_found() {
    let keys = keys();
    let members = packed(&keys);
    let bytes = zipped(&members);
    let directory_at = u32::from_le_bytes(bytes[bytes.len() - 6..][..4].try_into().unwrap()) as usize;

    // A file twice, with different bytes: most programs show the last one.
    let mut twice = with(&members, "x", None);
    twice.insert(4, Member::of_bytes("files/a/mask.tif", b"PIXELS\0\x07".to_vec()));
    assert_eq!(told(&zipped(&twice), &keys), ["`files/a/mask.tif` is in the zip 2 times"]);

    // Extra bytes before, after and in between, with the directory at its stated offset and elsewhere.
    let before = [b"#!/bin/sh\n", bytes.as_slice()].concat();
    assert_eq!(
        told(&before, &keys),
        ["10 bytes of the zip, from byte 0, belong to no file", "the end record of the zip is not that of a pack"]
    );
    let after = [bytes.as_slice(), b"more"].concat();
    let expected = format!("4 bytes of the zip, from byte {}, belong to no file", bytes.len());
    assert_eq!(told(&after, &keys), [expected]);
    let long_after = [bytes.as_slice(), &vec![0; 70_000]].concat();
    assert!(told(&long_after, &keys)[0].starts_with("the zip is damaged: its end is missing"));
    let mut between = [&bytes[..directory_at], b"hidden", &bytes[directory_at..]].concat();
    let place = between.len() - 6;
    between[place..place + 4].copy_from_slice(&(directory_at as u32 + 6).to_le_bytes());
    assert_eq!(told(&between, &keys), [format!("6 bytes of the zip, from byte {directory_at}, belong to no file")]);
    // A second zip after the first: most programs show the second.
    let other = zipped(&packed(&self::keys()));
    let said = told(&[bytes.as_slice(), &other].concat(), &keys).join("\n");
    assert!(said.contains("it was signed with another key") && said.contains("belong to no file"), "{said}");

    // Two names for the same bytes.
    let mut overlapping = bytes.clone();
    let record = |name: &str| {
        let place = overlapping[directory_at..].windows(name.len()).position(|window| window == name.as_bytes());
        directory_at + place.unwrap() - 46
    };
    let (one, two) = (record("files/a/map.json"), record("files/a/mask.tif"));
    overlapping.copy_within(one + 42..one + 46, two + 42);
    let said = told(&overlapping, &keys).join("\n");
    assert!(said.contains("lies on another file"), "{said}");

    // In another order.
    let mut reversed = with(&members, "x", None);
    reversed.reverse();
    assert_eq!(told(&zipped(&reversed), &keys), ["the zip was written anew: its files are in another order"]);
}

#[test]
fn a_pack_that_was_unpacked_and_zipped_again_is_told_from_one_whose_files_changed() {
    let keys = keys();
    let members = packed(&keys);
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for member in &members {
            let options = SimpleFileOptions::default().compression_method(method);
            zip.start_file(&*member.path, options).unwrap();
            zip.write_all(bytes_of(&members, &member.path)).unwrap();
        }
        let found = checked(&zip.finish().unwrap().into_inner(), Some(&keys.pk));
        assert!(found.is_signed);
        assert_eq!(found.sound_files, members.len() - 2);
        assert!(!found.findings.is_empty());
        for finding in &found.findings {
            assert!(matches!(finding, Finding::Header { .. }), "{finding}");
        }
    }
}

#[test]
fn a_bomb_is_not_unpacked_further_than_the_manifest_says() {
    let keys = keys();
    let members = packed(&keys);
    let bomb = 50_000_000_u32;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for member in &members {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        zip.start_file(&*member.path, options).unwrap();
        let is_bomb = member.path == "files/a/mask.tif";
        let zeros = vec![0; bomb as usize];
        zip.write_all(if is_bomb { &zeros } else { bytes_of(&members, &member.path) }).unwrap();
    }
    let mut bytes = zip.finish().unwrap().into_inner();
    assert!(
        told(&bytes, &keys).join("\n").contains("`files/a/mask.tif` was changed: it has 50000000 bytes instead of 8")
    );
    // Its header states 8 bytes.
    let places: Vec<usize> = (0..bytes.len() - 4).filter(|&i| bytes[i..i + 4] == bomb.to_le_bytes()).collect();
    assert_eq!(places.len(), 2);
    for place in places {
        bytes[place..place + 4].copy_from_slice(&8_u32.to_le_bytes());
    }
    assert!(told(&bytes, &keys).join("\n").contains("`files/a/mask.tif` was changed: it has 9 bytes instead of 8"));
}

#[test]
fn a_pack_that_was_cut_off_says_so_and_what_is_left() {
    let keys = keys();
    let bytes = zipped(&packed(&keys));
    for length in (0..bytes.len()).step_by(61).chain([bytes.len() - 1]) {
        let said = told(&bytes[..length], &keys);
        assert!(said[0].starts_with("the zip is damaged: its end is missing: it was cut off"), "{length}: {said:?}");
    }
    let said = told(&bytes[..bytes.len() - 1], &keys);
    assert_eq!(said.len(), 1, "all files are there: {said:?}");
    let directory_at = u32::from_le_bytes(bytes[bytes.len() - 6..][..4].try_into().unwrap()) as usize;
    let said = told(&bytes[..directory_at - 1], &keys);
    assert_eq!(said[1..], ["`site.geojson` is missing"], "{said:?}");
    assert!(said[0].ends_with("in the middle of `site.geojson`"), "{said:?}");
    assert_eq!(told(b"", &keys).len(), 3);
}

#[test]
fn no_byte_can_change_unseen() {
    let keys = keys();
    let mut bytes = zipped(&packed(&keys));
    let mut assert_seen = |at: usize, mask: u8| {
        bytes[at] ^= mask;
        let status = checked(&bytes, Some(&keys.pk)).status();
        bytes[at] ^= mask;
        assert_eq!(status, Status::Unsound, "byte {at}, {mask:#04x}");
    };
    let length = zipped(&packed(&keys)).len();
    for at in 0..length {
        assert_seen(at, 1 << (at % 8));
    }
    // The part of the base64 text whose unused bits allow several spellings.
    let bytes = zipped(&packed(&keys));
    let end = bytes.windows(3).rposition(|window| window == b"==\n").unwrap();
    for at in end - 3..end + 3 {
        for mask in 1..=255 {
            assert_seen(at, mask);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_splice_goes_unseen(
        from in any::<prop::sample::Index>(),
        removed in 0_usize..40,
        put in prop::collection::vec(any::<u8>(), 0..40),
        copied in prop::option::of((any::<prop::sample::Index>(), 1_usize..3000)),
    ) {
        let keys = keys();
        let bytes = zipped(&packed(&keys));
        let from = from.index(bytes.len());
        let until = (from + removed).min(bytes.len());
        // Parts of the pack itself contain valid headers.
        let put = match copied {
            Some((at, length)) => {
                let at = at.index(bytes.len());
                bytes[at..(at + length).min(bytes.len())].to_vec()
            }
            None => put,
        };
        let spliced = [&bytes[..from], &put, &bytes[until..]].concat();
        let status = checked(&spliced, Some(&keys.pk)).status();
        prop_assert_eq!(status == Status::Authenticated, spliced == bytes);
    }

    #[test]
    fn no_bytes_crash_it(bytes in prop::collection::vec(any::<u8>(), 0..400), ends in any::<bool>()) {
        let end = zipped(&[]);
        let bytes = if ends { [bytes.as_slice(), &end].concat() } else { bytes };
        prop_assert_eq!(checked(&bytes, None).status(), Status::Unsound);
    }
}

#[test]
fn files_that_changed_since_they_were_recorded_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut input = input(folder.path());
    std::fs::write(folder.path().join("a/mask.tif"), "PIXELS\0\u{7}").unwrap();
    std::fs::write(folder.path().join("a/map.json"), "{}").unwrap();
    std::fs::remove_file(folder.path().join("a/polygons.gpkg")).unwrap();
    let out = folder.path().join("pack.zip");
    let message = pack(&input, &keys().sk, &out, false).unwrap_err().to_string();
    for part in
        ["`a/mask.tif` was changed since: its SHA-256", "`a/map.json` was changed since: it has 2 bytes instead of 17"]
    {
        assert!(message.contains(part), "{message}");
    }
    assert!(message.contains("`a/polygons.gpkg` cannot be read"), "{message}");
    assert!(!out.exists());

    input.observation.files[0].path = "../outside".to_owned();
    let message = pack(&input, &keys().sk, &out, false).unwrap_err().to_string();
    assert!(message.contains("`../outside` has a path that cannot be packed"), "{message}");
    input.permit.as_mut().unwrap().site = "other".parse().unwrap();
    let message = pack(&input, &keys().sk, &out, false).unwrap_err().to_string();
    assert!(message.contains("its permit is of another site, `other`"), "{message}");
}

#[test]
fn packs_on_disk_are_complete_or_absent_and_not_overwritten_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let mut input = input(folder.path());
    let keys = keys();
    let out = folder.path().join("packs/pack.zip");
    let summary = pack(&input, &keys.sk, &out, false).unwrap();
    assert_eq!(summary.size, out.metadata().unwrap().len());
    assert_eq!((summary.files, summary.key_id), (10, key_id(&keys.pk)));
    assert_eq!(verify(&out, Some(&keys.pk)).unwrap().status(), Status::Authenticated);
    assert!(matches!(pack(&input, &keys.sk, &out, false), Err(Error::OutputExists { .. })));
    input.permit = None;
    input.observation.files.clear();
    assert_eq!(pack(&input, &keys.sk, &out, true).unwrap().files, 6);
    let found = verify(&out, Some(&keys.pk)).unwrap();
    assert_eq!((found.status(), &found.manifest.unwrap()["permit"]), (Status::Authenticated, &Value::Null));
    assert_eq!(std::fs::read_dir(out.parent().unwrap()).unwrap().count(), 1);
    assert!(verify(&folder.path().join("none.zip"), None).is_err());
    // A key whose halves do not match makes signatures that fail verification.
    let mut mixed = keys.sk.to_bytes();
    mixed[94..126].copy_from_slice(&self::keys().pk.to_bytes()[10..]);
    let message = pack(&input, &SecretKey::from_bytes(&mixed).unwrap(), &out, true).unwrap_err().to_string();
    assert!(message.contains("does not pass its own check"), "{message}");
}

fn no_password() -> Result<String> {
    panic!("the key has no password")
}

#[test]
fn keys_are_made_read_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plain.key");
    let plain = generate_keys(&path, None).unwrap();
    assert_eq!(plain.public, folder.path().join("plain.pub"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let secret = read_secret_key(&path, no_password).unwrap();
    let public = read_public_key(plain.public.to_str().unwrap()).unwrap();
    assert_eq!(public.to_base64(), plain.public_key);
    assert_eq!(read_public_key(&plain.public_key).unwrap(), public);
    assert_eq!(key_id(&public), plain.key_id);
    assert_eq!(super::pack::public_half(&secret).unwrap(), public);
    let message = generate_keys(&path, None).unwrap_err().to_string();
    assert!(message.contains("plain.key: it exists already, and keys are never overwritten"), "{message}");

    let path = folder.path().join("locked.key");
    generate_keys(&path, Some("let me in")).unwrap();
    let read = |password: &str| read_secret_key::<Error>(&path, || Ok(password.to_owned()));
    assert_eq!(key_id(&super::pack::public_half(&read("let me in").unwrap()).unwrap()).len(), 16);
    let message = read("guess").unwrap_err().to_string();
    assert!(message.contains("locked.key") && message.contains("Wrong password"), "{message}");

    let message = generate_keys(&folder.path().join("a.pub"), None).unwrap_err().to_string();
    assert!(message.contains("does not end in `.pub`"), "{message}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4);
}

#[test]
fn what_is_no_key_or_the_wrong_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let keys = generate_keys(&folder.path().join("a.key"), None).unwrap();
    let (secret, public) = (keys.secret.to_str().unwrap(), keys.public.to_str().unwrap());
    let message = |text: &str| read_public_key(text).unwrap_err().to_string();
    assert!(message(secret).contains("it holds a secret key"));
    assert!(message("RWnonsense").contains("it is neither a key nor an existing file"));
    let message = |path: &str| read_secret_key(Path::new(path), no_password).unwrap_err().to_string();
    assert!(message(public).contains("it holds a public key; the secret key signs"));
    let other = folder.path().join("other");
    std::fs::write(&other, "comment\nAAAA\n").unwrap();
    assert!(message(other.to_str().unwrap()).contains("it holds no secret key of minisign"));
    // One bit of the seed.
    let text = std::fs::read_to_string(secret).unwrap();
    let damaged = text.replacen(&text.lines().nth(1).unwrap()[84..88], "AAAA", 1);
    std::fs::write(&other, damaged).unwrap();
    assert!(message(other.to_str().unwrap()).contains("do not belong together"));
}

/// Made by minisign 0.11 of Debian 12, with libsodium 1.0.18, for this test only:
///
/// ```sh
/// minisign -G -W -p ref.pub -s ref.key
/// printf 'hello evidence\n' > m.txt
/// minisign -S -s ref.key -m m.txt -t 'signed by the reference tool'
/// ```
const REFERENCE_PUBLIC: &str = "untrusted comment: minisign public key 10B7B8BE61A7663E
RWQ+Zqdhvri3EDY6NQ4GJrMjtCFd/uS5TwVKAvC7bmZ8CpQE/Uwknp3d
";
const REFERENCE_SECRET: &str = "untrusted comment: minisign encrypted secret key
RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPmanYb64txCbHtImKPuHIY1FDJClHWGWTI7xfyAXwol6CstW+\
CjcdTY6NQ4GJrMjtCFd/uS5TwVKAvC7bmZ8CpQE/Uwknp3dAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
";
const REFERENCE_SIGNATURE: &str = "untrusted comment: signature from minisign secret key
RUQ+Zqdhvri3EHzVfwO17IWsDXkunlxbVEi+ssmDbvcbH1Jp2gza4w417o3vKzuqIYiD1yPhtWYk/ObnkedmRYf2Ke/BHWaQJwY=
trusted comment: signed by the reference tool
IL3ga3Et24KZReo8KBehdgIvU2dhc1euDL6nKakFf7QHCZLFqPZKgEus6UjojLT40nVxsXNcujvKZvTtrO81Bg==
";

#[test]
fn keys_and_signatures_of_the_reference_tool_are_understood() {
    let folder = tempfile::tempdir().unwrap();
    let (public, secret) = (folder.path().join("ref.pub"), folder.path().join("ref.key"));
    std::fs::write(&public, REFERENCE_PUBLIC).unwrap();
    std::fs::write(&secret, REFERENCE_SECRET).unwrap();
    let public = read_public_key(public.to_str().unwrap()).unwrap();
    assert_eq!(key_id(&public), "10B7B8BE61A7663E");
    let signature = SignatureBox::from_string(REFERENCE_SIGNATURE).unwrap();
    assert_eq!(super::verify::check_signature(b"hello evidence\n", &signature, &public), None);
    assert_eq!(
        super::verify::check_signature(b"hello evidence!", &signature, &public),
        Some(Finding::ManifestAltered { key_id: "10B7B8BE61A7663E".to_owned() })
    );
    // Its secret keys without a password have no checksum.
    let secret = read_secret_key(&secret, no_password).unwrap();
    let keys = KeyPair { pk: public, sk: secret };
    let bytes = zipped(&packed(&keys));
    assert_eq!(checked(&bytes, Some(&keys.pk)).status(), Status::Authenticated);
}
