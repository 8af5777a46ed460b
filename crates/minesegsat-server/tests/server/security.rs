//! Access control, rate limits, and headers for browsers.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use minesegsat_server::{Server, ServerOptions, Token};
use serde_json::json;

use crate::client::{HttpResponse, Request};
use crate::jobs::Fake;
use crate::workspace::Workspace;
use crate::{Served, TOKEN};

fn order() -> serde_json::Value {
    json!({"bbox": [-121.2, 55.0, -121.1, 55.1], "from": "2022-07-01", "to": "2022-07-31"})
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn an_address_that_others_reach_needs_a_token() {
    let workspace = Workspace::filled();
    let mut options = ServerOptions::new(workspace.path());
    options.bind = SocketAddr::from(([0, 0, 0, 0], 0));
    let error = block_on(Server::bind(options, None)).unwrap_err().to_string();
    assert!(error.contains("no token") && error.contains("127.0.0.1"), "{error}");
    assert!(Token::new("short").is_err());

    let server = Served::start(&workspace, None, |options| options.bind = SocketAddr::from(([0, 0, 0, 0], 0)));
    let address = SocketAddr::from(([127, 0, 0, 1], server.address.port()));
    let raster = format!("/api/sites/wolverine/observations/{}/files/mask.tif", workspace.observation("2022-07-12"));
    for path in [
        "/api/sites",
        "/ogc",
        "/stac/search",
        "/metrics",
        "/api/sites/wolverine/report",
        "/api/sites/wolverine/export?what=land&format=xlsx",
        &raster,
        "/openapi.json",
    ] {
        let refused = Request::get(path).send(address);
        assert_eq!(refused.status, 401, "{path}");
        assert!(refused.header("www-authenticate").unwrap().starts_with("Bearer"));
        assert_eq!(Request::get(path).token(TOKEN).send(address).status, 200, "{path}");
    }
    for path in ["/health", "/"] {
        assert_eq!(Request::get(path).send(address).status, 200, "{path} has no data in it");
    }
    let session = Request::new("POST", "/api/session").token(TOKEN).send(address);
    assert_eq!(session.status, 204);
    let cookie = session.header("set-cookie").unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && !cookie.contains(TOKEN), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(Request::get("/api/sites").header("cookie", cookie).send(address).status, 200);
    let writing = Request::post("/api/predict", &order()).header("cookie", cookie).send(address);
    assert_eq!(writing.status, 401, "a cookie does not write");
}

#[test]
fn writing_needs_the_token_and_guessing_ends() {
    let workspace = Workspace::filled();
    let server = Served::start(&workspace, Some(Arc::new(Fake::default())), |options| {
        options.limits.wrong_tokens_per_minute = 5.0;
    });
    let send = |request: Request| request.send(server.address);
    assert_eq!(send(Request::post("/api/predict", &order())).status, 401);
    assert_eq!(send(Request::new("DELETE", "/api/jobs/x")).status, 401);
    let accepted = send(Request::post("/api/predict", &order()).token(TOKEN));
    assert_eq!(accepted.status, 202, "{}", accepted.text());
    let statuses: Vec<u16> = (0..7)
        .map(|at| send(Request::post("/api/predict", &order()).token(&format!("guess-number-{at:04}"))).status)
        .collect();
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429]);
    let late = send(Request::post("/api/predict", &order()).token(TOKEN));
    assert_eq!(late.status, 429, "nobody learns that a guess was right");
    assert!(late.header("retry-after").is_some());
    assert_eq!(send(Request::get("/api/sites")).status, 200, "reading is open still");
    drop(server);
    let server = Served::start(&workspace, Some(Arc::new(Fake::default())), |options| options.token = None);
    let refused = Request::post("/api/predict", &order()).send(server.address);
    assert_eq!(refused.status, 403);
    assert!(refused.problem().contains("no access token"));
}

#[test]
fn wrong_tokens_slow_down_their_sender_and_not_others_behind_the_proxy() {
    let workspace = Workspace::filled();
    let start = |trusted: bool| {
        Served::start(&workspace, Some(Arc::new(Fake::default())), |options| {
            options.limits.wrong_tokens_per_minute = 3.0;
            if !trusted {
                options.trusted_proxies.clear();
            }
        })
    };
    let server = start(true);
    let send = |client: &str, token: &str| {
        let request = Request::post("/api/predict", &order()).token(token).header("x-forwarded-for", client);
        request.send(server.address).status
    };
    let guesses: Vec<u16> = (0..5).map(|at| send("203.0.113.7", &format!("guess-number-{at:04}"))).collect();
    assert_eq!(guesses, [401, 401, 401, 429, 429]);
    assert_eq!(send("203.0.113.7", TOKEN), 429, "nobody learns that a guess was right");
    assert_eq!(send("203.0.113.8", TOKEN), 202, "another client behind the proxy");
    assert_eq!(send("203.0.113.8, 203.0.113.7", TOKEN), 429, "only the address that the proxy saw counts");
    drop(server);
    let server = start(false);
    let send = |client: &str, token: &str| {
        let request = Request::post("/api/predict", &order()).token(token).header("x-forwarded-for", client);
        request.send(server.address).status
    };
    let guesses: Vec<u16> = (0..5).map(|at| send(&format!("203.0.113.{at}"), "guess-number-0000")).collect();
    assert_eq!(guesses, [401, 401, 401, 429, 429], "who is not trusted names no other client");
}

#[test]
fn pages_of_other_names_do_not_read_what_is_local() {
    let workspace = Workspace::filled();
    let server = Served::start(&workspace, None, |options| options.host_names = vec!["map.example".to_owned()]);
    let status = |host: &str| Request::get("/api/sites").header("host", host).send(server.address).status;
    assert_eq!(status("localhost:8080"), 200);
    assert_eq!(status("map.example"), 200);
    assert_eq!(status("rebound.example"), 421);
    assert_eq!(status("127.0.0.1.example"), 421);
    assert_eq!(status(""), 400);
}

#[test]
fn other_origins_read_where_they_are_listed() {
    let workspace = Workspace::filled();
    let server =
        Served::start(&workspace, None, |options| options.cors_origins = vec!["https://good.example".to_owned()]);
    let asked = |origin: &str| Request::get("/api/sites").header("origin", origin).send(server.address);
    let allowed = asked("https://good.example");
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://good.example"));
    assert_eq!(asked("https://evil.example").header("access-control-allow-origin"), None);
    let preflight = Request::new("OPTIONS", "/api/predict")
        .header("origin", "https://good.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type")
        .send(server.address);
    assert_eq!(preflight.status, 200);
    assert!(preflight.header("access-control-allow-methods").unwrap().contains("POST"));
    let mut options = ServerOptions::new(workspace.path());
    options.cors_origins = vec!["https://good.example/path".to_owned()];
    assert!(block_on(Server::bind(options, None)).is_err());
}

#[test]
fn every_answer_has_the_headers_that_keep_browsers_in_check() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    for path in ["/", "/api/sites", "/nothing", "/ogc?f=html", "/api/sites/wolverine/report"] {
        let answer = server.get(path);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
        assert!(answer.header("content-security-policy").unwrap().contains("default-src"), "{path}");
        assert!(answer.header("x-request-id").is_some());
    }
    let given = Request::get("/health").header("x-request-id", "from-a-proxy-1").send(server.address);
    assert_eq!(given.header("x-request-id"), Some("from-a-proxy-1"));
}

#[test]
fn clients_of_other_machines_are_limited() {
    let workspace = Workspace::filled();
    let server = Served::start(&workspace, None, |options| {
        options.bind = SocketAddr::from(([0, 0, 0, 0], 0));
        options.limits.requests_per_second = Some(0.001);
        options.limits.burst = 3.0;
    });
    let address = SocketAddr::from(([127, 0, 0, 1], server.address.port()));
    let statuses: Vec<u16> = (0..4).map(|_| Request::get("/health").send(address).status).collect();
    assert_eq!(statuses, [200, 200, 200, 429]);
}

#[test]
fn a_slow_client_is_not_waited_for() {
    let workspace = Workspace::filled();
    let server = Served::start(&workspace, Some(Arc::new(Fake::default())), |options| {
        options.limits.head_timeout = Duration::from_millis(300);
        options.limits.request_timeout = Duration::from_millis(600);
    });
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n").unwrap();
    let mut rest = Vec::new();
    let is_open = stream
        .read_to_end(&mut rest)
        .is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    assert!(!is_open, "the server closes a connection whose request head never ends");

    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "POST /api/predict HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let answer = HttpResponse::read(&mut stream);
    assert!(matches!(answer.status, 400 | 408 | 503), "{}", answer.text());
    answer.problem();
    assert_eq!(server.get("/health").status, 200);
}
