//! `minesegsat doctor`, `completions` and `man`.

use std::fs;

use crate::support::{Done, names, program};

#[test]
fn the_doctor_says_what_the_machine_has_and_what_is_missing() {
    let done = Done::of(program().args(["doctor", "--offline"]));
    for line in ["program", "processor", "memory", "disk", "temporary", "model", "map page", "GPU", "proxy"] {
        assert!(done.stdout.lines().any(|found| found.starts_with(line)), "{line}: {}", done.stdout);
    }
    assert!(!done.stdout.contains("catalogue"), "{}", done.stdout);
    // A port on which nothing listens.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut unreachable = program();
    unreachable.args(["doctor", "--json", "--api", &format!("http://127.0.0.1:{port}/stac")]);
    for name in
        ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"]
    {
        unreachable.env_remove(name);
    }
    let done = Done::of(&mut unreachable);
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    let findings = done.json();
    let catalogue = findings.as_array().unwrap().iter().find(|finding| finding["what"] == "catalogue").unwrap();
    assert_eq!(catalogue["good"], false);
    assert!(catalogue["found"].as_str().unwrap().contains("takes no connection"), "{catalogue}");
    assert!(catalogue["advice"].as_str().unwrap().contains("--offline"), "{catalogue}");
}

#[test]
fn shells_and_manuals_know_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let text = Done::of(program().args(["completions", shell])).succeeded().stdout;
        assert!(text.contains("area") && text.contains("predict") && text.contains("threshold"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    Done::of(program().args(["man", "-q", "-o"]).arg(&pages)).succeeded();
    let found = names(&pages);
    for page in ["minesegsat.1", "minesegsat-predict.1", "minesegsat-area-merge.1"] {
        assert!(found.iter().any(|name| name == page), "{page}: {found:?}");
    }
    let text = fs::read_to_string(pages.join("minesegsat-area-merge.1")).unwrap();
    assert!(text.contains("allow\\-missing") && text.starts_with(".ie"), "{text}");
    // The page of a command names the program, not the command, as the source.
    assert!(text.contains(concat!("\"minesegsat ", env!("CARGO_PKG_VERSION"), "\"")), "{text}");
}
