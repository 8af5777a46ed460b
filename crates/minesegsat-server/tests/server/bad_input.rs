//! Invalid input gets a clear error and does not stop the server.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;

use minesegsat_server::{Server, ServerError, ServerOptions};

use crate::client::{HttpResponse, Request};
use crate::jobs::Fake;
use crate::workspace::Workspace;
use crate::{Served, TOKEN};

#[test]
fn paths_that_lead_out_of_the_workspace_lead_nowhere() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    for path in [
        "/api/sites/..",
        "/api/sites/..%2F..%2Fetc%2Fpasswd",
        "/api/sites/%2e%2e/report",
        "/api/sites/wolverine/evidence/..%2F..%2Fx",
        "/api/sites/wolverine/observations/..%2f..%2fmap/polygons",
        "/api/predictions/..%2F..%2Fetc/polygons",
        "/api/predictions/%2Fetc/polygons",
        "/api/predictions/a%00b/polygons",
        "/assets/..%2f..%2fCargo.toml",
        "/assets/../../Cargo.toml",
        "/tiles/predictions/..%2F..%2Fx/mask/0/0/0.png",
        "/tiles/sites/../../mask/0/0/0/0.png",
        "/api/sites/%ff%fe",
    ] {
        let answer = server.get(path);
        assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
        answer.problem();
    }
}

#[test]
#[cfg(unix)]
fn links_out_of_the_workspace_are_not_followed() {
    let workspace = Workspace::filled();
    let elsewhere = Workspace::filled();
    let server = Served::plain(&workspace);
    std::os::unix::fs::symlink(elsewhere.path().join("predictions/box-1"), workspace.path().join("predictions/out"))
        .unwrap();
    server.problem("/api/predictions/out/polygons", 404);
    assert_eq!(server.json("/api/predictions")["predictions"].as_array().unwrap().len(), 1);
}

#[test]
fn unknown_paths_and_methods_are_problems_too() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    assert!(server.problem("/nothing", 404).contains("/openapi.json"));
    let answer = Request::new("PATCH", "/api/sites").token(TOKEN).send(server.address);
    assert_eq!(answer.status, 405);
    assert!(answer.problem().contains("Allow"));
    assert!(server.problem("/api/sites?x=1", 400).contains("`x`"));
    assert!(server.problem("/api/sites/UPPER", 400).contains("lower-case"));
    assert!(server.problem("/api/sites/wolverine/observations/today/polygons", 400).contains("2022-07-12-1f0c9a3b"));
    server.problem("/api/sites/wolverine/observations/2022-07-12-00000000/polygons", 404);
    server.problem("/api/predictions/nothing/polygons", 404);
}

#[test]
fn bodies_that_are_too_large_or_no_json_are_refused() {
    let workspace = Workspace::filled();
    let server = Served::start(&workspace, Some(Arc::new(Fake::default())), |options| options.limits.body_bytes = 4096);
    let post = |body: &[u8], kind: &str| {
        let request = Request::new("POST", "/api/predict").token(TOKEN).header("content-type", kind).body(body);
        request.send(server.address)
    };
    let large = post(&vec![b' '; 1 << 20], "application/json");
    assert_eq!(large.status, 413);
    large.problem();
    for (body, kind, status) in [
        (&b"{"[..], "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{\"bbox\": 1}", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "application/json", 400),
    ] {
        let answer = post(body, kind);
        assert_eq!(answer.status, status, "{}", answer.text());
        answer.problem();
    }
    let endless = Request::new("POST", "/stac/search")
        .header("content-type", "application/json")
        .body(&[&b"{\"ids\": [\""[..], &vec![b'a'; 10_000], b"\"]}"].concat());
    assert_eq!(endless.send(server.address).status, 413);
}

#[test]
fn heads_that_are_too_large_are_refused() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    for head in [
        format!("GET /health HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "a".repeat(100_000)),
        format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "a".repeat(100_000)),
        format!("GET /health HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "x: 1\r\n".repeat(200)),
        "nonsense\r\n\r\n".to_owned(),
    ] {
        let mut stream = TcpStream::connect(server.address).unwrap();
        let _ = stream.write_all(head.as_bytes());
        let answer = HttpResponse::read(&mut stream);
        assert!(matches!(answer.status, 400 | 414 | 431), "{}", answer.status);
    }
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn a_workspace_that_disappears_and_comes_back() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    assert_eq!(server.get("/api/sites").status, 200);
    let aside = workspace.path().with_extension("aside");
    std::fs::rename(workspace.path(), &aside).unwrap();
    for path in [
        "/health",
        "/api/sites",
        "/api/sites/wolverine",
        "/api/predictions",
        "/ogc/collections/observations/items",
        "/stac/search",
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, 503, "{path}: {}", answer.text());
        assert!(answer.header("retry-after").is_some());
        assert!(answer.problem().contains("workspace"));
    }
    std::fs::rename(&aside, workspace.path()).unwrap();
    assert_eq!(server.json("/api/sites/wolverine")["observations"].as_array().unwrap().len(), 2);
    workspace.vanish();
    assert_eq!(server.get("/health").status, 503);
}

#[test]
fn damaged_files_fail_alone() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let name = workspace.observation("2023-07-17");
    let folder = workspace.files("2023-07-17");
    std::fs::write(folder.join("map/polygons.gpkg"), b"no database").unwrap();
    std::fs::write(folder.join("map/manifest.json"), b"{").unwrap();
    let damaged = server.get(&format!("/api/sites/wolverine/observations/{name}/polygons"));
    assert_eq!(damaged.status, 500);
    let detail = damaged.problem();
    assert!(detail.contains("polygons.gpkg"), "{detail}");
    assert!(
        !damaged.text().contains(&workspace.path().display().to_string()),
        "clients do not see where the workspace is"
    );
    let site = server.json("/api/sites/wolverine");
    assert_eq!(site["observations"][1]["layers"].as_array().unwrap().len(), 0);
    let polygons = server.json("/ogc/collections/polygons/items?limit=100");
    assert_eq!(polygons["numberReturned"], 3, "those of the other observation");
    std::fs::remove_dir_all(&folder).unwrap();
    server.problem(&format!("/api/sites/wolverine/observations/{name}/polygons"), 404);
    assert_eq!(server.json("/api/sites/wolverine")["observations"][1]["bounds"], serde_json::Value::Null);
    std::fs::write(workspace.path().join("predictions/box-1/manifest.json"), b"[]").unwrap();
    assert_eq!(server.json("/api/predictions")["predictions"].as_array().unwrap().len(), 0);
}

#[test]
fn a_register_that_is_damaged_is_an_error_and_one_that_is_mended_is_read() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    assert_eq!(server.get("/api/sites").status, 200);
    let register = workspace.register();
    let good = std::fs::read(&register).unwrap();
    std::fs::remove_file(&register).unwrap();
    std::fs::write(&register, b"no database, whatever its name says, and long enough for a header").unwrap();
    assert_eq!(server.get("/api/sites").status, 500);
    assert!(matches!(server.get("/health").status, 500 | 503));
    std::fs::remove_file(&register).unwrap();
    std::fs::write(&register, good).unwrap();
    assert_eq!(server.json("/api/sites")["sites"].as_array().unwrap().len(), 3);
}

#[test]
fn a_second_server_with_jobs_is_refused_and_one_that_reads_is_not() {
    let workspace = Workspace::filled();
    let first = Served::start(&workspace, Some(Arc::new(Fake::default())), |_| {});
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let options = || {
        let mut options = ServerOptions::new(workspace.path());
        options.bind.set_port(0);
        options
    };
    let error = runtime.block_on(Server::bind(options(), Some(Arc::new(Fake::default())))).unwrap_err();
    assert!(matches!(error, ServerError::WorkspaceInUse { .. }), "{error}");
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    assert!(runtime.block_on(Server::bind(options(), None)).is_ok());
    let mut taken = options();
    taken.bind = first.address;
    let error = runtime.block_on(Server::bind(taken, None)).unwrap_err();
    assert!(matches!(error, ServerError::Listen { .. }), "{error}");
    let mut nowhere = options();
    nowhere.workspace = "/nowhere".into();
    assert!(matches!(runtime.block_on(Server::bind(nowhere, None)).unwrap_err(), ServerError::Workspace { .. }));
    drop(first);
    assert!(runtime.block_on(Server::bind(options(), Some(Arc::new(Fake::default())))).is_ok());
}
