//! Downloads, whole and clipped, from servers that misbehave, with the built program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::http::{Fault, Server};
use crate::support::scenes::{self, Provider, SceneSpec};
use crate::support::stac::{Filter, Paging, serve_api};
use crate::support::{Done, names, program, raster};
use minesegsat::{Crs, Transformer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn download_command(items: &str, out: &Path, more: &[&str]) -> Command {
    let mut command = program();
    command.args(["download", items, "-o", out.to_str().unwrap()]).args(more);
    command
}

fn download(items: &str, out: &Path, more: &[&str]) -> Done {
    Done::of(&mut download_command(items, out, more))
}

fn scene_info(item: &Path) -> Value {
    crate::support::run(["scene", "info", "--json", item.to_str().unwrap()]).succeeded().json()
}

/// A scene on a server, with its item at an address and on disk beside its images.
struct Remote {
    server: Server,
    folder: tempfile::TempDir,
    item: Value,
    url: String,
    /// The item with the same images on disk.
    local: PathBuf,
}

impl Remote {
    fn new(spec: &SceneSpec, provider: Provider) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("source");
        fs::create_dir_all(&at).unwrap();
        let local = scenes::write_stac_item(&at, spec, provider);
        let server = Server::start();
        for name in names(&at.join("images")) {
            server.serve(&format!("/item/images/{name}"), fs::read(at.join("images").join(name)).unwrap(), Fault::None);
        }
        let mut item = crate::support::json_file(&local);
        item["links"] = json!([{"rel": "self", "href": server.url("/item/item.json")}]);
        item["bbox"] = json!(bbox_of(spec, [0.0, 0.0, 1.0, 1.0]));
        let url = server.serve("/item/item.json", item.to_string(), Fault::None);
        Self { server, folder, item, url, local }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn id(&self) -> &str {
        self.item["id"].as_str().unwrap()
    }

    fn scene(&self) -> PathBuf {
        self.out().join(self.id())
    }

    fn requests(&self) -> usize {
        names(&self.local.with_file_name("images")).iter().map(|n| self.requests_of(n)).sum()
    }

    fn requests_of(&self, name: &str) -> usize {
        self.server.requests(&format!("/item/images/{name}")).len()
    }

    /// Serves the item with a change to one of its assets.
    fn changed(&self, key: &str, change: impl FnOnce(&mut Value)) -> String {
        let mut item = self.item.clone();
        change(&mut item["assets"][key]);
        self.server.serve("/item/changed.json", item.to_string(), Fault::None)
    }
}

/// A part of a scene as west, south, east, north in degrees; `part` is west, south, east, north from 0 to 1.
fn bbox_of(spec: &SceneSpec, part: [f64; 4]) -> [f64; 4] {
    let side = spec.size as f64 * 10.0;
    let (x, y) = (spec.origin.0, spec.origin.1 - side);
    let to_lon_lat = Transformer::new(&Crs::from_epsg(spec.epsg).unwrap(), &Crs::WGS84).unwrap();
    let [w, s, e, n] = part.map(|share| share * side);
    to_lon_lat.transform_bounds([x + w, y + s, x + e, y + n]).unwrap()
}

fn text(bbox: [f64; 4]) -> String {
    bbox.map(|v| format!("{v:.7}")).join(",")
}

/// What of `scene info` must depend neither on where the scene is nor on the part of it that is there.
fn decision(info: &Value) -> Value {
    let decision = &info["radiometry"]["decision"];
    assert!(decision["statement"].is_string(), "{info}");
    let decided = ["removes_offset", "rule", "statement"].map(|key| decision[key].clone());
    let product =
        ["name", "level", "datetime", "mgrs_tile", "processing_baseline", "collection", "cloud_cover_percent"];
    json!([info["radiometry"]["bands"], decided, product.map(|key| info[key].clone())])
}

#[test]
fn what_is_searched_is_downloaded_and_opens_as_the_same_scene() {
    for provider in [Provider::EarthSearchC1, Provider::EarthSearch { applied: true }, Provider::PlanetaryComputer] {
        let mut spec = SceneSpec::new("2A", "05.10");
        if matches!(provider, Provider::EarthSearch { .. }) {
            spec.dn_offset = 0;
        }
        let remote = Remote::new(&spec, provider);
        let mut item = remote.item.clone();
        for (_, asset) in item["assets"].as_object_mut().unwrap() {
            let href = asset["href"].as_str().unwrap().replace("./", "/item/");
            asset["href"] = json!(if href.starts_with('/') { remote.server.url(&href) } else { href });
        }
        let api = serve_api(&remote.server, vec![item], Paging::PostMerge, Filter::Query);
        let found = remote.folder.path().join("found.json");
        let bbox = text(bbox_of(&spec, [0.2, 0.2, 0.4, 0.4]));
        let search = ["search", "--api", &api, "--bbox", &bbox, "-q", "-o", found.to_str().unwrap()];
        crate::support::run(search).succeeded_quietly();
        let done = download(found.to_str().unwrap(), &remote.out(), &[]).succeeded_quietly();
        assert!(done.stdout.starts_with("1 scene downloaded, "), "{}", done.stdout);

        let images = remote.local.with_file_name("images");
        for name in names(&images) {
            assert_eq!(fs::read(images.join(&name)).unwrap(), fs::read(remote.scene().join(&name)).unwrap(), "{name}");
        }
        let mut expected = names(&images);
        expected.push("item.json".to_owned());
        assert_eq!(names(&remote.scene()), expected, "and nothing else");
        let item = crate::support::json_file(&remote.scene().join("item.json"));
        assert_eq!(item["properties"], remote.item["properties"]);
        let (here, there) = (scene_info(&remote.scene().join("item.json")), scene_info(&remote.local));
        assert_eq!(decision(&here), decision(&there));
        assert_eq!(here["radiometry"], there["radiometry"], "the pixels say the same as well");

        let before = remote.requests();
        let again = download(found.to_str().unwrap(), &remote.out(), &["--json"]).succeeded_quietly().json();
        assert_eq!((&again["scenes"][0]["state"], &again["bytes"]), (&json!("already-there"), &json!(0)));
        assert_eq!(remote.requests(), before, "nothing is asked for again");
        fs::remove_file(remote.scene().join("B05.tif")).unwrap();
        download(found.to_str().unwrap(), &remote.out(), &[]).succeeded_quietly();
        assert_eq!(names(&remote.scene()), expected);
        assert!(remote.requests() - before <= 2, "only what is missing");

        // On to a training set: from what was downloaded, and from the server itself, the same patches.
        let labels = remote.folder.path().join("labels.geojson");
        let ring = [[600_200, 5_499_010], [600_320, 5_499_010], [600_320, 5_499_130], [600_200, 5_499_010]];
        let geometry = json!({ "type": "Polygon", "coordinates": [ring] });
        let crs = json!({ "type": "name", "properties": { "name": "EPSG:32610" } });
        let feature = json!({ "type": "Feature", "properties": {}, "geometry": geometry });
        let collection = json!({ "type": "FeatureCollection", "crs": crs, "features": [feature] });
        fs::write(&labels, collection.to_string()).unwrap();
        let build = |scenes: &Path, set: &str| {
            let mut command = program();
            command
                .args(["dataset", "build", "--patch-size", "12", "--scenes"])
                .arg(scenes)
                .arg("--labels")
                .arg(&labels);
            Done::of(command.arg("-o").arg(remote.folder.path().join(set))).succeeded_quietly();
            let patches = remote.folder.path().join(set).join("patches");
            let bands = names(&patches).into_iter().flat_map(|id| {
                let patch = patches.join(&id);
                let bands = names(&patch).into_iter().filter(|name| name.ends_with(".tif"));
                bands.map(|name| (format!("{id}/{name}"), fs::read(patch.join(&name)).unwrap())).collect::<Vec<_>>()
            });
            bands.collect::<Vec<_>>()
        };
        let (local, remote_set) = (build(&remote.out(), "local"), build(&found, "remote"));
        assert_eq!(local.len(), 14 * 3, "three patches of twelve bands, classification and mask");
        assert!(local == remote_set, "the same bytes");
    }
}

#[test]
fn clips_of_all_bands_cover_the_same_ground_with_the_pixels_of_the_source() {
    let spec = SceneSpec { size: 240, ..SceneSpec::new("2A", "05.10") };
    let remote = Remote::new(&spec, Provider::EarthSearchC1);
    let bbox = text(bbox_of(&spec, [0.31, 0.22, 0.64, 0.47]));
    let clip = ["--clip", "--bbox", &bbox];
    download(&remote.url, &remote.out(), &clip).succeeded_quietly();
    let files: Vec<String> = names(&remote.scene()).into_iter().filter(|name| name.ends_with(".tif")).collect();
    assert_eq!(files.len(), 13);
    let bounds = raster(&remote.scene().join("B04.tif")).0.grid.bounds();
    for name in &files {
        let (clip, pixels) = raster(&remote.scene().join(name));
        assert_eq!(clip.grid.bounds(), bounds, "{name}");
        let (whole, source) = raster(&remote.local.with_file_name("images").join(name));
        let window = whole.grid.window_of_bounds(bounds).unwrap();
        assert_eq!((window.width, window.height), (clip.grid.width, clip.grid.height));
        for row in 0..window.height {
            let from = (window.row + row) * whole.grid.width + window.col;
            assert_eq!(pixels[row * window.width..][..window.width], source[from..from + window.width], "{name}");
        }
        assert_eq!(clip.nodata, whole.nodata);
        assert_eq!(clip.band_names, [Some(name.replace(".tif", ""))]);
    }
    assert!(bounds[2] - bounds[0] < 0.33 * 2400.0 + 130.0, "no more than the area and whole pixels: {bounds:?}");
    let local = remote.scene().join("item.json");
    assert_eq!(decision(&scene_info(&local)), decision(&scene_info(&remote.local)));
    let item = crate::support::json_file(&local);
    assert!(item["links"].as_array().unwrap().iter().any(|link| link["rel"] == "derived_from"));
    let [w, s, e, n] = bbox_of(&spec, [0.31, 0.22, 0.64, 0.47]);
    let found: Vec<f64> = item["bbox"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    assert!(found[0] <= w && found[1] <= s && e <= found[2] && n <= found[3], "{found:?}");

    let before = remote.requests();
    let again = download(&remote.url, &remote.out(), &clip).succeeded_quietly();
    assert!(
        again.stdout.contains("0 scenes downloaded") && again.stdout.contains("1 already there"),
        "{}",
        again.stdout
    );
    assert_eq!(remote.requests(), before);
    let other = text(bbox_of(&spec, [0.1, 0.1, 0.2, 0.2]));
    let other = ["--clip", "--bbox", &other];
    download(&remote.url, &remote.out(), &other).failed(1, &["item.json exists already", "--overwrite"]);
    download(&remote.url, &remote.out(), &[]).failed(1, &["item.json exists already"]);
    download(&remote.url, &remote.out(), &[&other[..], &["--overwrite"]].concat()).succeeded_quietly();
    assert_ne!(raster(&remote.scene().join("B04.tif")).0.grid.bounds(), bounds);

    let far = remote.folder.path().join("far");
    let done = download(&remote.url, &far, &["--clip", "--bbox", "10,50,11,51"]);
    done.failed(1, &["no item intersects the area", "swapped"]);
    download(&remote.url, &far, &["--clip"]).failed(1, &["`--clip` needs an area"]);
}

#[test]
fn items_that_lack_a_band_are_named_before_anything_is_fetched() {
    let spec = SceneSpec { without: &["B8A", "B11"], ..SceneSpec::new("2A", "05.10") };
    let remote = Remote::new(&spec, Provider::PlanetaryComputer);
    let said = ["1 of 1 lack required bands", remote.id(), "B8A, B11"];
    download(&remote.url, &remote.out(), &["--bands", "B04,B8A,B11"]).failed(1, &said);
    assert!(!remote.out().exists());
    assert_eq!(remote.requests(), 0);
    download(&remote.url, &remote.out(), &["--bands", "B04,B02"]).succeeded_quietly();
    assert_eq!(names(&remote.scene()), ["B02.tif", "B04.tif", "SCL.tif", "item.json"]);
    // Bands that are added later join those that are there.
    download(&remote.url, &remote.out(), &["--bands", "B03"]).succeeded_quietly();
    assert_eq!(names(&remote.scene()), ["B02.tif", "B03.tif", "B04.tif", "SCL.tif", "item.json"]);
    assert_eq!(crate::support::json_file(&remote.scene().join("item.json"))["assets"].as_object().unwrap().len(), 4);
    assert_eq!(remote.requests_of("B04.tif"), 2, "one byte, and the file");
}

#[test]
fn files_that_are_not_what_the_item_says_are_refused() {
    let remote = Remote::new(&crate::support::spec(), Provider::PlanetaryComputer);
    let bytes = fs::read(remote.local.with_file_name("images").join("B04.tif")).unwrap();
    let bands = ["--bands", "B04"];
    let wrong = remote.changed("B04", |asset| asset["file:size"] = json!(7));
    let said = ["/item/images/B04.tif", &format!("the server has {} bytes, but the item states 7", bytes.len())];
    download(&wrong, &remote.out(), &bands).failed(1, &said);
    let zeros = format!("1220{}", "0".repeat(64));
    let wrong = remote.changed("B04", |asset| asset["file:checksum"] = json!(zeros));
    let done = download(&wrong, &remote.out(), &bands).failed(1, &["B04.tif", "its checksum is 1220", &zeros, "twice"]);
    assert!(done.stderr.contains("twice"), "{}", done.stderr);
    assert!(!remote.scene().join("B04.tif").exists() && !remote.scene().join("item.json").exists());

    let hash: String = minesegsat::hex::encode(&Sha256::digest(&bytes));
    let right = remote.changed("B04", |asset| {
        asset["file:checksum"] = json!(format!("1220{hash}"));
        asset["file:size"] = json!(bytes.len());
    });
    download(&right, &remote.out(), &bands).succeeded_quietly();
    assert_eq!(fs::read(remote.scene().join("B04.tif")).unwrap(), bytes);
}

#[test]
fn faults_that_pass_are_overcome_and_a_changed_file_begins_again() {
    for fault in [
        Fault::StatusThenOk { status: 429, times: 2 },
        Fault::StatusThenOk { status: 503, times: 2 },
        Fault::Cut { times: 2 },
        Fault::Stall { times: 1 },
        Fault::WrongRange { times: 2 },
        Fault::IgnoreRange,
        // The first two requests see another version: the size, and the first part.
        Fault::Change { after: 2 },
    ] {
        let remote = Remote::new(&crate::support::spec(), Provider::PlanetaryComputer);
        remote.server.set_fault("/item/images/B04.tif", fault);
        let mut command = download_command(&remote.url, &remote.out(), &["--bands", "B04"]);
        Done::of(command.env("MINESEGSAT_HTTP_TIMEOUT_S", "1")).succeeded();
        let expected = fs::read(remote.local.with_file_name("images").join("B04.tif")).unwrap();
        assert_eq!(fs::read(remote.scene().join("B04.tif")).unwrap(), expected, "{fault:?}");
        assert_eq!(names(&remote.scene()), ["B04.tif", "SCL.tif", "item.json"], "{fault:?}");
    }
}

#[test]
fn what_fails_of_one_scene_does_not_stop_the_others() {
    let good = Remote::new(&crate::support::spec(), Provider::PlanetaryComputer);
    let mut items = Vec::new();
    for name in ["first", "second", "third"] {
        let mut item = good.item.clone();
        item["id"] = json!(name);
        for (key, asset) in item["assets"].as_object_mut().unwrap() {
            let file = if name == "second" && key == "B04" { "gone.tif".to_owned() } else { format!("{key}.tif") };
            asset["href"] = json!(good.server.url(&format!("/item/images/{file}?sig=SECRET")));
        }
        items.push(item);
    }
    let found = good.folder.path().join("found.json");
    fs::write(&found, json!({"type": "FeatureCollection", "features": items}).to_string()).unwrap();
    let said = ["1 of 3 scenes failed", "second: ", "/item/images/gone.tif answered 404"];
    let done = download(found.to_str().unwrap(), &good.out(), &["--bands", "B04"]).failed(1, &said);
    assert!(!done.stderr.contains("SECRET"), "{}", done.stderr);
    for (name, complete) in [("first", true), ("second", false), ("third", true)] {
        assert_eq!(good.out().join(name).join("item.json").exists(), complete, "{name}");
    }
    let item = fs::read_to_string(good.out().join("first/item.json")).unwrap();
    assert!(!item.contains("SECRET"), "signatures are not kept");

    // A refused signature concerns all of them.
    good.server.set_fault("/item/images/B04.tif", Fault::Status(403));
    let said = ["/item/images/B04.tif answered 403", "A signed URL may have expired"];
    download(found.to_str().unwrap(), &good.folder.path().join("other"), &["--bands", "B04"]).failed(1, &said);
}

#[test]
fn buckets_whose_readers_pay_are_read_with_signed_addresses() {
    let remote = Remote::new(&crate::support::spec(), Provider::PlanetaryComputer);
    let mut item = remote.item.clone();
    item["properties"]["storage:requester_pays"] = json!(true);
    item["properties"]["storage:region"] = json!("eu-central-1");
    for (key, asset) in item["assets"].as_object_mut().unwrap() {
        asset["href"] = json!(format!("s3://item/images/{key}.tif"));
    }
    let url = remote.server.serve("/item/s3.json", item.to_string(), Fault::None);
    let mut command = download_command(&url, &remote.out(), &["--bands", "B04"]);
    command.env("AWS_ENDPOINT_URL_S3", remote.server.url(""));
    Done::of(&mut command).failed(1, &["requester-pays bucket", "--requester-pays"]);
    command.arg("--requester-pays");
    command.env("AWS_ACCESS_KEY_ID", "ID").env("AWS_SECRET_ACCESS_KEY", "SECRET").env("AWS_SESSION_TOKEN", "TOKEN");
    Done::of(&mut command).succeeded_quietly();
    let request = &remote.server.received("/item/images/B04.tif")[0];
    assert_eq!(request.parameter("x-amz-request-payer").as_deref(), Some("requester"));
    let credential = request.parameter("X-Amz-Credential").unwrap();
    assert!(credential.starts_with("ID/") && credential.ends_with("/eu-central-1/s3/aws4_request"), "{credential}");
    assert_eq!(request.parameter("X-Amz-Signature").unwrap().len(), 64);
    assert_eq!(request.parameter("X-Amz-Security-Token").as_deref(), Some("TOKEN"));
    let item = fs::read_to_string(remote.scene().join("item.json")).unwrap();
    assert!(item.contains("s3://item/images/B04.tif") && !item.contains("Amz"), "{item}");
}

/// Bytes without any pattern.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect()
}

/// An uncompressed image of noise with a side of this many pixels.
fn noise_image(seed: u64, side: usize) -> Vec<u8> {
    let pixels = noise(seed, 2 * side * side).chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
    scenes::GeoTiff::new(32610, (600_000.0, 5_500_020.0), 10.0, side, side, vec![pixels]).encode()
}

/// Sides of the images of [`large_item`]: 5.0, 4.0, 3.5 and 2.5 MB.
const LARGE: [(&str, usize); 4] = [("B02", 1582), ("B03", 1415), ("B04", 1323), ("SCL", 1118)];

/// A scene of four large files.
fn large_item(server: &Server, folder: &Path) -> PathBuf {
    let mut assets = json!({});
    for (i, (key, side)) in LARGE.into_iter().enumerate() {
        let url = server.serve(&format!("/{key}.tif"), noise_image(i as u64, side), Fault::None);
        assets[key] = json!({"href": url, "type": "image/tiff"});
    }
    let item = json!({"type": "Feature", "id": "large", "geometry": null, "properties": {"datetime": "2021-07-10T00:00:00Z"},
        "links": [], "assets": assets});
    let path = folder.join("item.json");
    fs::write(&path, item.to_string()).unwrap();
    path
}

fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    names(folder).into_iter().map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect()
}

#[cfg(unix)]
#[test]
fn ten_kills_at_random_moments_end_with_the_same_bytes() {
    use std::os::unix::process::ExitStatusExt;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let item = large_item(&server, folder.path());
    let item = item.to_str().unwrap();
    let (killed, undisturbed) = (folder.path().join("killed"), folder.path().join("undisturbed"));
    download(item, &undisturbed, &[]).succeeded_quietly();
    let expected = contents(&undisturbed.join("large"));
    assert_eq!(expected.len(), 5);

    // 15 MB at 3 MB/s take 5 s: ten runs of at most 0.45 s cannot bring it all.
    server.throttle(3e6);
    let mut seed: u64 = 20_211_110;
    for _ in 0..10 {
        let mut child = download_command(item, &killed, &["--jobs", "2"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        std::thread::sleep(std::time::Duration::from_millis(30 + (seed >> 33) % 420));
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL), "it was at work");
        for (name, bytes) in contents(&killed.join("large")).iter().filter(|(name, _)| !name.starts_with('.')) {
            let whole = expected.iter().find(|(known, _)| known == name).map(|(_, bytes)| bytes);
            assert!(Some(bytes) == whole, "{name} is complete or absent");
        }
        assert!(!killed.join("large/item.json").exists());
    }
    let asked_before: usize =
        ["B02", "B03", "B04", "SCL"].map(|k| server.requests(&format!("/{k}.tif")).len()).iter().sum();
    server.throttle(1e12);
    download(item, &killed, &[]).succeeded_quietly();
    let asked: usize = ["B02", "B03", "B04", "SCL"].map(|k| server.requests(&format!("/{k}.tif")).len()).iter().sum();
    let parts: usize = LARGE
        .map(|(_, side)| noise_image(0, side).len())
        .map(|len| len.div_ceil(len.div_ceil(16).next_multiple_of(64 << 10).max(256 << 10)))
        .iter()
        .sum();
    assert!(asked - asked_before < parts + 4, "what arrived before is not fetched again");
    assert!(contents(&killed.join("large")) == expected);
    assert_eq!(names(&killed), ["large"]);
}

#[cfg(unix)]
#[test]
fn damaged_parts_of_a_killed_run_are_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let item = large_item(&server, folder.path());
    let out = folder.path().join("out");
    server.throttle(3e6);
    let mut child = download_command(item.to_str().unwrap(), &out, &["--jobs", "2"]).spawn().unwrap();
    let journal = out.join("large/.B02.tif.journal");
    let lines = || fs::read_to_string(&journal).unwrap_or_default().lines().count();
    crate::support::wait_until("two parts of a file", || lines() >= 3);
    child.kill().unwrap();
    child.wait().unwrap();
    // As after a power cut: the journal is there, some of the bytes are not.
    let partial = out.join("large/.B02.tif.partial");
    let len = fs::metadata(&partial).unwrap().len();
    fs::write(&partial, vec![0; len as usize]).unwrap();
    server.throttle(1e12);
    download(item.to_str().unwrap(), &out, &[]).succeeded_quietly();
    assert!(fs::read(out.join("large/B02.tif")).unwrap() == noise_image(0, 1582));
}

#[cfg(unix)]
#[test]
fn a_second_download_into_a_folder_is_refused_and_ctrl_c_keeps_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let item = large_item(&server, folder.path());
    let item = item.to_str().unwrap();
    let out = folder.path().join("out");
    server.throttle(2e6);
    let child = download_command(item, &out, &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    crate::support::wait_until("a part of a file", || out.join("large/.B02.tif.journal").exists());
    download(item, &out, &[]).failed(1, &["is in use by another run", &format!("process {}", child.id())]);
    // SAFETY: plain system call; the child has not been waited for, so its id is still its own.
    #[expect(unsafe_code, reason = "the standard library sends no signals but SIGKILL")]
    let sent = unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    assert_eq!(sent, 0);
    let done = Done::from(child.wait_with_output().unwrap());
    done.failed(130, &["finished work is kept", "run the same command again to continue"]);
    assert!(out.join("large/.B02.tif.partial").exists());
    assert!(!out.join(".minesegsat.lock").exists());
    server.throttle(1e12);
    download(item, &out, &[]).succeeded_quietly();
    assert_eq!(names(&out.join("large")), ["B02.tif", "B03.tif", "B04.tif", "SCL.tif", "item.json"]);
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_told_and_the_download_goes_on_later() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let item = large_item(&server, folder.path());
    let out = folder.path().join("out");
    // No file may be larger than 2 MiB.
    let mut shell = Command::new("bash");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$@\"", "sh"]).arg(crate::support::program_path());
    crate::support::clean(&mut shell);
    shell.args(["download", item.to_str().unwrap(), "-o", out.to_str().unwrap()]);
    Done::of(&mut shell).failed(1, &["failed to write", ".partial", "File too large"]);
    assert!(!out.join("large/item.json").exists());
    download(item.to_str().unwrap(), &out, &[]).succeeded_quietly();
    assert!(fs::read(out.join("large/B02.tif")).unwrap() == noise_image(0, 1582));
}

#[test]
fn ids_do_not_lead_out_of_the_folder() {
    let remote = Remote::new(&crate::support::spec(), Provider::PlanetaryComputer);
    let mut item = remote.item.clone();
    item["id"] = json!("../../escape");
    let url = remote.server.serve("/item/evil.json", item.to_string(), Fault::None);
    download(&url, &remote.out(), &["--bands", "B04"]).succeeded_quietly();
    assert_eq!(names(&remote.out()), ["_.._.._escape"]);
    assert_eq!(names(remote.folder.path()), ["out", "source"]);
}

#[test]
fn items_come_from_standard_input_and_local_catalogues() {
    use std::io::Write;
    let remote = Remote::new(&crate::support::spec(), Provider::EarthSearchC1);
    let found = crate::support::run(["search", "--api", remote.local.to_str().unwrap()]).succeeded_quietly().stdout;
    let mut child =
        download_command("-", &remote.out(), &["--bands", "B04", "-q"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(found.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    let expected = fs::read(remote.local.with_file_name("images").join("B04.tif")).unwrap();
    assert_eq!(fs::read(remote.scene().join("B04.tif")).unwrap(), expected);
    download("-", &remote.out(), &[]).failed(1, &["standard input"]);
    let empty = remote.folder.path().join("empty.json");
    fs::write(&empty, r#"{"type": "FeatureCollection", "features": []}"#).unwrap();
    download(empty.to_str().unwrap(), &remote.out(), &[]).failed(1, &["has no items"]);
}
