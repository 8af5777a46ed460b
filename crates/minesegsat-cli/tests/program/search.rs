//! Searches of catalogues of every kind, with the built program.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::http::{Reply, Server};
use crate::support::stac::{Filter, Paging, item, real_items, serve_api, serve_api_for, serve_tokens};
use crate::support::{Done, names, program};
use serde_json::{Value, json};

const HERE: [f64; 4] = [10.0, 50.0, 11.0, 51.0];

fn search_command(api: &str, more: &[&str]) -> Command {
    let mut command = program();
    command.args(["search", "--api", api]).args(more);
    command
}

fn search(api: &str, more: &[&str]) -> Done {
    Done::of(&mut search_command(api, more))
}

#[track_caller]
fn ids(found: &Value) -> Vec<&str> {
    assert_eq!(found["type"], "FeatureCollection");
    found["features"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

fn some_items() -> Vec<Value> {
    let day = |i: usize| format!("2021-07-{:02}", i + 1);
    (0..8).map(|i| item(&format!("item-{i}"), &day(i), 10.0 * i as f64, HERE)).collect()
}

#[test]
fn pages_by_get_and_post_bring_every_item_as_it_is() {
    let Some(items) = real_items() else { return };
    for paging in [Paging::Get, Paging::PostMerge, Paging::PostWhole] {
        for filter in [Filter::Query, Filter::Cql2, Filter::None] {
            let server = Server::start();
            let api = serve_api(&server, items.clone(), paging, filter);
            let limits = ["--limit", "3", "--collections", "sentinel-2-c1-l2a", "--bbox", "-105.2,40,-105,40.2"];
            let found = search(&api, &limits).succeeded_quietly().json();
            assert_eq!(found["features"].as_array().unwrap(), &items, "{paging:?}: nothing is lost of the items");
            assert_eq!(server.received("/v1/search").len(), 4, "{paging:?}");

            let clear = search(&api, &[&limits[..], &["--max-cloud-cover", "1"]].concat()).succeeded_quietly().json();
            let expected =
                ["S2A_T13TDE_20240412T175055_L2A", "S2B_T13TDE_20240407T174209_L2A", "S2A_T13TDE_20240402T174230_L2A"];
            assert_eq!(ids(&clear), expected, "{paging:?} {filter:?}");
            let pages = server.received("/v1/search").len() - 4;
            assert_eq!(pages, if filter == Filter::None { 4 } else { 1 }, "the API filters where it can");

            let sorted = [&limits[..], &["--sort-by", "cloud-cover", "--max-items", "2"]].concat();
            let sorted = search(&api, &sorted).succeeded();
            assert_eq!(ids(&sorted.json()), ["S2A_T13TDE_20240412T175055_L2A", "S2A_T13TDE_20240402T174230_L2A"]);
            assert!(sorted.stderr.contains("--max-items 2"), "{}", sorted.stderr);
        }
    }
}

#[test]
fn dates_and_boxes_become_several_searches() {
    let server = Server::start();
    let mut items = some_items();
    items.push(item("east", "2021-07-03", 1.0, [179.0, 0.0, 180.0, 1.0]));
    items.push(item("west", "2021-07-03", 1.0, [-180.0, 0.0, -179.0, 1.0]));
    let api = serve_api(&server, items, Paging::PostMerge, Filter::Query);
    let found = search(&api, &["--datetime", "2021-07-01/2021-07-02", "2021-07-05", "--bbox", "10.5,50,12,51"]);
    assert_eq!(ids(&found.succeeded_quietly().json()), ["item-0", "item-1", "item-4"]);
    let asked = |n: usize| -> Value { serde_json::from_slice(&server.received("/v1/search")[n].body).unwrap() };
    assert_eq!(asked(0)["datetime"], "2021-07-01T00:00:00Z/2021-07-02T23:59:59.999Z");
    assert_eq!(asked(1)["datetime"], "2021-07-05T00:00:00Z/2021-07-05T23:59:59.999Z");

    let found = search(&api, &["--bbox", "179.5,0,-179.5,1"]);
    assert_eq!(ids(&found.succeeded_quietly().json()), ["east", "west"]);
    assert_eq!(asked(2)["bbox"], json!([179.5, 0.0, 180.0, 1.0]));
    assert_eq!(asked(3)["bbox"], json!([-180.0, 0.0, -179.5, 1.0]));

    let folder = tempfile::tempdir().unwrap();
    let area = folder.path().join("area.geojson");
    let triangle =
        json!({"type": "Polygon", "coordinates": [[[10.9, 50.9], [11.5, 50.9], [11.5, 51.5], [10.9, 50.9]]]});
    fs::write(&area, triangle.to_string()).unwrap();
    let found = search(&api, &["--intersects", area.to_str().unwrap(), "--max-items", "1"]).succeeded().json();
    assert_eq!(ids(&found), ["item-0"]);
    assert_eq!(asked(4)["intersects"]["type"], "Polygon");
}

#[test]
fn tokens_are_asked_for_and_renewed_and_never_shown() {
    // Tokens that are refused after two requests, whatever their life was said to be.
    for (life, name) in [(3600.0, "refused"), (0.0, "short-lived")] {
        let server = Server::start();
        let (token_url, given) = serve_tokens(&server, life);
        let uses = AtomicUsize::new(0);
        let api = serve_api_for(&server, some_items(), Paging::PostMerge, Filter::Query, move |received| {
            let expected = format!("Bearer SECRET-token-{}", 1 + uses.load(Ordering::SeqCst) / 2);
            let fresh = life == 0.0 && received.header("authorization").starts_with("Bearer SECRET-token-");
            if fresh || received.header("authorization") == expected {
                uses.fetch_add(1, Ordering::SeqCst);
                return None;
            }
            Some(Reply::status(401, json!({"description": "expired SECRET"})))
        });
        let mut command = search_command(&api, &["--limit", "3", "--bbox", "10,50,11,51", "-vv"]);
        command.env("MINESEGSAT_OAUTH_TOKEN_URL", &token_url);
        command.env("MINESEGSAT_OAUTH_CLIENT_ID", "me").env("MINESEGSAT_OAUTH_CLIENT_SECRET", "SECRET");
        let done = Done::of(&mut command).succeeded();
        assert_eq!(ids(&done.json()).len(), 8);
        assert!(!done.stderr.contains("SECRET") && !done.stdout.contains("SECRET"), "{}", done.stderr);
        // The landing page and three pages: two uses of each token, or one of each that is over at once.
        assert_eq!(*given.lock().unwrap(), if life == 0.0 { 4 } else { 2 }, "{name}");

        command.env("MINESEGSAT_OAUTH_CLIENT_SECRET", "WRONG");
        let said = ["/token answered 401", "client id or the secret", "MINESEGSAT_OAUTH_CLIENT_SECRET"];
        let done = Done::of(&mut command).failed(1, &said);
        assert!(!done.stderr.contains("WRONG"));
        command.env_remove("MINESEGSAT_OAUTH_CLIENT_SECRET");
        Done::of(&mut command).failed(1, &["MINESEGSAT_OAUTH_CLIENT_SECRET", "must be set, or none"]);
    }
}

#[test]
fn earthdaily_is_asked_with_its_own_variables() {
    let server = Server::start();
    let (token_url, _) = serve_tokens(&server, 3600.0);
    server.handle("/platform/v1/stac", |received| {
        assert_eq!(received.header("authorization"), "Bearer SECRET-token-1");
        Reply::json(json!({"type": "Catalog", "links": [{"rel": "search", "href": "stac/search", "method": "POST"}]}))
    });
    server.handle("/platform/v1/stac/search", |received| {
        assert_eq!(received.header("x-signed-asset-urls"), "True");
        let body: Value = serde_json::from_slice(&received.body).unwrap();
        assert_eq!(body["collections"], json!(["sentinel-2-c1-l2a"]));
        let mut found = item("a", "2021-07-01", 1.0, HERE);
        found["collection"] = json!("sentinel-2-c1-l2a");
        Reply::json(json!({"type": "FeatureCollection", "features": [found]}))
    });
    let mut command = search_command("earthdaily", &["--datetime", "2021"]);
    command.env("EDS_API_URL", server.url("")).env("EDS_AUTH_URL", &token_url);
    command.env("EDS_CLIENT_ID", "me").env("EDS_SECRET", "SECRET");
    assert_eq!(ids(&Done::of(&mut command).succeeded_quietly().json()), ["a"]);
}

#[test]
fn an_expired_token_is_told_with_what_to_set() {
    let server = Server::start();
    let refuse = |received: &crate::support::http::Received| {
        let known = received.header("authorization") == "Bearer good";
        (!known).then(|| Reply::status(401, json!({"description": "token expired"})))
    };
    let api = serve_api_for(&server, some_items(), Paging::Get, Filter::Query, refuse);
    let limits = ["--datetime", "2021", "-vv"];
    search(&api, &limits).failed(1, &["/v1 answered 401", "it needs a login", "MINESEGSAT_STAC_TOKEN"]);
    let mut command = search_command(&api, &limits);
    let done = Done::of(command.env("MINESEGSAT_STAC_TOKEN", "SECRET"));
    let done = done.failed(1, &["/v1 answered 401", "has expired", "MINESEGSAT_STAC_TOKEN to a new one"]);
    assert!(!done.stderr.contains("SECRET"), "{}", done.stderr);
    let before = server.received("/v1").len();
    let done = Done::of(command.env("MINESEGSAT_STAC_TOKEN", "good")).succeeded();
    assert_eq!(ids(&done.json()).len(), 8);
    assert_eq!(server.received("/v1").len(), before + 1);
}

#[test]
fn tokens_do_not_follow_links_to_other_servers() {
    let (server, other) = (Server::start(), Server::start());
    let last = json!({"type": "FeatureCollection", "features": [item("b", "2021-07-01", 1.0, HERE)]});
    let elsewhere = other.handle("/page", move |_| Reply::json(&last));
    let first = json!({"type": "FeatureCollection", "features": [item("a", "2021-07-01", 1.0, HERE)],
        "links": [{"rel": "next", "href": elsewhere}]});
    server.handle("/v1/search", move |_| Reply::json(&first));
    let landing = json!({"type": "Catalog", "links": [{"rel": "search", "href": "/v1/search"}]});
    let api = server.handle("/v1", move |_| Reply::json(&landing));
    let mut command = search_command(&api, &["--datetime", "2021"]);
    let done = Done::of(command.env("MINESEGSAT_STAC_TOKEN", "SECRET")).succeeded_quietly();
    assert_eq!(ids(&done.json()), ["a", "b"]);
    assert_eq!(server.received("/v1/search")[0].header("authorization"), "Bearer SECRET");
    assert_eq!(other.received("/page")[0].header("authorization"), "");
}

#[test]
fn busy_servers_are_waited_for_and_complaints_are_told() {
    let server = Server::start();
    let calls = AtomicUsize::new(0);
    let api = serve_api_for(&server, some_items(), Paging::PostMerge, Filter::Query, move |received| {
        let busy = received.path == "/v1/search" && calls.fetch_add(1, Ordering::SeqCst) < 2;
        busy.then(|| Reply { headers: vec![("Retry-After".into(), "0".into())], ..Reply::status(429, "{}") })
    });
    assert_eq!(ids(&search(&api, &["--datetime", "2021"]).succeeded_quietly().json()).len(), 8);
    assert_eq!(server.received("/v1/search").len(), 3);

    let server = Server::start();
    let api = serve_api_for(&server, some_items(), Paging::PostMerge, Filter::Query, |received| {
        let complaint = json!({"code": "BadRequest", "description": "limit is too high"});
        (received.path == "/v1/search").then(|| Reply::status(400, complaint))
    });
    search(&api, &["--datetime", "2021"]).failed(1, &["/v1/search answered 400", "it says: limit is too high"]);
}

#[test]
fn links_that_lead_in_a_circle_end() {
    for fresh in [false, true] {
        let server = Server::start();
        let calls = AtomicUsize::new(0);
        server.handle("/v1/search", move |_| {
            // Either the same link again, or one that looks new and brings the same page.
            let token = if fresh { calls.fetch_add(1, Ordering::SeqCst) } else { 1 };
            let next = json!({"rel": "next", "href": format!("/v1/search?token={token}-")});
            let page =
                json!({"type": "FeatureCollection", "features": [item("a", "2021-07-01", 1.0, HERE)], "links": [next]});
            Reply::json(page)
        });
        let landing = json!({"type": "Catalog", "links": [{"rel": "search", "href": "/v1/search"}]});
        let api = server.handle("/v1", move |_| Reply::json(&landing));
        search(&api, &["--datetime", "2021"]).failed(1, &["/v1/search", "lead in a circle"]);
        assert!(server.received("/v1/search").len() <= 3);
    }
}

#[test]
fn finding_nothing_says_which_limit_to_loosen() {
    let server = Server::start();
    let api = serve_api(&server, some_items(), Paging::PostMerge, Filter::Query);
    let limits = ["--bbox", "10,50,11,51", "--datetime", "2021-07-05/2021-07-08", "--max-cloud-cover", "20"];
    let said = [
        "no item matches",
        "a cloud cover of at most 20 %",
        "`--max-cloud-cover`",
        "without the limit of cloud cover: 4",
        "on any date: 3",
    ];
    search(&api, &limits).failed(1, &said);
    let swapped = search(&api, &["--bbox", "50,10,51,11"]);
    swapped.failed(1, &["exchanged (are they swapped?): 8", "anywhere: 8"]);
    search(&api, &["--collections", "sentinel2", "--datetime", "2021"])
        .failed(1, &["no collection sentinel2", "it has sentinel-2-l2a"]);
    // Known to be wrong before anything is asked.
    search(&api, &["--bbox", "50.1,-120.5,50.2,-120"]).failed(2, &["west,south,east,north", "swapped?"]);
    search(&api, &["--datetime", "yesterday"]).failed(2, &["datetime `yesterday`", "2021-07-10"]);
    search(&api, &[]).failed(1, &["this would list all of", "--max-items"]);
}

#[test]
fn static_catalogues_and_collections_of_items_are_searched_alike() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, value: &Value| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, value.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let mut links = Vec::new();
    for (i, mut item) in some_items().into_iter().enumerate() {
        item["assets"]["B04"]["href"] = json!("./B04.tif");
        put(&format!("items/{i}/item.json"), &item);
        links.push(json!({"rel": "item", "href": format!("./{i}/item.json")}));
    }
    put("items/collection.json", &json!({"type": "Collection", "id": "sentinel-2-l2a", "links": links}));
    let root = json!({"type": "Catalog", "links": [{"rel": "child", "href": "items/collection.json"}]});
    let catalog = put("catalog.json", &root);
    let limits = ["--max-cloud-cover", "30", "--sort-by", "-date"];
    let found = search(&catalog, &limits).succeeded_quietly().json();
    assert_eq!(ids(&found), ["item-3", "item-2", "item-1", "item-0"]);
    let href = found["features"][0]["assets"]["B04"]["href"].as_str().unwrap();
    assert!(std::path::Path::new(href).is_absolute() && href.ends_with("B04.tif"), "{href}");

    let server = Server::start();
    let page = json!({"type": "FeatureCollection", "features": some_items()});
    let file = put("found.json", &page);
    let url = server.serve("/found.json", page.to_string(), crate::support::http::Fault::None);
    for place in [&file, &url] {
        assert_eq!(ids(&search(place, &limits).succeeded_quietly().json()).len(), 4);
    }
    let mut child = search_command("-", &limits)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(page.to_string().as_bytes()).unwrap();
    assert_eq!(ids(&Done::from(child.wait_with_output().unwrap()).succeeded_quietly().json()).len(), 4);

    put("items/2/item.json", &json!({"type": "Point"}));
    search(&catalog, &limits).failed(1, &["items/2/item.json", "not part of a STAC catalogue"]);
    search(folder.path().to_str().unwrap(), &limits).failed(1, &["it is a folder", "catalog.json"]);
    search(&put("no.json", &json!({"a": 1})), &limits).failed(1, &["no.json", "neither a STAC"]);
}

#[test]
fn the_best_scenes_that_cover_the_area_are_chosen_per_range() {
    let folder = tempfile::tempdir().unwrap();
    let items = [
        item("cloudy", "2021-07-01", 60.0, [10.0, 50.0, 12.0, 51.0]),
        item("west", "2021-07-02", 5.0, [10.0, 50.0, 11.0, 51.0]),
        item("east", "2021-08-15", 10.0, [11.0, 50.0, 12.0, 51.0]),
        item("sliver", "2021-07-16", 0.0, [10.0, 50.0, 10.01, 51.0]),
        item("middle", "2021-07-16", 20.0, [10.0, 50.0, 12.0, 51.0]),
        item("before", "2020-07-16", 90.0, [10.0, 50.0, 12.0, 51.0]),
    ];
    let path = folder.path().join("items.json");
    fs::write(&path, json!({"type": "FeatureCollection", "features": items}).to_string()).unwrap();
    let choose = |more: &[&str]| {
        let limits = ["--select", "--bbox", "10.1,50.1,11.9,50.9", "--per", "2020-06/2020-08", "2021-06/2021-08"];
        search(path.to_str().unwrap(), &[&limits[..], more].concat())
    };
    assert_eq!(ids(&choose(&[]).succeeded_quietly().json()), ["before", "west", "east"]);
    assert_eq!(ids(&choose(&["--prefer", "season"]).succeeded_quietly().json()), ["before", "middle"]);
    let small = choose(&["--min-granule", "1", "--min-new", "0"]).succeeded_quietly().json();
    assert_eq!(ids(&small), ["before", "west", "east"], "a sliver outside of the area adds nothing to it");
    let done = choose(&["--max-cloud-cover", "5", "--table"]).succeeded();
    assert!(done.stderr.contains("no scene for 2020") && done.stderr.contains("50 % of the area"), "{}", done.stderr);
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", done.stdout);
    assert!(lines[0].starts_with("id") && lines[1].starts_with("west") && lines[1].contains("2021-07-02"));
    choose(&["--min-granule", "1e6"]).failed(1, &["--min-granule"]);
}

#[test]
fn results_go_to_a_file_that_is_not_replaced_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("found.json");
    let server = Server::start();
    let api = serve_api(&server, some_items(), Paging::PostMerge, Filter::Query);
    let limits = ["--datetime", "2021", "-o", file.to_str().unwrap()];
    let done = search(&api, &limits).succeeded_quietly();
    assert!(done.stdout.starts_with("id ") && done.stdout.lines().count() == 9, "{}", done.stdout);
    assert_eq!(ids(&crate::support::json_file(&file)).len(), 8);
    search(&api, &limits).failed(1, &["found.json exists already", "--overwrite"]);
    search(&api, &[&limits[..], &["--overwrite", "--max-cloud-cover", "10"]].concat()).succeeded_quietly();
    assert_eq!(ids(&crate::support::json_file(&file)).len(), 2);
    assert_eq!(names(folder.path()), ["found.json"]);
}
