//! `minesegsat simulate`, the built program.

use std::fs;
use std::path::Path;

use crate::support::{Done, json_file, names, program, run};

/// A small simulation.
fn simulate(out: &Path, more: &[&str]) -> Done {
    Done::of(program().arg("simulate").arg("-o").arg(out).args(["--size", "192"]).args(more))
}

#[test]
fn scenes_truth_and_catalogue_are_written_and_open() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("deep/sim");
    let done = simulate(&out, &["--seed", "7", "--region", "tropical", "--years", "2022,2021"]).succeeded_quietly();
    assert!(done.stdout.contains("simulated: tropical landscape of seed 7"), "{}", done.stdout);
    assert_eq!(names(&out), ["2021", "2022", "catalog.json", "collection.json", "truth"]);
    assert_eq!(names(&folder.path().join("deep")), ["sim"], "no partial folder stays");
    let truth = ["2021.gpkg", "2021_mask.tif", "2021_parts.tif", "2022.gpkg", "2022_mask.tif", "2022_parts.tif"];
    let change = ["change_2021_2022.gpkg", "change_2021_2022.tif", "summary.json"];
    assert_eq!(names(&out.join("truth")), [&truth[..], &change[..]].concat());
    for (year, says) in [("2021", "\"removes_offset\": false"), ("2022", "\"removes_offset\": true")] {
        let id = names(&out.join(year)).remove(0);
        assert!(id.starts_with("SIM_tropical_S7_"), "{id}");
        let scene = out.join(year).join(&id);
        assert_eq!(names(&scene).len(), 14, "twelve bands, classification, item");
        let item = json_file(&scene.join("item.json"));
        for text in ["title", "description", "platform"] {
            let text = item["properties"][text].as_str().unwrap();
            assert!(text.to_lowercase().contains("simulated"), "{text}");
        }
        let item = scene.join("item.json");
        let info = run(["scene", "info", item.to_str().unwrap(), "--json"]).succeeded_quietly();
        assert!(info.stdout.contains(says), "{}", info.stdout);
    }
}

#[test]
fn several_dates_a_year_share_one_truth_over_time() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sim");
    let dates = ["--seed", "7", "--years", "2021", "--dates-per-year", "3", "--cloud-cover", "20"];
    let done = simulate(&out, &dates).succeeded_quietly();
    let summary = json_file(&out.join("truth/summary.json"));
    let dates: Vec<&str> = summary["dates"].as_array().unwrap().iter().map(|d| d["date"].as_str().unwrap()).collect();
    assert_eq!(dates.len(), 3);
    let mut expected = vec!["onset.tif".to_owned(), "regrown.tif".to_owned()];
    expected.extend(["sites.csv", "sites.gpkg", "summary.json"].map(str::to_owned));
    for date in &dates {
        assert!(done.stdout.contains(date), "{}", done.stdout);
        expected.extend([".gpkg", "_mask.tif", "_parts.tif"].map(|ending| format!("{date}{ending}")));
    }
    expected.sort();
    assert_eq!(names(&out.join("truth")), expected);
    assert_eq!(names(&out.join("2021")).len(), 3);
    assert!(summary.get("years").is_none() && summary["max_shift_px"] == 0.3, "{summary}");
    let table = fs::read_to_string(out.join("truth/sites.csv")).unwrap();
    assert!(table.starts_with("id,date,pixels,area_ha\n") && table.contains(dates[2]), "{table}");
}

#[test]
fn what_is_there_is_kept_unless_it_may_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sim");
    let years = ["--years", "2021"];
    simulate(&out, &years).succeeded();
    let before = fs::read(out.join("truth/2021.gpkg")).unwrap();
    simulate(&out, &years).failed(1, &["exists already and is not overwritten", "hint: use `--overwrite`"]);
    simulate(&out, &["--years", "2021", "--overwrite", "--seed", "1"]).succeeded();
    assert!(fs::read(out.join("truth/2021.gpkg")).unwrap() != before);
    // Only a simulation may be replaced, not just any folder.
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("thesis.txt"), "mine").unwrap();
    simulate(&other, &["--overwrite"]).failed(1, &["exists already and is not overwritten"]);
    assert_eq!(names(&other), ["thesis.txt"]);
    assert_eq!(names(folder.path()), ["other", "sim"]);
}

#[test]
fn options_out_of_range_are_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sim");
    let refused = |code: i32, more: &[&str], said: &[&str]| {
        Done::of(program().arg("simulate").arg("-o").arg(&out).args(more)).failed(code, said);
        assert!(names(folder.path()).is_empty());
    };
    refused(1, &["--size", "1000"], &["size `1000` is not accepted: a multiple of 6 from 192 to 10980"]);
    refused(1, &["--years", "2021,2021"], &["years `2021,2021`", "each once"]);
    refused(1, &["--years", "1999"], &["year `1999`", "2016 to 2035"]);
    refused(1, &["--cloud-cover", "101"], &["cloud cover `101`", "0 to 100 percent"]);
    refused(1, &["--sites", "500"], &["number of sites `500`", "0 to 200"]);
    refused(1, &["--dates-per-year", "49"], &["dates per year `49` is not accepted: 1 to 48"]);
    refused(1, &["--dates-per-year", "2", "--max-shift", "2"], &["largest shift `2` is not accepted: 0 to 1 pixel"]);
    refused(2, &["--max-shift", "0.5"], &["--dates-per-year"]);
    refused(2, &["--region", "polar"], &["polar", "boreal, arid, tropical"]);
    refused(2, &["--seed", "-1"], &["-1"]);
}

#[test]
fn the_summary_is_one_json_document() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sim");
    let summary = simulate(&out, &["--json", "--sites", "1", "--cloud-cover", "0"]).succeeded_quietly().json();
    assert_eq!(summary, json_file(&out.join("truth/summary.json")));
    assert_eq!(summary["simulated"], true);
    assert_eq!(summary["years"][0]["cloud_cover_percent"], 0.0);
    assert_eq!(summary["years"][0]["mines"].as_array().unwrap().len(), 1);
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sim");
    let child = program()
        .args(["simulate", "--size", "2304", "-o"])
        .arg(&out)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // The hidden folder appears when work begins.
    crate::support::wait_until("a partial simulation", || !names(folder.path()).is_empty());
    // SAFETY: plain system call; the child has not been waited for, so its id is still its own.
    #[expect(unsafe_code, reason = "the standard library sends no signals but SIGKILL")]
    let sent = unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    assert_eq!(sent, 0);
    Done::from(child.wait_with_output().unwrap()).failed(130, &["interrupted; no output was left behind"]);
    assert!(names(folder.path()).is_empty());
}
