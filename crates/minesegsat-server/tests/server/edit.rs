//! Changes of the register over HTTP.

use minesegsat_core::output::OutputFolder;
use serde_json::{Value, json};

use crate::client::{HttpResponse, Request};
use crate::workspace::{SITE, Workspace};
use crate::{Served, TOKEN};

fn send(server: &Served, method: &str, path: &str, body: &Value) -> HttpResponse {
    let request = Request::new(method, path).header("content-type", "application/json").token(TOKEN);
    request.body(body.to_string().as_bytes()).send(server.address)
}

fn square(west: f64) -> Value {
    let (east, south, north) = (west + 0.1, 5.0, 5.1);
    let ring = [[west, south], [east, south], [east, north], [west, north], [west, south]];
    json!({"type": "Polygon", "coordinates": [ring]})
}

fn feature(properties: &Value, geometry: &Value) -> Value {
    json!({"type": "Feature", "properties": properties, "geometry": geometry})
}

#[test]
fn a_site_is_added_also_to_a_workspace_without_a_register() {
    let workspace = Workspace::empty();
    let server = Served::plain(&workspace);
    let body = feature(&json!({"name": "R\u{ed}o Pardo", "operator": "Cooperativa", "commodity": ""}), &square(-70.0));
    let made = send(&server, "POST", "/api/sites", &body);
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.header("location"), Some("/api/sites/rio-pardo"));
    let site = made.json();
    assert_eq!(
        (&site["name"], &site["operator"], &site["commodity"]),
        (&json!("R\u{ed}o Pardo"), &json!("Cooperativa"), &Value::Null)
    );
    assert_eq!(server.json("/api/sites/rio-pardo"), site);
    let second = send(&server, "POST", "/api/sites", &body).json();
    assert_eq!(second["id"], "rio-pardo-2");
    let taken = feature(&json!({"name": "Other", "id": "rio-pardo"}), &square(-70.0));
    let answer = send(&server, "POST", "/api/sites", &taken);
    assert_eq!(answer.status, 409);
    assert!(answer.problem().contains("already"));
    assert_eq!(server.json("/api/sites/rio-pardo"), site);
}

#[test]
fn of_two_clients_who_add_one_site_at_once_one_is_told() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let address = server.address;
    let add_twice = |properties: &Value| {
        let body = feature(properties, &square(-70.0)).to_string();
        let start = std::sync::Barrier::new(2);
        let add = || {
            let request = Request::new("POST", "/api/sites").header("content-type", "application/json").token(TOKEN);
            start.wait();
            request.body(body.as_bytes()).send(address).status
        };
        let mut statuses = std::thread::scope(|scope| {
            let other = scope.spawn(add);
            [add(), other.join().unwrap()]
        });
        statuses.sort_unstable();
        statuses
    };
    for number in 0..20 {
        assert_eq!(add_twice(&json!({"name": "Alpha", "id": format!("alpha-{number}")})), [201, 409]);
        // The id follows from the name: the next free one, or that of the other client.
        let made = add_twice(&json!({"name": format!("Beta {number}")}));
        assert!(made == [201, 409] || made == [201, 201], "{made:?}");
    }
}

#[test]
fn a_site_without_a_polygon_or_with_a_word_too_much_is_refused() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let name = json!({"name": "New"});
    let line = json!({"type": "LineString", "coordinates": [[0, 0], [1, 1]]});
    let far =
        json!({"type": "Polygon", "coordinates": [[[500_000, 4e6], [500_100, 4e6], [500_100, 4.1e6], [500_000, 4e6]]]});
    for (body, words) in [
        (feature(&name, &line), "Polygon"),
        (feature(&name, &Value::Null), "Polygon"),
        (feature(&name, &far), "longitude"),
        (feature(&json!({"name": " "}), &square(1.0)), "name"),
        (feature(&json!({"name": "x", "limit": 3}), &square(1.0)), "limit"),
        (json!({"type": "FeatureCollection", "features": []}), "features"),
    ] {
        let answer = send(&server, "POST", "/api/sites", &body);
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        assert!(answer.problem().contains(words), "{words} is missing in {}", answer.text());
    }
    assert_eq!(server.json("/api/sites")["sites"].as_array().unwrap().len(), 3);
}

#[test]
fn of_two_editors_the_second_is_told_and_overwrites_nothing() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let path = format!("/api/sites/{SITE}");
    let seen = server.json(&path)["revision"].clone();
    let first = send(&server, "PATCH", &path, &json!({"revision": seen, "name": "First", "geometry": square(-121.0)}));
    assert_eq!(first.status, 200, "{}", first.text());
    let stored = first.json();
    assert_eq!((&stored["name"], &stored["operator"]), (&json!("First"), &json!("Operator")));
    assert_eq!(stored["bbox"], json!([-121.0, 5.0, -120.9, 5.1]));
    let late = [
        send(&server, "PATCH", &path, &json!({"revision": seen, "name": "Second"})),
        send(
            &server,
            "POST",
            &format!("{path}/permits"),
            &json!({"revision": seen, "number": "P-9", "valid_from": "2030-01-01", "supersede": true}),
        ),
        Request::new("DELETE", &format!("{path}/permits?number=P-2&revision={}", seen.as_str().unwrap()))
            .token(TOKEN)
            .send(server.address),
    ];
    for answer in late {
        assert_eq!(answer.status, 409, "{}", answer.text());
        assert!(answer.problem().contains("has changed since you read it"));
    }
    assert_eq!(server.json(&path), stored);
    assert_eq!(send(&server, "PATCH", "/api/sites/nothing", &json!({"revision": seen})).status, 404);
    assert_eq!(send(&server, "PATCH", &path, &json!({"name": "x"})).status, 400);
}

#[test]
fn a_permit_is_added_superseded_and_withdrawn() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let (path, quiet) = ("/api/sites/quiet/permits", "/api/sites/quiet");
    let revision = || server.json(quiet)["revision"].clone();
    let first = json!({"revision": revision(), "number": "Q/1", "valid_from": "2022-01-01", "limit_ha": 12.5, "polygon": square(10.0)});
    let site = send(&server, "POST", path, &first);
    assert_eq!(site.status, 200, "{}", site.text());
    assert_eq!(site.json()["permits"][0]["limit_ha"], 12.5);
    let second = json!({"revision": revision(), "number": "Q/2", "valid_from": "2024-01-01", "limit_ha": 20.0});
    let overlap = send(&server, "POST", path, &second);
    assert_eq!(overlap.status, 400);
    assert!(overlap.problem().contains("overlap"));
    let mut second = second;
    second["supersede"] = true.into();
    let site = send(&server, "POST", path, &second).json();
    assert_eq!(site["permits"][0]["valid_to"], "2023-12-31");
    assert_eq!(site["limit_ha"], 20.0);
    let remove = |query: &str| {
        let revision = revision();
        let path = format!("{path}?revision={}&{query}", revision.as_str().unwrap());
        Request::new("DELETE", &path).token(TOKEN).send(server.address)
    };
    assert_eq!(remove("number=Q%2F3").status, 400);
    assert_eq!(remove("valid_from=2024-01-01").status, 400);
    let left = remove("number=Q%2F2&valid_from=2024-01-01").json();
    assert_eq!(left["permits"].as_array().unwrap().len(), 1);
    assert_eq!(left["permits"][0]["number"], "Q/1");
}

#[test]
fn a_permit_that_is_withdrawn_judges_its_observations_again() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let path = format!("/api/sites/{SITE}");
    let verdict = || {
        let site = server.json(&path);
        let observations = site["observations"].as_array().unwrap();
        let last = observations.iter().max_by_key(|one| one["date"].as_str().unwrap()).unwrap();
        (last["verdict"].clone(), site["corrections"].as_array().unwrap().len(), site["revision"].clone())
    };
    let (before, corrections, revision) = verdict();
    assert_eq!((&before, corrections), (&json!("exceeded"), 0));
    let query = format!("{path}/permits?number=P-2&revision={}", revision.as_str().unwrap());
    let withdraw = |more: &str| Request::new("DELETE", &format!("{query}{more}")).token(TOKEN).send(server.address);
    let asked = withdraw("");
    assert_eq!(asked.status, 428, "{}", asked.text());
    assert!(asked.problem().contains("on 2023-07-17: exceeded -> no limit known (permit P-2"), "{}", asked.text());
    assert_eq!(verdict(), (before.clone(), 0, revision.clone()), "nothing was stored");
    assert_eq!(withdraw("&force=maybe").status, 400);
    let answer = withdraw("&force=true");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (after, corrections, _) = verdict();
    assert_ne!(after, before, "the permit of that day is gone");
    assert_eq!(corrections, 1, "the replaced verdict is kept");
    let (.., revision) = verdict();
    let mut permit = json!({"revision": revision, "number": "P-3", "valid_from": "2023-01-01", "limit_ha": 10_000.0});
    let asked = send(&server, "POST", &format!("{path}/permits"), &permit);
    assert_eq!(asked.status, 428, "{}", asked.text());
    assert!(asked.problem().contains("no limit known -> within the limit"), "{}", asked.text());
    permit["force"] = true.into();
    assert_eq!(send(&server, "POST", &format!("{path}/permits"), &permit).status, 200);
    assert_eq!(verdict().0, "within");
}

#[test]
fn a_site_is_removed_with_its_permits_and_keeps_its_files() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let remove = |id: &str, query: &str| {
        Request::new("DELETE", &format!("/api/sites/{id}{query}")).token(TOKEN).send(server.address)
    };
    let revision = |id: &str| server.json(&format!("/api/sites/{id}"))["revision"].as_str().unwrap().to_owned();
    let seen = revision(SITE);
    assert_eq!(remove(SITE, "").status, 400);
    assert_eq!(remove(SITE, &format!("?revision={seen}&force=yes")).status, 400);
    let kept = remove(SITE, &format!("?revision={seen}"));
    assert_eq!(kept.status, 409);
    let detail = kept.problem();
    assert!(detail.contains("2 observations") && detail.contains("`force=true`"), "{detail}");
    let path = format!("/api/sites/{SITE}");
    let edited = send(&server, "PATCH", &path, &json!({"revision": seen, "name": "Another"}));
    assert_eq!(edited.status, 200);
    let stale = remove(SITE, &format!("?revision={seen}&force=true"));
    assert_eq!(stale.status, 409);
    assert!(stale.problem().contains("has changed since you read it"), "{}", stale.text());
    let files = workspace.files("2023-07-17");
    let removed = remove(SITE, &format!("?revision={}&force=true", revision(SITE)));
    assert_eq!(removed.status, 200, "{}", removed.text());
    assert_eq!(removed.json(), json!({"permits": 2, "observations": 2}));
    assert!(files.join("map/mask.tif").is_file(), "files of observations stay");
    assert_eq!(server.get(&path).status, 404);
    assert_eq!(server.json("/api/sites")["sites"].as_array().unwrap().len(), 2);
    assert_eq!(remove(SITE, "?revision=0").status, 404);
    // Without observations there is nothing to force.
    assert_eq!(
        remove("quiet", &format!("?revision={}", revision("quiet"))).json(),
        json!({"permits": 0, "observations": 0})
    );
}

#[test]
fn a_prediction_is_removed_with_its_files() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let remove =
        |name: &str| Request::new("DELETE", &format!("/api/predictions/{name}")).token(TOKEN).send(server.address);
    assert_eq!(remove("nothing").status, 404);
    assert_eq!(remove("box-1").status, 204);
    assert_eq!(server.json("/api/predictions")["predictions"], json!([]));
    assert_eq!(std::fs::read_dir(workspace.path().join("predictions")).unwrap().count(), 0);
}

#[test]
fn a_prediction_that_is_written_is_not_removed() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let remove = || Request::new("DELETE", "/api/predictions/box-1").token(TOKEN).send(server.address);
    let folder = workspace.path().join("predictions/box-1");
    let run = OutputFolder::create(&folder, &["manifest.json"], true).unwrap();
    let answer = remove();
    assert_eq!(answer.status, 409, "{}", answer.text());
    assert!(answer.problem().contains("`box-1` is being written"), "{}", answer.text());
    let text = std::fs::read(folder.join("manifest.json")).unwrap();
    std::fs::write(run.path("manifest.json"), text).unwrap();
    run.commit().unwrap();
    assert_eq!(server.json("/api/predictions")["predictions"][0]["name"], "box-1");
    assert_eq!(remove().status, 204);
}

#[test]
fn changes_need_the_token_and_a_body_of_a_bearable_size() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let requests = [
        Request::post("/api/sites", &feature(&json!({"name": "x"}), &square(1.0))),
        Request::new("PATCH", "/api/sites/quiet"),
        Request::new("DELETE", "/api/sites/quiet?revision=1"),
        Request::post("/api/sites/quiet/permits", &json!({})),
        Request::new("DELETE", "/api/sites/quiet/permits?number=1&revision=1"),
        Request::new("DELETE", "/api/predictions/box-1"),
    ];
    for request in requests {
        assert_eq!(request.send(server.address).status, 401);
    }
    let large = Request::new("POST", "/api/sites").header("content-type", "application/json").token(TOKEN);
    let answer = large.body(&vec![b' '; 5 << 20]).send(server.address);
    assert_eq!(answer.status, 413);
    assert!(answer.problem().contains("at most 4096 KiB"), "{}", answer.text());
}
