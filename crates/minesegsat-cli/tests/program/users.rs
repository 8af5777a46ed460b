//! `minesegsat users`, the built program: the table, its messages, and a server that reads it.
#![cfg(unix)]

use std::fs;

use serde_json::json;

use crate::serve::Server;
use crate::support::{program, run};

#[test]
fn a_user_is_added_with_a_token_that_is_shown_once_listed_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.csv");
    let users = |words: &[&str]| run([&["users"], words, &["--file", file.to_str().unwrap()]].concat());
    let added = users(&["add", "Ana Maria", "--role", "order"]).succeeded();
    let token = added.stdout.trim();
    assert!(token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{token}");
    assert!(added.stderr.contains("user `Ana Maria`") && added.stderr.contains("shown once"), "{}", added.stderr);
    let table = fs::read_to_string(&file).unwrap();
    assert!(table.starts_with("name,role,token_sha256\nAna Maria,order,") && !table.contains(token), "{table}");
    assert_eq!(users(&["-q", "add", "bo", "--role", "read"]).succeeded_quietly().stdout.trim().len(), 64);
    let listed = users(&["list"]).succeeded_quietly().stdout;
    assert!(listed.contains("Ana Maria") && listed.contains("order") && listed.contains("2 users"), "{listed}");
    let rows: serde_json::Value = serde_json::from_str(&users(&["list", "--json"]).succeeded().stdout).unwrap();
    assert_eq!(rows, json!([{"name": "Ana Maria", "role": "order"}, {"name": "bo", "role": "read"}]));
    users(&["add", "bo", "--role", "order"]).failed(1, &["users.csv", "`bo` exists already"]);
    users(&["add", "eve", "--role", "chief"]).failed(2, &["chief", "read, order or register"]);
    users(&["remove", "eve"]).failed(1, &["no user `eve`", "`Ana Maria`, `bo`"]);
    let removed = users(&["remove", "bo"]).succeeded_quietly().stdout;
    assert_eq!(removed, "removed user `bo` with the role `read`\n");
}

#[test]
fn a_server_follows_the_table_of_users() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.csv");
    let file = file.to_str().unwrap();
    let add = |name: &str, role: &str| {
        let added = run(["users", "add", name, "--role", role, "--file", file]).succeeded();
        added.stdout.trim().to_owned()
    };
    let (reader, editor) = (add("ana", "read"), add("bo", "register"));
    let mut command = program();
    command.args(["serve", "--bind", "127.0.0.1:0", "--users", file, "--workspace"]).arg(folder.path());
    let server = Server::start(&mut command);
    let ring = json!([[[10.0, 45.0], [10.1, 45.0], [10.1, 45.1], [10.0, 45.0]]]);
    let site = json!({"type": "Feature", "properties": {"name": "Alpha"}, "geometry": {"type": "Polygon", "coordinates": ring}});
    let add_site = |token: &str| server.ask_as(token, "POST", "/api/sites", Some(&site));
    let (status, problem) = add_site(&reader);
    assert_eq!(status, 403, "{problem}");
    assert_eq!(problem["detail"], "this needs the role `register`, and user `ana` has the role `read`");
    let (status, made) = add_site(&editor);
    assert_eq!((status, &made["id"]), (201, &json!("alpha")), "{made}");
    let (_, me) = server.ask_as(&reader, "GET", "/api/me", None);
    assert_eq!(me, json!({"name": "ana", "role": "read"}));
    run(["users", "remove", "bo", "--file", file]).succeeded();
    assert_eq!(add_site(&editor).0, 401, "the table is read again");
    run(["serve", "--users", "none.csv", "--workspace", folder.path().to_str().unwrap()]).failed(1, &["none.csv"]);
}
