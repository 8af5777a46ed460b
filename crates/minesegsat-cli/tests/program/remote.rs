//! Scenes on servers that fail in every way.

use std::fs;
use std::path::Path;

use crate::support::http::{Fault, Server};
use crate::support::scenes::{self, Provider};
use crate::support::{OUTPUTS, names, predict, predict_command, probability, spec};
use serde_json::json;

/// A STAC item on a server, with its images.
struct Remote {
    server: Server,
    folder: tempfile::TempDir,
    /// The item on disk, with the same images.
    item: std::path::PathBuf,
    url: String,
}

const B04: &str = "/item/images/B04.tif";

impl Remote {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start();
        let at = folder.path().join("item");
        fs::create_dir(&at).unwrap();
        let item = scenes::write_stac_item(&at, &spec(), Provider::PlanetaryComputer);
        for name in names(&at.join("images")) {
            server.serve(&format!("/item/images/{name}"), fs::read(at.join("images").join(name)).unwrap(), Fault::None);
        }
        let url = server.serve("/item/item.json", fs::read(&item).unwrap(), Fault::None);
        Self { server, folder, item, url: format!("{url}?sig=SECRET") }
    }

    fn out(&self) -> std::path::PathBuf {
        self.folder.path().join("out")
    }

    /// Runs with one thing wrong, and expects this message and nothing left behind.
    #[track_caller]
    fn refused(&self, path: &str, fault: Fault, said: &[&str]) {
        self.server.set_fault(path, fault);
        let mut command = predict_command(&self.url, &self.out(), &[]);
        // A second is short for a server, and long for this one.
        let done = crate::support::Done::of(command.env("MINESEGSAT_HTTP_TIMEOUT_S", "1")).failed(1, said);
        assert!(!done.stderr.contains("SECRET"), "{}", done.stderr);
        assert_eq!(names(self.folder.path()), ["item"]);
        self.server.set_fault(path, Fault::None);
    }

    /// Runs with something wrong that passes, and expects the map of the images on disk.
    #[track_caller]
    fn succeeds(&self, path: &str, fault: Fault) {
        self.server.set_fault(path, fault);
        let mut command = predict_command(&self.url, &self.out(), &["-q"]);
        crate::support::Done::of(command.env("MINESEGSAT_HTTP_TIMEOUT_S", "1")).succeeded_quietly();
        assert_eq!(names(&self.out()), OUTPUTS);
        let local = self.folder.path().join("local");
        predict(&self.item, &local, &["-q"]).succeeded_quietly();
        crate::support::assert_same(&probability(&self.out()), &probability(&local), 0.0);
    }
}

#[test]
fn refusals_of_a_server_are_told_at_once() {
    let remote = Remote::new();
    let cases = [
        (403, "answered 403", "A signed URL may have expired"),
        (401, "answered 401", "signed or public"),
        (404, "answered 404", "no such file"),
        (416, "answered 416", "shorter than expected"),
        (410, "answered 410", "no such file"),
    ];
    for (status, said, meaning) in cases {
        let before = remote.server.requests(B04).len();
        remote.refused(B04, Fault::Status(status), &["/item/images/B04.tif answered", said, meaning]);
        assert_eq!(remote.server.requests(B04).len(), before + 1, "{status} is not asked again");
    }
    remote.refused("/item/item.json", Fault::Status(404), &["/item/item.json answered 404"]);
}

#[test]
fn errors_of_a_server_are_told_after_the_attempts() {
    let remote = Remote::new();
    for status in [500, 503, 429] {
        let before = remote.server.requests(B04).len();
        let said = ["cannot read http://127.0.0.1", "/item/images/B04.tif: ", &format!("answered {status}"), "3 times"];
        remote.refused(B04, Fault::Status(status), &said);
        assert_eq!(remote.server.requests(B04).len(), before + 3, "{status}");
    }
    remote.refused("/item/item.json", Fault::Status(502), &["/item/item.json", "answered 502", "3 times"]);
    remote.refused(B04, Fault::Stall { times: usize::MAX }, &["B04.tif", "stalled for 1 s", "3 times"]);
    remote.refused(B04, Fault::Cut { times: usize::MAX }, &["B04.tif", "3 times"]);
    remote.refused(B04, Fault::WrongRange { times: usize::MAX }, &["B04.tif", "were requested", "3 times"]);
}

#[test]
fn faults_that_pass_are_overcome() {
    // A server of its own for each: faults count requests from its start.
    for fault in [
        Fault::StatusThenOk { status: 500, times: 2 },
        Fault::StatusThenOk { status: 429, times: 2 },
        Fault::Cut { times: 2 },
        Fault::Stall { times: 1 },
        Fault::WrongRange { times: 2 },
        Fault::IgnoreRange,
    ] {
        Remote::new().succeeds(B04, fault);
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_refused() {
    // Large enough for more than the first request.
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("noise.tif");
    crate::support::noise_stack(&path, 130, 130);
    let url = server.serve("/noise.tif", fs::read(&path).unwrap(), Fault::Change { after: 1 });
    let out = folder.path().join("out");
    predict(&url, &out, &["--offset", "0"]).failed(1, &["/noise.tif", "changed on the server", "start again"]);
    assert!(!out.exists());
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let url = {
        let server = Server::start();
        server.url("/item.json?sig=SECRET")
    };
    let out = folder.path().join("out");
    let done = predict(&url, &out, &[]).failed(1, &["cannot read http://127.0.0.1", "/item.json", "3 times"]);
    assert!(!done.stderr.contains("SECRET") && !out.exists());
}

#[test]
fn a_document_that_is_no_item_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let out = folder.path().join("out");
    for (path, body, said) in [
        ("/page", "<html>log in first</html>", "it is not the JSON expected"),
        ("/search", r#"{"type": "FeatureCollection", "features": [{"id": "a"}, {"id": "b"}]}"#, "2 items: a, b"),
    ] {
        let url = server.serve(path, body, Fault::None);
        predict(format!("{url}?sig=SECRET"), &out, &[]).failed(1, &[path, said]);
    }
    let url = server.serve("/product.zip", "PK", Fault::None);
    predict(&url, &out, &[]).failed(1, &["/product.zip", "must be downloaded first"]);
    assert!(!out.exists());
}

#[test]
fn manifests_tell_the_version_of_remote_files_and_no_secret() {
    let remote = Remote::new();
    predict(&remote.url, &remote.out(), &["-q"]).succeeded_quietly();
    let text = fs::read_to_string(remote.out().join("manifest.json")).unwrap();
    assert!(!text.contains("SECRET"));
    let manifest = crate::support::manifest(&remote.out());
    let inputs = manifest["inputs"].as_array().unwrap();
    assert_eq!(inputs.len(), 14, "the item, twelve bands and the classification");
    for input in inputs {
        assert!(input["location"].as_str().unwrap().starts_with("http://127.0.0.1"));
        assert_eq!(input["etag"], json!("\"old\""));
    }
    let b04 = inputs.iter().find(|input| input["location"].as_str().unwrap().ends_with("/B04.tif")).unwrap();
    let size = fs::metadata(remote.folder.path().join("item/images/B04.tif")).unwrap().len();
    assert_eq!(b04["size"], json!(size));
    assert!(!Path::new(remote.out().as_path()).join(".lock").exists());
}

#[test]
fn bad_settings_of_the_environment_are_named() {
    let remote = Remote::new();
    for (name, value) in [("MINESEGSAT_HTTP_TIMEOUT_S", "soon"), ("MINESEGSAT_HTTP_ATTEMPTS", "0")] {
        let mut command = predict_command(&remote.url, &remote.out(), &[]);
        crate::support::Done::of(command.env(name, value)).failed(1, &[name, value]);
    }
}
