//! `minesegsat demo`, the built program, as small as it can be.

use std::fs;

use crate::support::{json_file, names, run};

#[test]
fn the_demo_goes_from_nothing_to_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("demo");
    let path = output.to_str().unwrap();
    let done = run(["demo", "--quick", "--size", "768", "--epochs", "1", "-o", path]).succeeded();
    // What was promised on the terminal.
    assert!(done.stdout.contains("year     true ha    mapped ha   error     F1  precision  recall"), "{}", done.stdout);
    for year in ["2021", "2022", "change"] {
        assert!(done.stdout.lines().any(|line| line.starts_with(year)), "{}", done.stdout);
    }
    assert!(done.stderr.contains("5/6  mapping two years") && done.stderr.contains("report.html"), "{}", done.stderr);

    // One file to look at, with its pictures inside, small enough to send.
    let page = fs::read_to_string(output.join("report.html")).unwrap();
    assert_eq!(page.matches("src=\"data:image/jpeg;base64,").count(), 2);
    assert_eq!(page.matches("src=\"data:image/png;base64,").count(), 2);
    assert!(page.len() < 2_000_000 && !page.contains("http:") && !page.contains("https:"), "{}", page.len());

    // All that the page speaks of.
    for file in [
        "run/best/model.json",
        "sim/unseen/truth/2021_mask.tif",
        "predictions/2021/mask.tif",
        "predictions/2022/polygons.gpkg",
    ] {
        assert!(output.join(file).is_file(), "{file}: {:?}", names(&output));
    }
    let manifest = json_file(&output.join("predictions/2022/manifest.json"));
    assert!(manifest["totals"]["area_ha"].is_f64(), "{manifest}");

    // Its mines are sites that were looked at in every year.
    let register = output.join("sites.gpkg");
    let listed = run(["sites", "list", "--json", "--register", register.to_str().unwrap()]).succeeded();
    let sites: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    let sites = sites.as_array().unwrap();
    assert!(!sites.is_empty() && sites.iter().all(|site| site["observations"] == 2), "{}", listed.stdout);
    assert!(page.contains("<td>Mine 1"), "the page lists them");

    // What is there is not replaced unless asked for, and nothing else than a demo ever.
    run(["demo", "-o", path]).failed(1, &["--overwrite"]);
    fs::remove_dir_all(output.join("sim")).unwrap();
    run(["demo", "-o", path, "--overwrite"]).failed(1, &["exists"]);
    assert!(output.join("report.html").is_file());
    run(["demo", "--size", "100"]).failed(2, &["768"]);
}
