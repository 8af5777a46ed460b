//! Tests of alert delivery to receivers that are down, slow, gone or strict. Time is an argument, so tests do not wait.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::{SignedDuration, Timestamp};
use minesegsat_core::Error;
use minesegsat_core::job::Job;
use minesegsat_io::http::HttpOptions;
use minesegsat_testing::http::{Received, Reply, Server};
use minesegsat_testing::smtp::{Smtp, smtp};
use minesegsat_watch::alerts::{
    ATTEMPTS, AlertConfig, DeliveryReport, DeliveryState, Finding, Rules, Sites, Thumbnail, deliver, findings_of, list,
    record, revive,
};
use minesegsat_watch::register::{ALERT_TABLES, Area, Observation, SiteId, Verdict};
use rusqlite::Connection;
use sha2::{Digest, Sha256};

/// 24 bytes.
const KEY: &[u8] = b"twenty-four-secret-bytes";

fn observation(site: &str, date: &str, verdict: Verdict) -> Observation {
    Observation {
        site: site.parse().unwrap(),
        date: date.parse().unwrap(),
        scenes: vec!["S2B_MSIL2A_20230601".to_owned()],
        model_sha256: "00ff".to_owned(),
        is_provisional: None,
        new_land: None,
        share_assessed: 0.97,
        share_beyond_map: None,
        share_in_other_sites: None,
        share_disagreeing: None,
        boundary_sha256: None,
        permit_sha256: None,
        area: Some(Area { ha: 123.4, lower_ha: 110.0, upper_ha: 140.0 }),
        confidence_level_percent: 90.0,
        parts: None,
        details: None,
        seen_change: None,
        compared_with: None,
        gain_ha: None,
        loss_ha: None,
        outside_permit_ha: None,
        permit: Some("M-225 Süd".to_owned()),
        limit_ha: Some(120.0),
        verdict,
        statement: "123.4 ha are disturbed, and 120 ha are permitted".to_owned(),
        warnings: Vec::new(),
        files: Vec::new(),
        created: "2024-01-01T00:00:00Z".parse().unwrap(),
    }
}

fn start() -> Timestamp {
    "2024-03-01T12:00:00Z".parse().unwrap()
}

/// Sites are named by their ids without the dash. One has a picture.
struct Known;

/// Begins as a PNG does, with a byte that is not ASCII.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n";

impl Sites for Known {
    fn name(&self, site: &SiteId) -> Option<String> {
        Some(site.as_str().replace('-', " "))
    }

    fn picture(&self, finding: &Finding) -> Option<Thumbnail> {
        (finding.site.as_str() == "north-pit").then(|| Thumbnail {
            png: PICTURE.to_vec(),
            width: 400,
            height: 300,
            date: finding.date,
            has_boundary: true,
            change_since: None,
        })
    }
}

/// Calls take time themselves, more than a second on a busy machine.
fn is_about(time: Option<Timestamp>, expected: Timestamp) -> bool {
    time.is_some_and(|time| time.duration_since(expected).abs() < SignedDuration::from_mins(1))
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// A register's tables and a folder with a secret and a configuration.
struct Outbox {
    connection: Connection,
    config: AlertConfig,
    folder: tempfile::TempDir,
}

impl Outbox {
    fn new(config: &str) -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            HttpOptions { timeout: Duration::from_secs(2), attempts: 1, backoff: Duration::ZERO }.set_global();
        });
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("hook.secret"), format!("whsec_{}\n", BASE64_STANDARD.encode(KEY))).unwrap();
        std::fs::write(folder.path().join("password"), "correct horse\n").unwrap();
        let config = AlertConfig::parse(config, folder.path()).unwrap();
        let connection = Connection::open(folder.path().join("register.gpkg")).unwrap();
        connection.execute_batch(ALERT_TABLES).unwrap();
        Self { connection, config, folder }
    }

    fn webhook(url: &str) -> Self {
        Self::new(&format!("[[webhook]]\nname = 'hook'\nurl = '{url}'\nsecret_file = 'hook.secret'"))
    }

    /// Records a possible exceedance at a site.
    fn find(&self, site: &str) {
        self.find_verdict(site, Verdict::PossibleExceedance);
    }

    fn find_verdict(&self, site: &str, verdict: Verdict) {
        let findings = findings_of(&observation(site, "2023-06-01", verdict), &[], &Rules::above(0.5));
        assert_eq!(record(&self.connection, &findings, &self.config, start()).unwrap(), 1);
    }

    fn deliver(&self, now: Timestamp) -> DeliveryReport {
        deliver(&self.connection, &self.config, &Known, now, Job::silent()).unwrap()
    }

    /// Content of the tables as text.
    fn dump(&self) -> String {
        format!("{:?}", list(&self.connection, None).unwrap())
    }
}

/// HMAC-SHA256 after RFC 2104, implemented here to be independent of the program's library.
fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let pad = |value: u8| (0..64).map(|i| key.get(i).copied().unwrap_or(0) ^ value).collect::<Vec<_>>();
    let inner = Sha256::digest([pad(0x36), message.to_vec()].concat());
    Sha256::digest([pad(0x5c), inner.to_vec()].concat()).to_vec()
}

fn check_signature(received: &Received) {
    let (id, timestamp) = (received.header("webhook-id"), received.header("webhook-timestamp"));
    let message = [format!("{id}.{timestamp}.").as_bytes(), &received.body].concat();
    let expected = format!("v1,{}", BASE64_STANDARD.encode(hmac_sha256(KEY, &message)));
    assert_eq!(received.header("webhook-signature"), expected);
}

/// A server that answers with a status chosen by the test, and its URL, which contains a secret.
fn receiver(status: u16) -> (Server, String, Arc<AtomicUsize>) {
    let server = Server::start();
    let status = Arc::new(AtomicUsize::new(usize::from(status)));
    let answer = Arc::clone(&status);
    let url = server.handle("/SECRET", move |_| {
        Reply::status(answer.load(Ordering::Relaxed) as u16, r#"{"message": "Cannot POST /SECRET"}"#)
    });
    (server, url, status)
}

#[test]
fn an_alert_is_posted_once_signed_and_says_what_it_should() {
    // RFC 4231, test case 2.
    let known = hmac_sha256(b"Jefe", b"what do ya want for nothing?");
    assert_eq!(known[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    let (server, url, _) = receiver(204);
    let outbox = Outbox::webhook(&url);
    outbox.find("north-pit");
    let report = outbox.deliver(start());
    assert_eq!((report.delivered, report.failed, report.pending), (1, 0, 0));
    assert_eq!(outbox.deliver(start() + hours(1)), DeliveryReport::default());
    let received = server.received("/SECRET");
    assert_eq!(received.len(), 1);
    check_signature(&received[0]);
    assert_eq!(received[0].method, "POST");
    assert_eq!(received[0].header("content-type"), "application/json");
    let timestamp: i64 = received[0].header("webhook-timestamp").parse().unwrap();
    assert!((timestamp - start().as_second()).abs() < 60, "{timestamp}");
    let body: serde_json::Value = serde_json::from_slice(&received[0].body).unwrap();
    assert_eq!(body["type"], "finding.possible_exceedance");
    assert_eq!(body["id"], received[0].header("webhook-id"));
    assert_eq!(body["data"]["site"], "north-pit");
    assert!(body["data"]["title"].as_str().unwrap().contains("possible exceedance"));
    assert!(body["data"]["caveat"].as_str().unwrap().contains("revision of the permit may be missing"));
    let delivered = &list(&outbox.connection, Some(DeliveryState::Delivered)).unwrap()[0];
    assert_eq!(delivered.attempts, 1);
    assert!(is_about(delivered.delivered, start()), "{delivered:?}");
}

#[test]
fn a_receiver_that_was_down_for_a_day_gets_its_alerts_when_it_is_back() {
    // A port without a listener.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (server, url, _) = receiver(200);
    let mut outbox = Outbox::webhook(&format!("http://127.0.0.1:{port}/SECRET"));
    for site in ["a", "b", "c", "d", "e"] {
        outbox.find(site);
    }
    let first = outbox.deliver(start());
    assert_eq!((first.failed, first.pending), (3, 5), "a receiver that is down is left alone after three failures");
    let mut attempts = 3;
    for minute in (10..24 * 60).step_by(10) {
        let report = outbox.deliver(start() + SignedDuration::from_mins(minute));
        assert_eq!((report.delivered, report.dead), (0, 0));
        attempts += report.failed;
    }
    assert!((5 * 8..5 * 15).contains(&attempts), "{attempts} attempts in a day");
    let pending = list(&outbox.connection, Some(DeliveryState::Pending)).unwrap();
    assert_eq!(pending.len(), 5);
    let error = pending[0].last_error.as_ref().unwrap();
    assert!(error.starts_with(&format!("http://127.0.0.1:{port}: ")) && error.contains("refused"), "{error}");
    assert!(!outbox.dump().contains("SECRET"), "{}", outbox.dump());

    outbox.config = Outbox::webhook(&url).config;
    // No pause is longer than 7.5 hours.
    let report = outbox.deliver(start() + hours(24 + 8));
    assert_eq!(
        (report.delivered, report.failed, report.pending),
        (0, 0, 5),
        "the other folder with the secret is gone"
    );
    assert!(report.problems["hook"].contains("hook.secret"), "{report:?}");
    let text = format!("[[webhook]]\nname = 'hook'\nurl = '{url}'\nsecret_file = 'hook.secret'");
    outbox.config = AlertConfig::parse(&text, outbox.folder.path()).unwrap();
    let report = outbox.deliver(start() + hours(24 + 8));
    assert_eq!((report.delivered, report.failed, report.pending), (5, 0, 0));
    let received = server.received("/SECRET");
    received.iter().for_each(check_signature);
    let ids: std::collections::HashSet<_> = received.iter().map(|r| r.header("webhook-id")).collect();
    assert_eq!((received.len(), ids.len()), (5, 5));
}

#[test]
fn dead_letters_are_kept_and_revived() {
    let (_server, url, status) = receiver(500);
    let outbox = Outbox::webhook(&url);
    outbox.find("north-pit");
    let mut now = start();
    let mut failed = 0;
    let report = loop {
        let report = outbox.deliver(now);
        failed += report.failed;
        if report.dead > 0 {
            break report;
        }
        now += SignedDuration::from_mins(30);
    };
    assert_eq!((report.died, report.pending, failed), (1, 0, ATTEMPTS as usize));
    assert!(now.duration_since(start()) > hours(72), "{now}");
    let dead = &list(&outbox.connection, Some(DeliveryState::Dead)).unwrap()[0];
    assert_eq!(dead.attempts, ATTEMPTS);
    assert!(is_about(dead.dead_since, now), "{dead:?}");
    assert!(dead.last_error.as_ref().unwrap().contains("answered 500"), "{dead:?}");
    status.store(200, Ordering::Relaxed);
    assert_eq!(outbox.deliver(now + hours(100)).delivered, 0, "dead is dead");
    assert_eq!(revive(&outbox.connection, None, Some("other"), now).unwrap(), 0);
    assert_eq!(revive(&outbox.connection, Some(&dead.id), None, now).unwrap(), 1);
    let report = outbox.deliver(now);
    assert_eq!((report.delivered, report.dead), (1, 0));
}

#[test]
fn a_run_killed_between_sending_and_marking_sends_the_same_again() {
    let (server, url, _) = receiver(200);
    let outbox = Outbox::webhook(&url);
    outbox.find("north-pit");
    let killed = "CREATE TRIGGER killed BEFORE UPDATE ON alert_deliveries BEGIN SELECT RAISE(ABORT, 'killed'); END";
    outbox.connection.execute_batch(killed).unwrap();
    let error = deliver(&outbox.connection, &outbox.config, &Known, start(), Job::silent()).unwrap_err();
    assert!(error.to_string().contains("killed"), "{error}");
    let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<rusqlite::Error>());
    assert!(cause.is_some(), "the error of the database is kept: {error:?}");
    outbox.connection.execute_batch("DROP TRIGGER killed").unwrap();
    // The next run reopens the file.
    let connection = Connection::open(outbox.folder.path().join("register.gpkg")).unwrap();
    let later = start() + hours(1);
    assert_eq!(deliver(&connection, &outbox.config, &Known, later, Job::silent()).unwrap().delivered, 1);
    let received = server.received("/SECRET");
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
    assert_eq!(received[0].body, received[1].body);
    assert_ne!(received[0].header("webhook-signature"), received[1].header("webhook-signature"), "another time");
    received.iter().for_each(check_signature);
}

#[test]
fn refusals_are_final_only_after_several_and_gone_at_once() {
    let (_server, url, status) = receiver(404);
    let outbox = Outbox::webhook(&url);
    outbox.find("north-pit");
    let mut now = start();
    for attempt in 1..10 {
        assert_eq!(outbox.deliver(now).dead, 0, "attempt {attempt}");
        now += hours(8);
    }
    // Another kind of failure in between resets the count of refusals.
    status.store(503, Ordering::Relaxed);
    assert_eq!(outbox.deliver(now).dead, 0);
    status.store(302, Ordering::Relaxed);
    for attempt in 1..=10 {
        now += hours(8);
        let report = outbox.deliver(now);
        assert_eq!(report.dead, usize::from(attempt == 10), "attempt {attempt}");
    }
    assert!(outbox.dump().contains("answered 302: it redirects"), "{}", outbox.dump());

    status.store(410, Ordering::Relaxed);
    outbox.find("south-pit");
    assert_eq!(outbox.deliver(now).died, 1);
    assert!(!outbox.dump().contains("SECRET"), "{}", outbox.dump());
}

#[test]
fn redirections_are_not_followed() {
    let server = Server::start();
    let elsewhere = server.handle("/elsewhere", |_| Reply::json("{}"));
    let url = server.handle("/hook", move |_| Reply {
        status: 307,
        headers: vec![("Location".to_owned(), elsewhere.clone())],
        body: Vec::new(),
    });
    let outbox = Outbox::webhook(&url);
    outbox.find("north-pit");
    assert_eq!(outbox.deliver(start()).failed, 1);
    assert_eq!((server.received("/hook").len(), server.received("/elsewhere").len()), (1, 0));
}

#[test]
fn a_receiver_is_left_alone_for_as_long_as_it_asks_and_at_most_a_day() {
    for (asked, later) in [("7200", hours(2)), ("9999999", hours(24))] {
        let server = Server::start();
        let busy = Arc::new(AtomicBool::new(true));
        let is_busy = Arc::clone(&busy);
        let url = server.handle("/hook", move |_| {
            let busy = is_busy.load(Ordering::Relaxed);
            let headers = vec![("Retry-After".to_owned(), asked.to_owned())];
            Reply { status: if busy { 429 } else { 200 }, headers, body: Vec::new() }
        });
        let outbox = Outbox::webhook(&url);
        outbox.find("a");
        outbox.find("b");
        assert_eq!(outbox.deliver(start()).failed, 1, "the second is not even tried");
        busy.store(false, Ordering::Relaxed);
        assert_eq!(outbox.deliver(start() + later - SignedDuration::from_mins(1)).delivered, 0);
        assert_eq!(outbox.deliver(start() + later + SignedDuration::from_mins(1)).delivered, 2);
    }
}

#[test]
fn a_clock_that_jumps_back_does_not_stop_deliveries() {
    let (_server, url, status) = receiver(500);
    let outbox = Outbox::webhook(&url);
    outbox.find("north-pit");
    let future = start() + hours(24 * 365);
    assert_eq!(outbox.deliver(future).failed, 1);
    status.store(200, Ordering::Relaxed);
    assert_eq!(outbox.deliver(start()).delivered, 1, "a retry a year away is due now");
}

#[test]
fn a_slow_receiver_is_given_up_and_a_stop_is_obeyed() {
    let server = Server::start();
    let url = server.handle("/hook", |_| {
        std::thread::sleep(Duration::from_secs(5));
        Reply::json("{}")
    });
    let outbox = Outbox::webhook(&url);
    outbox.find("north-pit");
    let report = outbox.deliver(start());
    assert_eq!(report.failed, 1);
    assert!(report.problems["hook"].contains("no answer within 2 s"), "{report:?}");
    let cancelled = AtomicBool::new(true);
    let job = Job::with_cancel(&cancelled);
    let stopped = deliver(&outbox.connection, &outbox.config, &Known, start() + hours(1), job);
    assert!(matches!(stopped, Err(Error::Interrupted)), "{stopped:?}");
    assert_eq!(list(&outbox.connection, Some(DeliveryState::Pending)).unwrap()[0].attempts, 1);
}

#[test]
fn an_answer_without_end_is_not_read() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap() > 2 {
            line.clear();
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while stream.write_all(b"4\r\nmore\r\n").is_ok() {}
    });
    let outbox = Outbox::webhook(&url);
    outbox.find("north-pit");
    assert_eq!(outbox.deliver(start()).delivered, 1);
}

#[test]
fn channels_that_cannot_send_keep_their_alerts_and_use_up_no_attempts() {
    let text = "[[webhook]]\nname = 'hook'\nurl = 'https://127.0.0.1:1/SECRET'\n";
    let mut outbox = Outbox::new(&format!("{text}secret_env = 'MINESEGSAT_TEST_THAT_IS_NOT_SET'"));
    outbox.find("north-pit");
    for _ in 0..30 {
        let report = outbox.deliver(start());
        assert_eq!((report.failed, report.pending), (0, 1));
        assert!(report.problems["hook"].contains("`MINESEGSAT_TEST_THAT_IS_NOT_SET` is not set"), "{report:?}");
    }
    // A value that is not a webhook secret is not shown either. Cargo sets the variable.
    outbox.config = AlertConfig::parse(&format!("{text}secret_env = 'CARGO_PKG_NAME'"), Path::new("")).unwrap();
    let problem = &outbox.deliver(start()).problems["hook"];
    assert!(problem.contains("`CARGO_PKG_NAME`") && problem.contains("whsec_"), "{problem}");
    assert!(!problem.contains("minesegsat"), "{problem}");
    outbox.config = AlertConfig::default();
    let report = outbox.deliver(start());
    assert!(report.problems["hook"].contains("no channel of this name"), "{report:?}");
    assert_eq!(list(&outbox.connection, Some(DeliveryState::Pending)).unwrap()[0].attempts, 0);
}

#[test]
fn one_receiver_in_trouble_does_not_stop_the_others() {
    let (server, url, _) = receiver(500);
    let outbox = Outbox::new(&format!(
        "[[webhook]]\nname = 'hook'\nurl = '{url}'\nsecret_file = 'hook.secret'\n
         [[file]]\nname = 'log'\npath = 'alerts.jsonl'\n
         [[file]]\nname = 'worst'\npath = 'worst.jsonl'\nkinds = ['exceeded']"
    ));
    outbox.find("north-pit");
    outbox.find("south-pit");
    let report = outbox.deliver(start());
    assert_eq!((report.delivered, report.failed, report.pending), (2, 2, 2));
    outbox.deliver(start() + hours(1));
    let text = std::fs::read_to_string(outbox.folder.path().join("alerts.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let sites: Vec<_> = lines.iter().map(|line| line["data"]["site"].as_str().unwrap()).collect();
    assert_eq!(sites, ["north-pit", "south-pit"], "each once");
    assert_eq!(text.lines().next().unwrap().as_bytes(), server.received("/SECRET")[0].body);
    assert!(!outbox.folder.path().join("worst.jsonl").exists(), "it asked for other kinds");
}

/// An outbox with a channel to a mail server.
fn mail_outbox(server: &Smtp, more: &str) -> Outbox {
    Outbox::new(&format!(
        "[[mail]]\nname = 'office'\nserver = '127.0.0.1'\nport = {}\nfrom = 'Mines <mines@example.org>'\n\
         to = ['a@example.org', 'B <b@example.org>']\n{more}",
        server.port
    ))
}

/// Decodes quoted-printable, as far as needed here.
fn unquote(text: &str) -> String {
    let text = text.replace("=\r\n", "");
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        let hex = (byte == b'=').then(|| std::str::from_utf8(&after[..2]).unwrap());
        bytes.push(hex.map_or(byte, |hex| u8::from_str_radix(hex, 16).unwrap()));
        rest = if hex.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap()
}

/// The heads and decoded bodies of a mail's parts with a media type.
fn parts(message: &str, media_type: &str) -> Vec<(String, String)> {
    let heading = format!("Content-Type: {media_type}");
    let part = |part: &str| {
        let (head, body) = part.split_once("\r\n\r\n")?;
        let is_quoted = head.contains("quoted-printable");
        let body = if is_quoted { unquote(body) } else { body.to_owned() };
        head.lines().any(|line| line.starts_with(&heading)).then(|| (head.to_owned(), body))
    };
    message.split("\r\n--").filter_map(part).collect()
}

/// The plain text of a mail.
fn text_of(message: &str) -> String {
    let mut found = parts(message, "text/plain");
    assert_eq!(found.len(), 1, "{message}");
    found.remove(0).1
}

/// A header of a mail.
fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let found = message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    found.unwrap_or_else(|| panic!("{name} in {message}"))
}

#[test]
fn a_mail_says_what_it_should_and_repeats_stand_together() {
    let server = smtp(&[]);
    let outbox = mail_outbox(&server, "user_env = 'CARGO_PKG_NAME'\npassword_file = 'password'");
    outbox.find("north-pit");
    assert_eq!(outbox.deliver(start()).delivered, 1);
    outbox.connection.execute("UPDATE alert_deliveries SET delivered_s = NULL", []).unwrap();
    assert_eq!(outbox.deliver(start()).delivered, 1, "as after a run that was killed before it marked");
    let seen = server.seen.lock().unwrap().clone();
    let login = format!("AUTH PLAIN {}", BASE64_STANDARD.encode("\0minesegsat-watch\0correct horse"));
    assert!(seen.contains(&login), "{seen:?}");
    for command in ["MAIL FROM:<mines@example.org>", "RCPT TO:<a@example.org>", "RCPT TO:<b@example.org>"] {
        assert!(seen.iter().any(|line| line.starts_with(command)), "{command} in {seen:?}");
    }
    let messages = server.messages();
    assert_eq!(messages.len(), 2);
    let (head, _) = messages[0].split_once("\r\n\r\n").unwrap();
    // Continuation lines of long headers begin with a space.
    let head = head.replace("\r\n ", " ");
    let id = &list(&outbox.connection, None).unwrap()[0].id;
    for line in [
        "Subject: [minesegsat] north pit: possible exceedance of the limit of 120 ha (provisional), 2023-06-01",
        "From: Mines <mines@example.org>",
        "Auto-Submitted: auto-generated",
        &format!("Message-ID: <{id}@example.org>"),
    ] {
        assert!(head.lines().any(|l| l == line), "{line} in\n{head}");
    }
    assert!(messages[1].contains(&format!("Message-ID: <{id}@example.org>")));
    assert!(head.lines().any(|l| l.starts_with("Date: Fri, 01 Mar 2024 12:0")), "{head}");
    assert!(head.lines().any(|l| l.starts_with("Content-Type: multipart/alternative; boundary=")), "{head}");
    let text = text_of(&messages[0]);
    for line in [
        "Site: north pit",
        "Finding: possible exceedance of the limit of 120 ha (provisional)",
        "Disturbed land: 123.4 ha (90 % interval 110.0 to 140.0 ha)",
        "Permit: M-225 Süd, limit 120 ha",
        "123.4 ha are disturbed, and 120 ha are permitted",
        &format!("Alert: {id}"),
    ] {
        assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
    }
    assert!(text.contains("A revision of the permit may be missing from the register"), "{text}");
    assert!(!text.contains("map page"), "there is no address of the page: {text}");
    // The page says the same, and shows the picture that comes with it.
    let html = &parts(&messages[0], "text/html")[0].1;
    for words in
        ["north pit</h2>", "M-225 Süd, limit", "A revision of the permit may be missing", "boundary of the site"]
    {
        assert!(html.contains(words), "{words} in\n{html}");
    }
    let picture = &parts(&messages[0], "image/png")[0];
    let cid = format!("picture-1.{id}@minesegsat");
    assert!(picture.0.contains(&format!("Content-ID: <{cid}>")), "{}", picture.0);
    assert!(html.contains(&format!("src=\"cid:{cid}\"")), "{html}");
    assert_eq!(BASE64_STANDARD.decode(picture.1.replace("\r\n", "")).unwrap(), PICTURE);
}

#[test]
fn all_findings_of_a_run_are_one_mail_that_is_marked_at_once() {
    let server = smtp(&[]);
    let outbox = mail_outbox(&server, "");
    outbox.find("north-pit");
    outbox.find("south-pit");
    outbox.find_verdict("east-pit", Verdict::Exceeded);
    let ids: Vec<String> = list(&outbox.connection, None).unwrap().into_iter().map(|delivery| delivery.id).collect();
    let killed = format!(
        "CREATE TRIGGER killed BEFORE UPDATE ON alert_deliveries WHEN NEW.alert = '{}' \
         BEGIN SELECT RAISE(ABORT, 'killed'); END",
        ids[2]
    );
    outbox.connection.execute_batch(&killed).unwrap();
    let error = deliver(&outbox.connection, &outbox.config, &Known, start(), Job::silent()).unwrap_err();
    assert!(error.to_string().contains("killed"), "{error}");
    assert_eq!(list(&outbox.connection, Some(DeliveryState::Delivered)).unwrap(), [], "all are marked, or none");
    outbox.connection.execute_batch("DROP TRIGGER killed").unwrap();
    let report = outbox.deliver(start() + hours(1));
    assert_eq!((report.delivered, report.failed, report.pending), (3, 0, 0));
    let messages = server.messages();
    assert_eq!(messages.len(), 2);
    assert_eq!(header(&messages[0], "Message-ID"), header(&messages[1], "Message-ID"));
    assert!(ids.iter().all(|id| !header(&messages[0], "Message-ID").contains(id)), "{}", messages[0]);
    let head = messages[0].replace("\r\n ", " ");
    let subject = "[minesegsat] 3 findings, first east pit: limit of 120 ha exceeded (provisional), 2023-06-01";
    assert_eq!(header(&head, "Subject"), subject);
    let text = text_of(&messages[0]);
    assert!(text.starts_with("3 findings at 3 sites."), "{text}");
    let sites: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("Site: ")).collect();
    assert_eq!(sites, ["east pit", "north pit", "south pit"], "the most urgent one first");
    assert!(ids.iter().all(|id| text.contains(id)), "{text}");
}

#[test]
fn what_could_not_be_mailed_joins_the_next_mail() {
    // A port without a listener.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = smtp(&[]);
    let mut outbox = mail_outbox(&Smtp { port, seen: Arc::clone(&server.seen) }, "");
    outbox.find("north-pit");
    outbox.find("south-pit");
    assert_eq!(outbox.deliver(start()).failed, 2);
    let pending = list(&outbox.connection, Some(DeliveryState::Pending)).unwrap();
    assert_eq!(pending[0].next_attempt, pending[1].next_attempt, "they stay together");
    outbox.config = mail_outbox(&server, "").config;
    outbox.find("east-pit");
    let report = outbox.deliver(start() + hours(1));
    assert_eq!((report.delivered, report.failed, report.pending), (3, 0, 0));
    assert_eq!(server.messages().len(), 1);
    assert!(text_of(&server.messages()[0]).starts_with("3 findings at 3 sites."));
}

#[test]
fn a_mail_that_was_refused_is_sent_again_without_pictures() {
    let strict = smtp(&[("DATA", "552 message too large")]);
    let mut outbox = mail_outbox(&strict, "");
    outbox.find("north-pit");
    assert_eq!(outbox.deliver(start()).failed, 1);
    let server = smtp(&[]);
    outbox.config = mail_outbox(&server, "").config;
    assert_eq!(outbox.deliver(start() + hours(1)).delivered, 1);
    let message = &server.messages()[0];
    assert!(parts(message, "image/png").is_empty(), "{message}");
    assert!(!parts(message, "text/html")[0].1.contains("<img"), "{message}");
}

#[test]
fn a_mail_has_the_language_of_its_channel() {
    let server = smtp(&[]);
    let outbox = mail_outbox(&server, "language = 'fr'");
    outbox.find("north-pit");
    assert_eq!(outbox.deliver(start()).delivered, 1);
    let message = &server.messages()[0];
    let text = text_of(message);
    for line in [
        "Constat : dépassement possible de la limite de 120 ha (provisoire)",
        "Permis : M-225 Süd, limite 120 ha",
        "Texte du registre, en anglais : 123.4 ha are disturbed, and 120 ha are permitted",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
    }
    assert!(parts(message, "text/html")[0].1.contains("lang=\"fr\""), "{message}");
}

#[test]
fn a_mail_that_is_refused_is_tried_again_and_no_secret_is_kept() {
    // A server that echoes commands it does not understand.
    assert_eq!(
        BASE64_STANDARD.encode("\0minesegsat-watch\0correct horse"),
        "AG1pbmVzZWdzYXQtd2F0Y2gAY29ycmVjdCBob3JzZQ=="
    );
    let server =
        smtp(&[("AUTH", "535 what is AUTH PLAIN AG1pbmVzZWdzYXQtd2F0Y2gAY29ycmVjdCBob3JzZQ== of correct horse")]);
    let outbox = mail_outbox(&server, "user_env = 'CARGO_PKG_NAME'\npassword_file = 'password'");
    outbox.find("north-pit");
    let report = outbox.deliver(start());
    assert_eq!((report.failed, report.pending), (1, 1));
    let error = &report.problems["office"];
    assert!(error.contains("535") && error.contains("[hidden]"), "{error}");
    for shown in [format!("{report:?}"), outbox.dump(), format!("{:?}", outbox.config)] {
        assert!(!shown.contains("correct horse") && !shown.contains("AG1pbmVz"), "{shown}");
    }
    let full = smtp(&[("RCPT", "452 mailbox full")]);
    let outbox = mail_outbox(&full, "");
    outbox.find("north-pit");
    for attempt in 0..i64::from(ATTEMPTS) {
        let report = outbox.deliver(start() + hours(8 * attempt));
        assert_eq!(report.dead, usize::from(attempt + 1 == i64::from(ATTEMPTS)), "attempt {attempt}");
    }
    assert!(outbox.dump().contains("452"), "{}", outbox.dump());
}

#[test]
fn mail_is_not_sent_in_the_clear_unless_that_is_said() {
    // The server does not support STARTTLS.
    let server = smtp(&[]);
    let outbox = mail_outbox(&server, "tls = 'starttls'\nuser_env = 'CARGO_PKG_NAME'\npassword_file = 'password'");
    outbox.find("north-pit");
    assert_eq!(outbox.deliver(start()).failed, 1);
    let seen = server.seen.lock().unwrap().clone();
    assert!(!seen.iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")), "{seen:?}");
}
