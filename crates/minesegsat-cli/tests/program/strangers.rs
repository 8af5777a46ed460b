//! Servers and documents of strangers: what they send is looked at before it is stored, and they can make the program neither
//! read local files, nor send secrets, nor wait for ever, nor control the terminal.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::http::{Fault, Received, Reply, Server};
use crate::support::scenes::{self, GeoTiff, Provider};
use crate::support::stac::{Filter, Paging, item, serve_api};
use crate::support::{Done, json_file, names, program, shipped_model, spec};
use minesegsat_testing::reference::case;
use serde_json::{Value, json};

const LOGIN: &str = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>who are you?</body></html>";

fn download_command(items: &Path, out: &Path, more: &[&str]) -> Command {
    let mut command = program();
    command.arg("download").arg(items).arg("-o").arg(out).args(more);
    command
}

fn image(value: u16) -> Vec<u8> {
    GeoTiff::new(32610, (600_000.0, 5_500_020.0), 10.0, 64, 64, vec![vec![value; 64 * 64]]).encode()
}

/// A response with status 200 that takes no notice of ranges.
fn whole(body: impl Into<Vec<u8>>) -> impl Fn(&Received) -> Reply + Send + Sync + 'static {
    let body = body.into();
    move |_| Reply { status: 200, headers: Vec::new(), body: body.clone() }
}

/// Writes an item with these assets, and changes to it.
fn write_item(folder: &Path, assets: &[(&str, String)], change: impl FnOnce(&mut Value)) -> PathBuf {
    let assets: serde_json::Map<String, Value> =
        assets.iter().map(|(key, href)| ((*key).to_owned(), json!({"href": href, "type": "image/tiff"}))).collect();
    let mut item = item("scene", "2021-07-10", 1.0, [-121.7, 49.6, -121.5, 49.7]);
    item["assets"] = Value::Object(assets);
    change(&mut item);
    let path = folder.join("item.json");
    fs::write(&path, item.to_string()).unwrap();
    path
}

#[test]
fn a_login_page_is_not_stored_and_fetched_again_next_time() {
    let Some(folder) = case("scenes/01_download_login_page") else { return };
    let server = Server::start();
    let work = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(folder.join("http_login.json")).unwrap();
    let items = work.path().join("http_login.json");
    fs::write(&items, text.replace("http://127.0.0.1:18431", &server.url(""))).unwrap();
    let band = fs::read(folder.join("B04.tif")).unwrap();
    let assets = json_file(&items)["assets"].as_object().unwrap().clone();
    let path_of = |key: &str| {
        let href = assets[key]["href"].as_str().unwrap();
        href.strip_prefix(&server.url("")).unwrap().to_owned()
    };
    for key in assets.keys() {
        server.handle(&path_of(key), whole(band.clone()));
    }
    server.handle(&path_of("B04"), whole(LOGIN));
    let out = work.path().join("dl");
    let download = || Done::of(&mut download_command(&items, &out, &["--bands", "B04"]));
    let said = ["B04.tif", "it is not a GeoTIFF, but a web page (HTML) with the title `Sign in`", "nothing was stored"];
    for _ in 0..2 {
        let done = download().failed(1, &said);
        assert!(!done.stdout.contains("downloaded"), "{}", done.stdout);
        let id = json_file(&items)["id"].as_str().unwrap().to_owned();
        let stored = names(&out.join(id));
        assert!(!stored.contains(&"B04.tif".to_owned()) && !stored.contains(&"item.json".to_owned()), "{stored:?}");
    }
    server.handle(&path_of("B04"), whole(band.clone()));
    let done = download().succeeded_quietly();
    assert!(done.stdout.starts_with("1 scene downloaded"), "{}", done.stdout);
    let id = json_file(&items)["id"].as_str().unwrap().to_owned();
    assert_eq!(fs::read(out.join(&id).join("B04.tif")).unwrap(), band);

    // What an older version stored is looked at as well: a page of the recorded size.
    let scene = out.join(&id);
    let mut page = LOGIN.as_bytes().to_vec();
    page.resize(band.len(), b' ');
    fs::write(scene.join("B04.tif"), page).unwrap();
    let done = download().succeeded();
    assert!(done.stdout.starts_with("1 scene downloaded"), "{}", done.stdout);
    assert!(done.stderr.contains("fetched again"), "{}", done.stderr);
    assert_eq!(fs::read(scene.join("B04.tif")).unwrap(), band);
    assert!(download().succeeded_quietly().stdout.contains("1 already there"));
}

#[test]
fn bodies_that_are_no_whole_image_are_errors() {
    let server = Server::start();
    let work = tempfile::tempdir().unwrap();
    let items = write_item(work.path(), &[("B04", server.url("/B04.tif"))], |_| {});
    let good = image(7);
    let jp2 = scenes::recorded_jp2(120, 120, &[]);
    let expired =
        "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
    for (body, said) in [
        (Vec::new(), "an empty body"),
        (br#"{"error": "quota exceeded"}"#.to_vec(), "JSON that says: `quota exceeded`"),
        (expired.into(), "an XML document that says: `Request has expired`"),
        (b"PK\x03\x04rest".to_vec(), "a zip archive"),
        (b"Service unavailable".to_vec(), "text: `Service unavailable`"),
        (good[..good.len() / 2].to_vec(), "twice"),
        (jp2[..jp2.len() / 2].to_vec(), "twice"),
    ] {
        server.handle("/B04.tif", whole(body.clone()));
        for ranges in [false, true] {
            if ranges {
                // The same content from a server that knows ranges.
                server.serve("/ranged/B04.tif", body.clone(), Fault::None);
                let _ = write_item(work.path(), &[("B04", server.url("/ranged/B04.tif"))], |_| {});
            } else {
                let _ = write_item(work.path(), &[("B04", server.url("/B04.tif"))], |_| {});
            }
            let out = work.path().join("out");
            let done = Done::of(&mut download_command(&items, &out, &[]));
            let wanted = if ranges && body.is_empty() { "B04.tif" } else { said };
            let done = done.failed(1, &["B04.tif", wanted]);
            assert!(!done.stdout.contains("downloaded"), "{}", done.stdout);
            assert_eq!(names(&out.join("scene")), Vec::<String>::new());
        }
    }
    // Windows, and the item that is opened where it is.
    server.handle("/B04.tif", whole(LOGIN));
    let _ = write_item(work.path(), &[("B04", server.url("/B04.tif"))], |_| {});
    let out = work.path().join("clip");
    let clip = ["--clip", "--bbox", "-121.62,49.635,-121.61,49.64"];
    let said = ["B04.tif", "a web page (HTML) with the title `Sign in`"];
    Done::of(&mut download_command(&items, &out, &clip)).failed(1, &said);
    Done::of(program().args(["scene", "info"]).arg(&items)).failed(1, &said);
    server.handle("/B04.tif", whole(image(3)));
    Done::of(&mut download_command(&items, &work.path().join("good"), &[])).succeeded_quietly();
}

#[test]
fn a_catalogue_that_answers_with_a_page_or_an_error_is_named() {
    let server = Server::start();
    let search = |path: &str| Done::of(program().args(["search", "--api", &server.url(path), "--bbox", "0,0,1,1"]));
    server.handle("/login", whole(LOGIN));
    search("/login").failed(1, &["/login", "it is not the JSON expected, but a web page", "`Sign in`"]);
    server.handle("/empty", whole(""));
    search("/empty").failed(1, &["/empty", "an empty body"]);
    server.handle("/error", whole(r#"{"code": "Throttled", "description": "too many \u001b[31mrequests"}"#));
    let done = search("/error").failed(1, &["/error", "it says: too many"]);
    assert!(!done.stderr.contains('\u{1b}'), "{}", done.stderr);
    // An API whose search fails with status 200.
    let links = json!([{"rel": "search", "href": "/v1/search", "method": "POST"}]);
    server.handle("/v1", whole(json!({"type": "Catalog", "links": links, "conformsTo": []}).to_string()));
    server.handle("/v1/search", whole(r#"{"detail": "quota exceeded"}"#));
    search("/v1").failed(1, &["/v1/search", "not a FeatureCollection", "it says: quota exceeded"]);
    server.handle("/v1/search", whole(LOGIN));
    search("/v1").failed(1, &["/v1/search", "a web page (HTML)"]);
    let work = tempfile::tempdir().unwrap();
    let read = Done::of(&mut download_command(Path::new(&server.url("/login")), work.path(), &[]));
    read.failed(1, &["/login", "a web page (HTML) with the title `Sign in`"]);
}

#[test]
fn the_token_of_the_planetary_computer_goes_to_its_own_hosts_only() {
    let Some(path) = case("hostile/stac_sas_token.json") else { return };
    let server = Server::start();
    let work = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(path).unwrap().replace("http://127.0.0.1:8102", &server.url(""));
    let items = work.path().join("items.json");
    fs::write(&items, text).unwrap();
    for (key, _) in json_file(&items)["assets"].as_object().unwrap() {
        let href = json_file(&items)["assets"][key]["href"].as_str().unwrap().to_owned();
        server.serve(href.strip_prefix(&server.url("")).unwrap(), image(5), Fault::None);
    }
    let given = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&given);
    server.handle("/sas/sentinel-2-c1-l2a", move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        Reply::json(json!({"token": "sig=TOKEN-SECRET"}))
    });
    let mut command = download_command(&items, &work.path().join("out"), &["--bands", "B04"]);
    Done::of(command.env("PC_SDK_SAS_URL", server.url("/sas"))).succeeded_quietly();
    assert_eq!(given.load(Ordering::SeqCst), 0, "no token is asked for");
    for request in server.received("/B04.tif") {
        assert_eq!(request.parameter("sig"), None, "{}", request.path);
    }
}

#[test]
fn a_region_or_a_bucket_of_an_item_makes_no_other_host() {
    let server = Server::start();
    let port = server.url("").rsplit(':').next().unwrap().to_owned();
    let work = tempfile::tempdir().unwrap();
    let with_keys = |mut command: Command| {
        command.env("AWS_ACCESS_KEY_ID", "ID").env("AWS_SECRET_ACCESS_KEY", "SECRET").env("AWS_SESSION_TOKEN", "TOKEN");
        Done::of(&mut command)
    };
    if let Some(path) = case("hostile/stac_region_injection.json") {
        let items = work.path().join("items.json");
        fs::write(&items, fs::read_to_string(path).unwrap().replace("127.0.0.1:4443", &format!("127.0.0.1:{port}")))
            .unwrap();
        let done = with_keys(download_command(&items, &work.path().join("out"), &[]));
        let done = done.failed(1, &["storage:region", &format!("x@127.0.0.1:{port}/")]);
        assert!(!done.stderr.contains("SECRET"), "{}", done.stderr);
    }
    for href in [
        format!("s3://x@127.0.0.1:{port}/k/B04.tif"),
        format!("s3://127.0.0.1:{port}/k/B04.tif"),
        format!("s3://evil:1@127.0.0.1:{port}#/B04.tif"),
    ] {
        let items = write_item(work.path(), &[("B04", href)], |_| {});
        with_keys(download_command(&items, &work.path().join("out"), &[])).failed(1, &["s3://"]);
        let mut info = program();
        info.args(["scene", "info"]).arg(&items);
        with_keys(info).failed(1, &["s3://"]);
    }
    assert!(server.received("/k/B04.tif").is_empty() && server.received("/").is_empty());
}

#[test]
fn scenes_heed_what_an_item_says_about_its_storage() {
    let work = tempfile::tempdir().unwrap();
    for (member, value, said) in [
        ("storage:region", json!("x@127.0.0.1/"), &["`storage:region` is `x@127.0.0.1/`", "eu-central-1"]),
        (
            "storage:requester_pays",
            json!(true),
            &["its B04 is in a requester-pays bucket", "hint: `download --requester-pays` agrees to pay"],
        ),
    ] {
        for href in ["s3://bucket/B04.tif", "https://bucket.s3.amazonaws.com/B04.tif"] {
            if member == "storage:region" && !href.starts_with("s3:") {
                continue;
            }
            for is_of_asset in [true, false] {
                let items = write_item(work.path(), &[("B04", href.to_owned())], |item| {
                    let place = if is_of_asset { &mut item["assets"]["B04"] } else { &mut item["properties"] };
                    place[member] = value.clone();
                });
                for command in
                    [&["scene", "info"][..], &["labels", "rasterize", "none.geojson", "-o", "x.tif", "--like"]]
                {
                    // With keys the region becomes a part of an address.
                    let mut command_line = program();
                    command_line.args(command).arg(&items).env("AWS_ACCESS_KEY_ID", "ID");
                    Done::of(command_line.env("AWS_SECRET_ACCESS_KEY", "SECRET")).failed(1, said);
                }
            }
        }
    }
}

#[test]
fn an_endpoint_and_keys_are_used_by_every_command() {
    let server = Server::start();
    let work = tempfile::tempdir().unwrap();
    let source = work.path().join("source");
    fs::create_dir_all(&source).unwrap();
    let local = scenes::write_stac_item(&source, &spec(), Provider::PlanetaryComputer);
    let images = local.with_file_name("images");
    for name in names(&images) {
        let bytes = fs::read(images.join(&name)).unwrap();
        server.serve(&format!("/bucket/images/{name}"), bytes.clone(), Fault::None);
        let eodata = format!("/eodata/Sentinel-2/MSI/L2A_N0500/2021/06/29/x.SAFE/IMG_DATA/{name}");
        server.serve(&eodata, bytes, Fault::None);
    }
    let mut document = json_file(&local);
    for (key, asset) in document["assets"].as_object_mut().unwrap() {
        asset["href"] = json!(format!("s3://bucket/images/{key}.tif"));
        asset["storage:region"] = json!("eu-central-1");
    }
    let items = work.path().join("item.json");
    fs::write(&items, document.to_string()).unwrap();
    let info = |items: &Path, variable: &str, keys: bool| {
        let mut command = program();
        command.args(["scene", "info", "--json"]).arg(items).env(variable, server.url(""));
        if keys {
            command.env("AWS_ACCESS_KEY_ID", "ID").env("AWS_SECRET_ACCESS_KEY", "SECRET");
        }
        Done::of(&mut command).succeeded().json()
    };
    let expected = Done::of(program().args(["scene", "info", "--json"]).arg(&local)).succeeded().json();
    for (variable, keys) in [("AWS_ENDPOINT_URL", false), ("AWS_ENDPOINT_URL_S3", true)] {
        let before = server.received("/bucket/images/B04.tif").len();
        assert_eq!(info(&items, variable, keys)["radiometry"], expected["radiometry"]);
        let requests = server.received("/bucket/images/B04.tif");
        assert!(requests.len() > before, "{variable} is asked");
        let last = requests.last().unwrap();
        assert_eq!(last.parameter("X-Amz-Signature").is_some(), keys);
        let credential = last.parameter("X-Amz-Credential");
        assert_eq!(credential.is_some_and(|text| text.ends_with("/eu-central-1/s3/aws4_request")), keys);
    }
    if let Some(folder) = case("scenes/15_s3_endpoint") {
        info(&folder.join("eodata.json"), "AWS_ENDPOINT_URL", false);
        let path = "/eodata/Sentinel-2/MSI/L2A_N0500/2021/06/29/x.SAFE/IMG_DATA/B04.tif";
        assert!(!server.received(path).is_empty());
    }
}

#[test]
fn the_newest_processing_of_an_acquisition_is_taken() {
    let work = tempfile::tempdir().unwrap();
    let selected = |path: &Path, bbox: &str| {
        let found = work.path().join("found.json");
        let mut command = program();
        command.args(["search", "--api"]).arg(path).args(["--bbox", bbox, "--select", "--overwrite", "-q", "-o"]);
        Done::of(command.arg(&found)).succeeded_quietly();
        let features = json_file(&found)["features"].as_array().unwrap().clone();
        features.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    if let Some(folder) = case("scenes/11_duplicate_baselines") {
        assert_eq!(selected(&folder.join("dups.json"), "-121.7,52.45,-121.5,52.6"), ["S2A_10UFV_20210629_1_L2A"]);
    }
    // The baseline is only in the id of the product, and the newer item has the smaller id.
    let server = Server::start();
    server.serve("/B04.tif", image(9), Fault::None);
    let product = |id: &str, baseline: &str, made: &str| {
        let mut item = item(id, "2021-07-10", 3.0, [-122.0, 49.0, -121.0, 50.0]);
        let uri = format!("S2B_MSIL2A_20210710T190919_{baseline}_R056_T10UFV_{made}.SAFE");
        item["properties"]["s2:product_uri"] = json!(uri);
        item["assets"] = json!({"B04": {"href": server.url("/B04.tif"), "type": "image/tiff"}});
        item
    };
    let items = [product("b-old", "N0214", "20210710T213102"), product("a-new", "N0510", "20230101T000000")];
    let path = work.path().join("own.json");
    for order in [[0, 1], [1, 0]] {
        let features: Vec<&Value> = order.iter().map(|&i| &items[i]).collect();
        fs::write(&path, json!({"type": "FeatureCollection", "features": features}).to_string()).unwrap();
        assert_eq!(selected(&path, "-121.7,49.4,-121.5,49.6"), ["a-new"]);
    }
    let out = work.path().join("out");
    let report = Done::of(&mut download_command(&path, &out, &["--json"])).succeeded_quietly().json();
    let states: Vec<_> = report["scenes"].as_array().unwrap().iter().map(|s| (&s["id"], &s["state"])).collect();
    assert!(states.contains(&(&json!("b-old"), &json!("superseded"))), "{report}");
    assert!(states.contains(&(&json!("a-new"), &json!("downloaded"))), "{report}");
    assert_eq!(names(&out), ["a-new"]);
}

#[test]
fn the_monitor_takes_the_newest_processing_of_a_day() {
    let work = tempfile::tempdir().unwrap();
    let sim = work.path().join("sim");
    let simulate = ["simulate", "--size", "384", "--years", "2021", "--seed", "31", "--cloud-cover", "2", "-q", "-o"];
    Done::of(program().args(simulate).arg(&sim)).succeeded();
    let year = sim.join("2021");
    let folder = names(&year).into_iter().map(|name| year.join(name)).find(|path| path.is_dir()).unwrap();
    let mut scene = json_file(&folder.join("item.json"));
    for asset in scene["assets"].as_object_mut().unwrap().values_mut() {
        let href = asset["href"].as_str().unwrap().trim_start_matches("./").to_owned();
        asset["href"] = json!(folder.join(href));
    }
    scene["links"] = json!([]);
    let processing = |id: &str, baseline: &str| {
        let mut scene = scene.clone();
        scene["id"] = json!(id);
        scene["properties"]["s2:processing_baseline"] = json!(baseline);
        scene["properties"]["platform"] = json!("sentinel-2a");
        scene["properties"]["grid:code"] = json!("MGRS-10UFV");
        scene
    };
    let items = [processing("a", "02.14"), processing("b", "02.10"), processing("z", "03.01")];
    let path = work.path().join("items.json");
    fs::write(&path, json!({"type": "FeatureCollection", "features": items}).to_string()).unwrap();
    let b: Vec<f64> = scene["bbox"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    let at = |low: f64, high: f64, share: f64| low + (high - low) * share;
    let bbox = [at(b[0], b[2], 0.3), at(b[1], b[3], 0.3), at(b[0], b[2], 0.6), at(b[1], b[3], 0.6)];
    let bbox = format!("--bbox={}", bbox.map(|v| v.to_string()).join(","));
    let register = work.path().join("sites.gpkg");
    Done::of(program().args(["sites", "add", "q", &bbox, "--register"]).arg(&register)).succeeded();
    let mut monitor = program();
    monitor.args(["monitor", "run", "--json", "--since", "2021-01-01", "--register"]).arg(&register);
    monitor.arg("--api").arg(&path).arg("--model");
    monitor.arg(shipped_model());
    let report = Done::of(&mut monitor).succeeded().json();
    let observations = report["observations"].as_array().unwrap();
    assert_eq!((observations.len(), &observations[0]["scenes"]), (1, &json!(["z"])), "{report}");
}

#[test]
fn redirections_lead_neither_inwards_nor_to_local_files_and_carry_no_secrets() {
    let server = Server::start();
    let other = Server::start();
    let work = tempfile::tempdir().unwrap();
    let redirect = |path: &str, status: u16, to: String| {
        server.handle(path, move |_| Reply {
            status,
            headers: vec![("Location".to_owned(), to.clone())],
            body: Vec::new(),
        });
    };
    let items = write_item(work.path(), &[("B04", server.url("/B04.tif"))], |_| {});
    let out = work.path().join("out");
    for (to, said) in [
        ("http://169.254.169.254/latest/meta-data/", "a link-local or reserved address"),
        ("http://[fe80::1]/x", "a link-local or reserved address"),
        ("file:///etc/passwd", "a `file` address"),
    ] {
        redirect("/B04.tif", 302, to.to_owned());
        Done::of(&mut download_command(&items, &out, &[])).failed(1, &["/B04.tif", "it redirects", said]);
        Done::of(program().args(["scene", "info"]).arg(&items)).failed(1, &["/B04.tif", "it redirects", said]);
    }
    redirect("/B04.tif", 302, server.url("/B04.tif"));
    Done::of(&mut download_command(&items, &out, &[])).failed(1, &["redirects more than 10 times"]);
    // A redirection that leads to the image is followed.
    redirect("/B04.tif", 307, other.url("/there.tif"));
    other.serve("/there.tif", image(4), Fault::None);
    Done::of(&mut download_command(&items, &out, &[])).succeeded_quietly();

    // Tokens and queries stay with the server that they are for.
    let links = json!([{"rel": "search", "href": "/v1/search", "method": "POST"}]);
    other.handle("/v1", whole(json!({"type": "Catalog", "links": links, "conformsTo": []}).to_string()));
    other.handle("/v1/search", whole(json!({"type": "FeatureCollection", "features": []}).to_string()));
    redirect("/landing", 302, other.url("/v1"));
    let search = |path: &str| {
        let mut command = program();
        command.args(["search", "--api", &server.url(path), "--bbox", "0,0,1,1"]);
        Done::of(command.env("MINESEGSAT_STAC_TOKEN", "TOKEN-SECRET"))
    };
    let _ = search("/landing");
    for request in other.received("/v1") {
        assert_eq!(request.header("authorization"), "", "the token is not for this server");
    }
    server.handle(
        "/api",
        whole(
            json!({"type": "Catalog", "links": [{"rel": "search", "href": "/search", "method": "POST"}],
        "conformsTo": []})
            .to_string(),
        ),
    );
    redirect("/search", 307, other.url("/steal"));
    search("/api").failed(1, &["/search", "it would send the request's content to another server"]);
    assert!(other.received("/steal").is_empty());
}

#[test]
fn links_of_a_catalogue_get_no_secrets_for_other_servers() {
    let server = Server::start();
    let other = Server::start();
    let search = |path: &str| {
        let mut command = program();
        command.args(["search", "--api", &server.url(path), "--bbox", "0,0,1,1"]);
        Done::of(command.env("MINESEGSAT_STAC_TOKEN", "TOKEN-SECRET"))
    };
    let first = item("a", "2021-07-10", 1.0, [0.0, 0.0, 1.0, 1.0]);
    other.handle("/next", {
        let page =
            json!({"type": "FeatureCollection", "features": [item("b", "2021-07-11", 1.0, [0.0, 0.0, 1.0, 1.0])]});
        whole(page.to_string())
    });
    let serve = |name: &str, link: Value| {
        let links = json!([{"rel": "search", "href": format!("/{name}/search"), "method": "POST"}]);
        let landing = json!({"type": "Catalog", "links": links, "conformsTo": []});
        server.handle(&format!("/{name}"), whole(landing.to_string()));
        let page = json!({"type": "FeatureCollection", "features": [first.clone()], "links": [link]});
        server.handle(&format!("/{name}/search"), whole(page.to_string()));
    };
    serve(
        "post",
        json!({"rel": "next", "href": other.url("/next"), "method": "POST", "merge": true, "body": {"t": 1}}),
    );
    search("/post").failed(1, &["it leads to another server"]);
    assert!(other.received("/next").is_empty());
    serve("get", json!({"rel": "next", "href": other.url("/next"), "headers": {"X-Evil": "1", "Authorization": "x"}}));
    let done = search("/get").succeeded().json();
    assert_eq!(done["features"].as_array().unwrap().len(), 2);
    for request in other.received("/next") {
        assert_eq!((request.header("authorization"), request.header("x-evil")), ("", ""));
    }
    serve("meta", json!({"rel": "next", "href": "http://169.254.169.254/latest"}));
    search("/meta").failed(1, &["`next` link is not followed", "link-local"]);
}

#[test]
fn a_document_from_a_server_names_no_local_files() {
    let server = Server::start();
    let work = tempfile::tempdir().unwrap();
    let secret = work.path().join("secret.tif");
    fs::write(&secret, image(42)).unwrap();
    let secret = secret.to_str().unwrap();
    server.serve("/B03.tif", image(3), Fault::None);
    let mut document = item("scene", "2021-07-10", 1.0, [-121.7, 49.6, -121.5, 49.7]);
    for href in [
        format!("file://{secret}"),
        format!("FILE://localhost{secret}"),
        secret.to_owned(),
        format!("../../..{secret}"),
    ] {
        let good = json!({"href": "B03.tif", "type": "image/tiff"});
        document["assets"] = json!({"B03": good, "B04": {"href": href, "type": "image/tiff"}});
        let url = server.serve("/item.json", document.to_string(), Fault::None);
        let out = work.path().join("out");
        let mut command = download_command(Path::new(&url), &out, &["--bands", "B03,B04"]);
        Done::of(&mut command).failed(1, &[]);
        assert!(!out.join("scene/B04.tif").exists(), "{href}");
        Done::of(program().args(["scene", "info", &url])).failed(1, &[]);
        // What a search finds cannot be used for it later, either.
        let api = serve_api(&server, vec![document.clone()], Paging::Get, Filter::None);
        let found = work.path().join("found.json");
        let mut command = program();
        command.args(["search", "--api", &api, "--bbox", "-121.7,49.6,-121.5,49.7", "--overwrite", "-q", "-o"]);
        Done::of(command.arg(&found)).succeeded();
        let asset = &json_file(&found)["features"][0]["assets"]["B04"];
        let href = asset["href"].as_str().unwrap_or("http://");
        assert!(href.starts_with("http://"), "{href}");
    }
    // A child link of a static catalogue.
    let links = json!([{"rel": "item", "href": format!("file://{}", work.path().join("item.json").display())}]);
    fs::write(work.path().join("item.json"), document.to_string()).unwrap();
    let url = server.serve("/catalog.json", json!({"type": "Catalog", "links": links}).to_string(), Fault::None);
    Done::of(program().args(["search", "--api", &url])).failed(1, &["cannot name files of this machine"]);
}

#[test]
fn pages_without_an_end_are_given_up() {
    let server = Server::start();
    let landing = |name: &str| {
        let links = json!([{"rel": "search", "href": format!("/{name}/search"), "method": "GET"}]);
        server.handle(
            &format!("/{name}"),
            whole(json!({"type": "Catalog", "links": links, "conformsTo": []}).to_string()),
        );
    };
    let search = |name: &str| {
        let api = server.url(&format!("/{name}"));
        Done::of(program().args(["search", "--api", &api, "--bbox", "0,0,1,1"]))
    };
    for (name, has_items) in [("empty", false), ("new", true)] {
        landing(name);
        let count = AtomicUsize::new(0);
        server.handle(&format!("/{name}/search"), move |_| {
            let page = count.fetch_add(1, Ordering::SeqCst);
            let features: Vec<Value> = has_items
                .then(|| item(&format!("i{page}"), "2021-07-10", 1.0, [0.0, 0.0, 1.0, 1.0]))
                .into_iter()
                .collect();
            let links = json!([{"rel": "next", "href": format!("search?page={page}")}]);
            Reply::json(json!({"type": "FeatureCollection", "features": features, "links": links}))
        });
        let done = search(name).failed(1, &["`next` links do not end", "--bbox"]);
        let pages = if has_items { "2000 pages with 2000 items" } else { "20 pages with 0 items" };
        assert!(done.stderr.contains(pages), "{}", done.stderr);
    }
    // A catalogue whose children have children for ever.
    let depth = AtomicUsize::new(0);
    server.handle("/deep", move |_| {
        let next = depth.fetch_add(1, Ordering::SeqCst);
        Reply::json(json!({"type": "Catalog", "links": [{"rel": "child", "href": format!("/deep?level={next}")}]}))
    });
    search("deep").failed(1, &["its links do not end", "32 levels"]);
}

#[test]
fn answers_that_are_incomplete_and_items_that_are_left_out_are_named() {
    let server = Server::start();
    let links = json!([{"rel": "search", "href": "/v1/search", "method": "GET"}]);
    server.handle("/v1", whole(json!({"type": "Catalog", "links": links, "conformsTo": []}).to_string()));
    let at = [0.0, 0.0, 1.0, 1.0];
    let mut undated = item("undated", "2021-07-10", 1.0, at);
    undated["properties"]["datetime"] = json!("last summer");
    let mut nowhere = item("nowhere", "2021-07-10", 1.0, at);
    nowhere["geometry"] = Value::Null;
    nowhere.as_object_mut().unwrap().remove("bbox");
    let broken = json!({"type": "Feature", "id": "broken"});
    let features = json!([item("good", "2021-07-10", 1.0, at), undated, nowhere, broken]);
    let mut page = json!({"type": "FeatureCollection", "features": features, "links": [], "numberMatched": 9});
    let search = |api: &str| {
        let done =
            Done::of(program().args(["search", "--api", api, "--bbox", "0,0,1,1", "--datetime", "2021"])).succeeded();
        let found = done.json()["features"].as_array().unwrap().len();
        assert_eq!(found, 1);
        done.stderr
    };
    let said = [
        "1 item is left out: no readable date (undated)",
        "1 item is left out: no readable outline (nowhere)",
        "1 item is left out: it is not a STAC item (broken)",
    ];
    server.handle("/v1/search", whole(page.to_string()));
    let stderr = search(&server.url("/v1"));
    for part in said.iter().chain(&["9 items match, but sent 4"]) {
        assert!(stderr.contains(part), "{stderr}");
    }
    let work = tempfile::tempdir().unwrap();
    let path = work.path().join("items.json");
    page["numberMatched"] = Value::Null;
    page["context"] = json!({"returned": 4, "matched": 9});
    fs::write(&path, page.to_string()).unwrap();
    let stderr = search(path.to_str().unwrap());
    for part in said.iter().chain(&["9 items match, but has 4"]) {
        assert!(stderr.contains(part), "{stderr}");
    }
    page["context"] = Value::Null;
    page["exceededTransferLimit"] = json!(true);
    server.handle("/v1/search", whole(page.to_string()));
    assert!(search(&server.url("/v1")).contains("exceededTransferLimit"));
    page["exceededTransferLimit"] = json!(false);
    page["numberMatched"] = json!(4);
    server.handle("/v1/search", whole(page.to_string()));
    assert!(!search(&server.url("/v1")).contains("match"), "a whole answer");
}

#[test]
fn items_of_any_geometry_are_found_as_before() {
    let Some(folder) = case("scenes/pass/catalogue") else { return };
    for name in names(&folder) {
        let path = folder.join(&name);
        let text = fs::read_to_string(&path).unwrap();
        let bbox = serde_json::from_str::<Value>(&text).unwrap();
        let bbox = bbox["features"].as_array().map_or(&bbox, |features| &features[0])["bbox"].clone();
        let bbox: Vec<String> = bbox.as_array().unwrap().iter().map(ToString::to_string).collect();
        let [w, s, e, n] = [0, 1, bbox.len() / 2, bbox.len() / 2 + 1].map(|i| bbox[i].clone());
        let done =
            Done::of(program().args(["search", "--api"]).arg(&path).args(["--bbox", &format!("{w},{s},{e},{n}")]));
        let done = done.succeeded_quietly().json();
        assert_eq!(done["features"].as_array().unwrap().len(), 1, "{name}");
    }
}

#[test]
fn foreign_text_does_not_control_the_terminal() {
    let server = Server::start();
    let work = tempfile::tempdir().unwrap();
    let evil = "a\u{1b}[2J\u{9b}31m\u{202e}\u{7}\nerror: forged";
    let mut found = item(evil, "2021-07-10", 1.0, [0.0, 0.0, 1.0, 1.0]);
    found["collection"] = json!(evil);
    let path = work.path().join("items.json");
    fs::write(&path, json!({"type": "FeatureCollection", "features": [found]}).to_string()).unwrap();
    let is_clean = |text: &str| {
        assert!(!text.chars().any(|c| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}'), "{text:?}");
        assert!(!text.lines().any(|line| line.starts_with("error: forged")), "{text}");
    };
    let search =
        |more: &[&str]| Done::of(program().args(["search", "--api"]).arg(&path).args(["--bbox", "0,0,1,1"]).args(more));
    let table = search(&["--table"]).succeeded();
    is_clean(&table.stdout);
    assert!(table.stdout.contains("a\\u001b[2J\\u009b31m"), "{}", table.stdout);
    let json = search(&["--json"]).succeeded();
    is_clean(&json.stdout);
    assert_eq!(json.json()["features"][0]["id"], evil, "JSON says the same");
    let out = work.path().join("out");
    let done = Done::of(&mut download_command(&path, &out, &["--bands", "B03"])).failed(1, &["lack required bands"]);
    is_clean(&done.stderr);
    server.handle("/evil", |_| Reply::status(400, json!({"description": "no\u{1b}]0;title\u{7}\nerror: forged"})));
    let done =
        Done::of(program().args(["search", "--api", &server.url("/evil"), "--bbox", "0,0,1,1"])).failed(1, &["400"]);
    is_clean(&done.stderr);
    let name = format!("{evil}.tif");
    let done =
        Done::of(program().args(["scene", "info", &work.path().join(name).display().to_string()])).failed(1, &[]);
    is_clean(&done.stderr);
}

#[test]
fn dripping_servers_are_given_up() {
    let server = Server::start();
    let work = tempfile::tempdir().unwrap();
    let items = write_item(work.path(), &[("B04", server.url("/B04.tif"))], |_| {});
    server.serve("/B04.tif", image(1), Fault::Drip);
    server.serve("/catalog.json", " ".repeat(100_000), Fault::Drip);
    let mut download = download_command(&items, &work.path().join("out"), &[]);
    let mut info = program();
    info.args(["scene", "info"]).arg(&items);
    let mut search = program();
    search.args(["search", "--api", &server.url("/catalog.json")]);
    for command in [&mut download, &mut info, &mut search] {
        command.env("MINESEGSAT_HTTP_TIMEOUT_S", "0.5").env("MINESEGSAT_HTTP_ATTEMPTS", "2");
        Done::of(command).failed(1, &["the server sent only", "tried 2 times"]);
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_read_that_drips() {
    let server = Server::start();
    server.serve("/catalog.json", " ".repeat(1_000_000), Fault::Drip);
    server.serve("/B04.tif", vec![b'I'; 1_000_000], Fault::Drip);
    let work = tempfile::tempdir().unwrap();
    let items = write_item(work.path(), &[("B04", server.url("/B04.tif"))], |_| {});
    let mut search = program();
    search.args(["search", "--api", &server.url("/catalog.json")]);
    let mut download = download_command(&items, &work.path().join("out"), &[]);
    for (command, path) in [(&mut search, "/catalog.json"), (&mut download, "/B04.tif")] {
        command.env("MINESEGSAT_HTTP_TIMEOUT_S", "3600");
        let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
        crate::support::wait_until("the request", || !server.received(path).is_empty());
        // SAFETY: plain system call; the child has not been waited for, so its id is still its own.
        #[expect(unsafe_code, reason = "the standard library sends no signals but SIGKILL")]
        let sent = unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
        assert_eq!(sent, 0);
        Done::from(child.wait_with_output().unwrap()).failed(130, &["interrupted"]);
    }
}
