//! Users with roles: what each may do on every path of `/openapi.json`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use minesegsat_server::{Role, Server, ServerOptions, Users};
use serde_json::{Value, json};

use crate::client::{HttpResponse, Request};
use crate::jobs::Fake;
use crate::workspace::{SITE, Workspace};
use crate::{Served, TOKEN};

/// A table with a user for each role, and their tokens in the order of the roles.
fn users(workspace: &Workspace) -> (PathBuf, [String; 3]) {
    let path = workspace.path().join("users.csv");
    let tokens = Role::ALL.map(|role| Users::add(&path, &format!("{role}er"), role).unwrap());
    (path, tokens)
}

/// The role that a request needs. `None`: the right to read.
fn needed_role(method: &str, path: &str) -> Option<Role> {
    match (method, path) {
        ("get", _) | ("post", "/stac/search") => None,
        ("post" | "delete", "/api/session") => Some(Role::Read),
        ("post", "/api/predict" | "/api/monitor") | ("delete", "/api/jobs/{job}" | "/api/predictions/{name}") => {
            Some(Role::Order)
        }
        ("post", "/api/sites")
        | ("patch" | "delete", "/api/sites/{site}")
        | ("post" | "delete", "/api/sites/{site}/permits") => Some(Role::Register),
        (method, path) => panic!("write down the role that {method} {path} needs"),
    }
}

/// All operations of the document: method, path, and the path with values that name nothing.
fn operations(document: &Value) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let mut url = path.clone();
        while let (Some(start), Some(end)) = (url.find('{'), url.find('}')) {
            let is_number = matches!(&url[start..=end], "{z}" | "{x}" | "{y}");
            url.replace_range(start..=end, if is_number { "0" } else { "nothing" });
        }
        found.extend(item.as_object().unwrap().keys().map(|method| (method.clone(), path.clone(), url.clone())));
    }
    found
}

/// What a refusal must say.
fn refusal(status: u16, needed: Option<Role>, role: Option<Role>) -> Vec<String> {
    match (status, needed, role) {
        (403, Some(needed), Some(role)) => {
            vec![format!("needs the role `{needed}`"), format!("user `{role}er` has the role `{role}`")]
        }
        (_, Some(needed), _) => vec![format!("a token of the role `{needed}`")],
        _ => vec!["Authorization: Bearer TOKEN".to_owned()],
    }
}

fn ask(address: SocketAddr, method: &str, url: &str, token: Option<&str>) -> HttpResponse {
    let request = Request::new(&method.to_uppercase(), url);
    token.into_iter().fold(request, Request::token).send(address)
}

#[test]
fn every_path_answers_every_role_as_the_document_says() {
    let workspace = Workspace::filled();
    let (path, tokens) = users(&workspace);
    for is_loopback in [true, false] {
        let server = Served::start(&workspace, Some(Arc::new(Fake::default())), |options| {
            options.users = Some(path.clone());
            if !is_loopback {
                options.bind = SocketAddr::from(([0, 0, 0, 0], 0));
            }
        });
        let address = SocketAddr::from(([127, 0, 0, 1], server.address.port()));
        let document = ask(address, "get", "/openapi.json", Some(TOKEN)).json();
        let operations = operations(&document);
        assert!(operations.len() > 40, "{}", operations.len());
        for (method, path, url) in &operations {
            let operation = &document["paths"][path][method];
            let needed = needed_role(method, path);
            assert_eq!(operation["x-required-role"].as_str(), needed.map(Role::name), "{method} {path}");
            let callers = [None].into_iter().chain(Role::ALL.into_iter().map(Some));
            for (at, role) in callers.enumerate() {
                let token = at.checked_sub(1).map(|at| tokens[at].as_str());
                let answer = ask(address, method, url, token);
                let is_public = matches!(path.as_str(), "/" | "/health");
                let expected = match (needed, role) {
                    (None, None) if is_loopback || is_public => None,
                    (_, None) => Some(401),
                    (Some(needed), Some(role)) if role < needed => Some(403),
                    _ => None,
                };
                let given = role.map_or("no token", Role::name);
                let Some(status) = expected else {
                    assert!(!matches!(answer.status, 401 | 403), "{method} {url} with {given}: {}", answer.status);
                    continue;
                };
                assert_eq!(answer.status, status, "{method} {url} with {given}");
                assert!(operation["responses"].get(status.to_string()).is_some(), "{method} {path} states {status}");
                let detail = answer.problem();
                for words in refusal(status, needed, role) {
                    assert!(detail.contains(&words), "{method} {url} with {given}: {detail}");
                }
            }
            let operator = ask(address, method, url, Some(TOKEN));
            assert!(
                !matches!(operator.status, 401 | 403),
                "{method} {url} with the server's token: {}",
                operator.status
            );
        }
    }
}

#[test]
fn the_server_says_who_a_token_belongs_to() {
    let workspace = Workspace::filled();
    let (path, tokens) = users(&workspace);
    let server = Served::start(&workspace, None, |options| options.users = Some(path));
    assert_eq!(server.json("/api/me"), json!({"name": null, "role": null}));
    let me = |token: &str| Request::get("/api/me").token(token).send(server.address);
    assert_eq!(me(&tokens[1]).json(), json!({"name": "orderer", "role": "order"}));
    assert_eq!(me(TOKEN).json(), json!({"name": null, "role": "register"}));
    assert_eq!(me("a-guess-of-a-token").status, 401);
    assert_eq!(me(TOKEN).header("cache-control"), Some("no-store"));
    assert_eq!(server.json("/api")["users_enabled"], true);
}

#[test]
fn users_come_and_go_while_the_server_runs() {
    let workspace = Workspace::filled();
    let (path, tokens) = users(&workspace);
    let server = Served::start(&workspace, None, |options| {
        options.token = None;
        options.users = Some(path.clone());
        options.bind = SocketAddr::from(([0, 0, 0, 0], 0));
    });
    let address = SocketAddr::from(([127, 0, 0, 1], server.address.port()));
    let read = |token: &str| Request::get("/api/sites").token(token).send(address).status;
    assert_eq!(read(&tokens[0]), 200);
    let session = Request::new("POST", "/api/session").token(&tokens[0]).send(address);
    assert_eq!(session.status, 204, "{}", session.text());
    let cookie = session.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let with_cookie = || Request::get("/api/sites").header("cookie", &cookie).send(address).status;
    assert_eq!(with_cookie(), 200);
    Users::remove(&path, "reader").unwrap();
    assert_eq!((read(&tokens[0]), with_cookie()), (401, 401));
    let new = Users::add(&path, "late", Role::Read).unwrap();
    assert_eq!(read(&new), 200);
    std::fs::write(&path, "half a ta").unwrap();
    let answer = Request::get("/api/sites").token(&new).send(address);
    assert_eq!(answer.status, 503);
    assert!(answer.problem().contains("table of users") && answer.header("retry-after").is_some());
}

#[test]
fn a_server_does_not_start_on_a_broken_table_and_needs_no_token_beside_a_good_one() {
    let workspace = Workspace::filled();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bind = |path: PathBuf| {
        let mut options = ServerOptions::new(workspace.path());
        options.bind = SocketAddr::from(([0, 0, 0, 0], 0));
        options.users = Some(path);
        runtime.block_on(Server::bind(options, None)).map(drop).map_err(|error| error.to_string())
    };
    let broken = workspace.path().join("broken.csv");
    std::fs::write(&broken, "name,role,token_sha256\nana,chief,00\n").unwrap();
    let error = bind(broken).unwrap_err();
    assert!(error.contains("broken.csv") && error.contains("chief"), "{error}");
    assert!(bind(workspace.path().join("missing.csv")).is_err());
    bind(users(&workspace).0).unwrap();
}

#[test]
fn the_history_of_verdicts_names_the_user_who_edited_a_permit() {
    let workspace = Workspace::filled();
    let (path, tokens) = users(&workspace);
    let server = Served::start(&workspace, None, |options| options.users = Some(path));
    let site = || server.json(&format!("/api/sites/{SITE}"));
    let remove = |number: &str, token: &str| {
        let revision = site()["revision"].as_str().unwrap().to_owned();
        let url = format!("/api/sites/{SITE}/permits?number={number}&revision={revision}&force=true");
        Request::new("DELETE", &url).token(token).send(server.address).status
    };
    assert_eq!(remove("P-2", &tokens[1]), 403);
    assert_eq!(remove("P-2", &tokens[2]), 200);
    assert_eq!(site()["corrections"][0]["editor"], "registerer");
    assert_eq!(remove("P-1", TOKEN), 200);
    let corrections = site()["corrections"].clone();
    let editors: Vec<&Value> = corrections.as_array().unwrap().iter().map(|one| &one["editor"]).collect();
    assert!(editors.contains(&&Value::Null), "the operator has no name: {editors:?}");
}
