//! Objects in a bucket of a test server with faults on demand.

use minesegsat_core::Error;
use minesegsat_io::http::objects::{ObjectFolder, is_object_address};
use minesegsat_testing::s3::{BUCKET, KEY_ID, ObjectStore, S3Fault};

/// More than one part of an upload.
const LARGE: usize = (8 << 20) + 12_345;

fn start() -> (ObjectStore, ObjectFolder) {
    // Sets short pauses.
    drop(super::http_reads::server());
    let store = ObjectStore::start();
    let folder = ObjectFolder::open_with(&ObjectStore::folder("a/b c/"), &store.variables()).unwrap();
    (store, folder)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn slow_down(times: usize, method: &'static str, part: &'static str) -> S3Fault {
    S3Fault { status: 503, code: "SlowDown", times, method, part }
}

#[test]
fn objects_are_written_and_read_by_their_names() {
    let (store, folder) = start();
    assert_eq!(folder.to_string(), "s3://maps/a/b c");
    assert_eq!(folder.read("units/x/record.json").unwrap(), None);
    folder.write("units/x/record.json", b"one".to_vec()).unwrap();
    folder.write("units/x/record.json", b"two".to_vec()).unwrap();
    folder.join("units/y").write("r+1.json", b"three".to_vec()).unwrap();
    assert_eq!(store.keys(), ["a/b c/units/x/record.json", "a/b c/units/y/r+1.json"]);
    let wanted = names(&["units/y/r+1.json", "none", "units/x/record.json"]);
    let found = folder.read_all(&wanted).unwrap();
    assert_eq!(found, [Some(b"three".to_vec()), None, Some(b"two".to_vec())]);
    assert_eq!(folder.exist(&wanted).unwrap(), [true, false, true]);
    folder.write("empty", Vec::new()).unwrap();
    assert_eq!(folder.read("empty").unwrap(), Some(Vec::new()));
}

#[test]
fn of_several_writers_one_creates_an_object() {
    let (store, folder) = start();
    let writer = &folder;
    let created: Vec<bool> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8).map(|i| scope.spawn(move || writer.create("r", vec![i]).unwrap())).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(created.iter().filter(|&&created| created).count(), 1, "{created:?}");
    let winner = created.iter().position(|&created| created).unwrap() as u8;
    assert_eq!(folder.read("r").unwrap(), Some(vec![winner]));
    // The answer was lost, and the request is sent again.
    assert!(folder.create("r", vec![winner]).unwrap());
    // A store without conditions keeps what came last.
    store.forget_conditions();
    assert!(folder.create("r", vec![9]).unwrap());
    assert_eq!(folder.read("r").unwrap(), Some(vec![9]));
}

#[test]
fn large_files_go_up_and_down_in_parts() {
    let (store, folder) = start();
    let home = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..LARGE).map(|i| (i / 7 + i / 60_000) as u8).collect();
    let (from, to) = (home.path().join("from"), home.path().join("to"));
    std::fs::write(&from, &bytes).unwrap();
    store.fail(slow_down(1, "PUT", "partNumber=2"));
    folder.upload("map.tif", &from).unwrap();
    assert_eq!((store.begun_uploads(), store.open_uploads()), (1, 0));
    assert!(store.object("a/b c/map.tif").unwrap() == bytes);
    store.fail(slow_down(1, "GET", ""));
    folder.download("map.tif", &to).unwrap();
    assert!(std::fs::read(&to).unwrap() == bytes);
    // Without parts, and without bytes.
    for len in [0, 5] {
        std::fs::write(&from, &bytes[..len]).unwrap();
        folder.upload("small", &from).unwrap();
        folder.download("small", &to).unwrap();
        assert!(std::fs::read(&to).unwrap() == bytes[..len], "{len}");
    }
    assert_eq!(store.begun_uploads(), 1);
    let error = folder.download("none", &to).unwrap_err();
    assert!(matches!(&error, Error::ObjectStore { may_pass: false, .. }), "{error:?}");
    assert_eq!(error.to_string(), "cannot read s3://maps/a/b c/none: there is no such object");
}

#[test]
fn an_upload_that_fails_half_way_leaves_nothing() {
    let (store, folder) = start();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    std::fs::write(&file, vec![1; LARGE]).unwrap();
    // In the middle, and at the end.
    for (method, part) in [("PUT", "partNumber=2"), ("POST", "uploadId=")] {
        store.fail(slow_down(3, method, part));
        let error = folder.upload("map.tif", &file).unwrap_err();
        assert!(matches!(&error, Error::ObjectStore { may_pass: true, .. }), "{error:?}");
        assert!(error.to_string().contains("cannot write s3://maps/a/b c/map.tif: "), "{error}");
        assert_eq!((store.open_uploads(), store.keys().len()), (0, 0), "{method}");
    }
    store.fail(S3Fault { status: 404, code: "NoSuchUpload", times: 1, method: "POST", part: "uploadId=" });
    let error = folder.upload("map.tif", &file).unwrap_err();
    let is_lost = |reason: &str| reason.contains("NoSuchUpload");
    assert!(matches!(&error, Error::ObjectStore { may_pass: true, reason, .. } if is_lost(reason)), "{error:?}");
    folder.upload("map.tif", &file).unwrap();
    assert_eq!(store.keys(), ["a/b c/map.tif"]);
}

#[test]
fn an_overloaded_store_is_asked_again() {
    let (store, folder) = start();
    // There are three attempts.
    for (status, code) in [(503, "SlowDown"), (500, "InternalError"), (429, "TooManyRequests"), (408, "RequestTimeout")]
    {
        store.fail(S3Fault { status, code, times: 2, method: "", part: "" });
        folder.write("r", b"x".to_vec()).unwrap();
    }
    assert_eq!(store.received("a/b%20c/r").len(), 12);
    store.fail(slow_down(3, "GET", ""));
    let error = folder.read("r").unwrap_err();
    assert!(matches!(&error, Error::ObjectStore { may_pass: true, .. }), "{error:?}");
    let said = "cannot read s3://maps/a/b c/r: the store answered 503 Service Unavailable (tried 3 times)";
    assert_eq!(error.to_string(), said);
    // The end of an upload in parts that says 200 and means the opposite.
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("file"), vec![1; LARGE]).unwrap();
    store.fail(S3Fault { status: 200, code: "SlowDown", times: 1, method: "POST", part: "uploadId=" });
    folder.upload("map.tif", &home.path().join("file")).unwrap();
    assert_eq!(store.object("a/b c/map.tif").unwrap().len(), LARGE);
}

#[test]
fn refusals_say_what_is_wrong() {
    let (store, folder) = start();
    let refusal = |folder: &ObjectFolder| match folder.read("r").unwrap_err() {
        Error::ObjectStore { reason, may_pass, .. } => (reason, may_pass),
        other => panic!("{other:?}"),
    };
    store.fail(S3Fault { status: 403, code: "AccessDenied", times: 1, method: "", part: "" });
    let (reason, may_pass) = refusal(&folder);
    assert!(
        reason.contains("denies access") && reason.ends_with("AccessDenied: This is a test.") && may_pass,
        "{reason}"
    );
    store.fail(S3Fault { status: 400, code: "ExpiredToken", times: 1, method: "", part: "" });
    assert!(refusal(&folder).1);
    store.fail(S3Fault { status: 400, code: "AuthorizationHeaderMalformed", times: 1, method: "", part: "" });
    assert_eq!(refusal(&folder), ("AuthorizationHeaderMalformed: This is a test.".to_owned(), false));

    let with = |address: &str, change: &dyn Fn(&str) -> Option<&'static str>| {
        let changed = |(name, value): (String, String)| (name.clone(), change(&name).map_or(value, str::to_owned));
        let variables: Vec<_> = store.variables().into_iter().map(changed).collect();
        ObjectFolder::open_with(address, &variables).unwrap()
    };
    let other_keys = with(&ObjectStore::folder("a"), &|name| (name == "AWS_ACCESS_KEY_ID").then_some("OTHER"));
    let (reason, may_pass) = refusal(&other_keys);
    assert!(reason.contains("does not accept the keys: InvalidAccessKeyId") && !may_pass, "{reason}");
    let (reason, may_pass) = refusal(&with("s3://other/a", &|_| None));
    assert_eq!((reason.as_str(), may_pass), ("there is no such bucket", false));
    let nowhere =
        with(&ObjectStore::folder("a"), &|name| (name == "AWS_ENDPOINT_URL_S3").then_some("http://127.0.0.1:9"));
    let (reason, may_pass) = refusal(&nowhere);
    assert!(reason.ends_with("(tried 3 times)") && may_pass, "{reason}");
    // No keys are said.
    for shown in [format!("{folder:?}"), reason] {
        assert!(!shown.contains(KEY_ID) && !shown.contains("SECRET"), "{shown}");
    }
}

#[test]
fn addresses_name_a_bucket() {
    for address in ["s3://maps", "s3://maps/", "S3://maps/a/b", "gs://maps/a"] {
        assert!(is_object_address(address), "{address}");
    }
    for address in ["project", "/s3/a", "https://host/a", "file:///a", "s3:/a"] {
        assert!(!is_object_address(address), "{address}");
    }
    for address in
        ["s3://", "s3:///a", "s3://a b/c", "s3://host:1/a", "s3://maps/a/../b", "s3://maps/a//b", "ftp://maps/a"]
    {
        let error = ObjectFolder::open_with(address, &[]).unwrap_err().to_string();
        assert!(error.contains(address) && error.contains("is not accepted"), "{error}");
    }
    let root = ObjectFolder::open_with(&format!("s3://{BUCKET}/"), &[]).unwrap();
    assert_eq!((root.to_string().as_str(), root.address_of("r").as_str()), ("s3://maps", "s3://maps/r"));
    // Azure needs an account.
    assert!(ObjectFolder::open_with("az://maps/a", &[]).is_err());
}
