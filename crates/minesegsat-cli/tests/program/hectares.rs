//! One truth for hectares: every surface gives the same numbers for the same observation.
#![cfg(unix)]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::serve::Server;
use crate::support::{Done, collection_of, program, shipped_model};
use serde_json::{Value, json};

/// What is compared, in hectares: names in the register, and values.
type Numbers = HashMap<&'static str, Option<f64>>;

const NAMES: [&str; 10] = [
    "area",
    "lower",
    "upper",
    "mapped",
    "estimated",
    "assumed",
    "inside permit",
    "outside permit",
    "outside site",
    "gain seen",
];

/// Sites on a simulated landscape of 2019 and 2024: cloud over a part, a permit line, a site line, the end of the map, a hole, and
/// two permits.
struct Land {
    folder: tempfile::TempDir,
}

impl Land {
    fn new() -> Self {
        let land = Self { folder: tempfile::tempdir().unwrap() };
        let sim = land.path("sim");
        let arguments = ["simulate", "--size", "384", "--years", "2019,2024", "--seed", "7", "--cloud-cover", "6"];
        Done::of(program().args(arguments).args(["-q", "-o"]).arg(&sim)).succeeded();
        let items = collection_of(&sim, &["2019", "2024"], &land.path("items.json"));
        let b: Vec<f64> = items[0]["bbox"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        let at = |x: f64, y: f64| [b[0] + (b[2] - b[0]) * x, b[1] + (b[3] - b[1]) * y];
        let ring = |[x0, y0, x1, y1]: [f64; 4]| vec![at(x0, y0), at(x1, y0), at(x1, y1), at(x0, y1), at(x0, y0)];
        let add = |id: &str, rings: Vec<Vec<[f64; 2]>>| {
            let shape = json!({"type": "Polygon", "coordinates": rings});
            let file = land.path(&format!("{id}.geojson"));
            fs::write(&file, json!({"type": "Feature", "properties": {"id": id}, "geometry": shape}).to_string())
                .unwrap();
            land.sites(&["add", id, "--boundary", file.to_str().unwrap()]).succeeded();
        };
        let permit = |id: &str, number: &str, days: &[&str], part: Option<[f64; 4]>| {
            let file = land.path("permit.geojson");
            let mut arguments = vec!["permit", id, number, "--limit", "120 ha"];
            arguments.extend(days);
            if let Some(part) = part {
                let shape = json!({"type": "Polygon", "coordinates": [ring(part)]});
                fs::write(&file, json!({"type": "Feature", "properties": {}, "geometry": shape}).to_string()).unwrap();
                arguments.extend(["--permit-boundary", file.to_str().unwrap()]);
            }
            land.sites(&arguments).succeeded();
        };
        add("whole", vec![ring([0.05, 0.05, 0.95, 0.95])]);
        permit("whole", "W", &["--valid-from", "2018-01-01"], None);
        add("permit-line", vec![ring([0.05, 0.05, 0.95, 0.95])]);
        permit("permit-line", "L", &["--valid-from", "2018-01-01"], Some([0.05, 0.05, 0.5, 0.95]));
        add("site-line", vec![ring([0.3, 0.3, 0.6, 0.6])]);
        add("half-off", vec![ring([0.4, 0.1, 1.4, 0.9])]);
        add("hole", vec![ring([0.1, 0.1, 0.9, 0.9]), ring([0.4, 0.4, 0.6, 0.6])]);
        permit("hole", "old", &["--valid-from", "2018-01-01", "--valid-to", "2021-12-31"], None);
        permit("hole", "new", &["--valid-from", "2022-01-01"], Some([0.1, 0.1, 0.6, 0.9]));
        land
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn sites(&self, arguments: &[&str]) -> Done {
        Done::of(program().arg("sites").args(arguments).arg("--register").arg(self.path("sites.gpkg")))
    }

    fn monitor(&self) -> Vec<Value> {
        let mut command = program();
        command.args(["monitor", "run", "--json", "--every-date", "--since", "2019-01-01", "--buffer", "300"]);
        command.args(["--min-assessed", "20", "--register"]).arg(self.path("sites.gpkg"));
        command.arg("--model").arg(shipped_model()).arg("--api").arg(self.path("items.json"));
        let done = Done::of(&mut command);
        // Exceedances are told by the exit code.
        assert!(matches!(done.code, Some(0 | 4 | 5)), "{}", done.stderr);
        done.json()["observations"].as_array().unwrap().clone()
    }
}

/// Numbers of an observation in the layout of the register, of the API and of the monitor's report.
fn of_observation(observation: &Value) -> Numbers {
    let parts = &observation["parts"];
    let values = [
        &observation["area"]["ha"],
        &observation["area"]["lower_ha"],
        &observation["area"]["upper_ha"],
        &parts["mapped_ha"],
        &parts["estimated"]["ha"],
        &parts["assumed_ha"],
        &parts["inside_permit_ha"],
        &observation["outside_permit_ha"],
        &parts["outside_site_ha"],
        &observation["seen_change"]["gain_ha"],
    ];
    NAMES.into_iter().zip(values.map(Value::as_f64)).collect()
}

/// Numbers by the names of columns or properties.
fn of_columns(get: impl Fn(&str) -> Option<f64>) -> Numbers {
    let columns = [
        "area_ha",
        "area_lower_ha",
        "area_upper_ha",
        "mapped_ha",
        "estimated_ha",
        "assumed_ha",
        "inside_permit_ha",
        "outside_permit_ha",
        "outside_site_ha",
        "gain_seen_ha",
    ];
    NAMES.into_iter().zip(columns.map(get)).collect()
}

/// Fails if a number differs by more than 0.06 ha, half of what is shown and rounding. Numbers that `found` lacks are not compared.
fn agree(surface: &str, found: &Numbers, expected: &Numbers) {
    for (name, value) in found {
        match (value, expected[name]) {
            (Some(a), Some(b)) => assert!((a - b).abs() < 0.06, "{surface}: {name} is {a}, not {b}"),
            (a, b) => assert_eq!(a.is_some(), b.is_some(), "{surface}: {name}: {a:?}, {b:?}"),
        }
    }
}

/// Rows of a table by the names of its columns.
fn rows(path: &Path) -> Vec<HashMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

/// The text of the report of a site as PDF.
fn text_of_pdf(land: &Land, site: &str) -> String {
    let path = land.path(&format!("{site}.pdf"));
    let mut report = program();
    report.args(["report", site, "--lang", "en", "-o"]).arg(&path).arg("--register").arg(land.path("sites.gpkg"));
    Done::of(&mut report).succeeded();
    let document = lopdf::Document::load(path).unwrap();
    let pages: Vec<u32> = document.get_pages().into_keys().collect();
    document.extract_text(&pages).unwrap()
}

/// Hectares of the polygons of a site, by date and kind.
fn exported_land(land: &Land, site: &str) -> HashMap<(String, String), f64> {
    let path = land.path(&format!("{site}-land.geojson"));
    land.sites(&["export", site, "-o", path.to_str().unwrap()]).succeeded();
    let document: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let mut sums = HashMap::new();
    for feature in document["features"].as_array().unwrap() {
        let of = &feature["properties"];
        let text = |name: &str| of[name].as_str().unwrap().to_owned();
        *sums.entry((text("date"), text("kind"))).or_default() += of["area_ha"].as_f64().unwrap();
    }
    sums
}

#[test]
fn every_surface_gives_the_same_hectares_for_the_same_observation() {
    let land = Land::new();
    let made = land.monitor();
    assert_eq!(made.len(), 10, "{made:?}");
    let key = |site: &str, date: &str| format!("{site} {date}");
    let of = |one: &Value| key(one["site"].as_str().unwrap(), one["date"].as_str().unwrap());
    let expected: HashMap<String, Numbers> = made.iter().map(|one| (of(one), of_observation(one))).collect();
    let most = |name: &str| expected.values().filter_map(|numbers| numbers[name]).fold(0.0, f64::max);
    // The cases are what they were made for.
    for name in ["assumed", "inside permit", "outside permit", "outside site", "gain seen"] {
        assert!(most(name) > 0.3, "{name}: {expected:?}");
    }
    for numbers in expected.values() {
        let sum = |a: &str, b: &str| numbers[a].unwrap() + numbers[b].unwrap();
        assert!((sum("estimated", "assumed") - numbers["area"].unwrap()).abs() < 1e-6, "{numbers:?}");
        if numbers["inside permit"].is_some() {
            assert!((sum("inside permit", "outside permit") - numbers["mapped"].unwrap()).abs() < 1e-6, "{numbers:?}");
        }
    }

    let mut seen = 0;
    for site in ["whole", "permit-line", "site-line", "half-off", "hole"] {
        let shown = land.sites(&["show", site, "--json"]).succeeded().json();
        let text = land.sites(&["show", site]).succeeded().stdout;
        let page = land.path(&format!("{site}.html"));
        let mut report = program();
        report.args(["report", site, "-o"]).arg(&page).arg("--register").arg(land.path("sites.gpkg"));
        Done::of(&mut report).succeeded();
        // Spaces before units do not break.
        let page = fs::read_to_string(page).unwrap().replace('\u{a0}', " ");
        let last =
            shown["observations"].as_array().unwrap().iter().max_by_key(|one| one["date"].as_str().unwrap()).unwrap();
        let pdf = text_of_pdf(&land, site);
        for name in ["area", "lower", "upper", "mapped", "outside permit", "outside site"] {
            if let Some(ha) = expected[&of(last)][name] {
                assert!(pdf.contains(&format!("{ha:.1}")), "PDF: {name} {ha:.1}: {pdf}");
            }
        }
        let exported = exported_land(&land, site);
        let mut maps = Vec::new();
        for one in shown["observations"].as_array().unwrap() {
            let numbers = &expected[&of(one)];
            agree("sites show --json", &of_observation(one), numbers);
            for name in ["area", "mapped", "assumed", "outside site"] {
                let said = format!("{:.1}", numbers[name].unwrap());
                assert!(text.contains(&said), "sites show: {name} {said}: {text}");
                assert!(page.contains(&format!("{said} ha")), "report: {name} {said}");
            }
            let date = one["date"].as_str().unwrap();
            for (kind, name) in [("disturbed", "mapped"), ("gain", "gain seen")] {
                let sum = exported.get(&(date.to_owned(), kind.to_owned())).copied().unwrap_or(0.0);
                let expected = numbers[name].unwrap_or(0.0);
                assert!((sum - expected).abs() < 0.06, "sites export: {kind} {sum} of {date}, not {expected}");
            }
            // The sentence that mails, alerts and evidence carry.
            let statement = one["statement"].as_str().unwrap();
            assert!(statement.contains(&format!("{:.1} ha are disturbed", numbers["area"].unwrap())), "{statement}");
            if numbers["assumed"].unwrap() >= 0.05 {
                let apart = format!("{:.1} ha are assumed in the unseen", numbers["assumed"].unwrap());
                assert!(statement.contains(&apart), "{statement}");
            }
            let record = one["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap());
            let record = record.into_iter().find(|path| path.ends_with("map/manifest.json")).unwrap();
            maps.push(land.path(record).parent().unwrap().to_owned());
            seen += 1;
        }
        let of_map = |row: &HashMap<String, String>, names: [(&'static str, &str); 6]| -> Numbers {
            names.into_iter().map(|(name, column)| (name, row[column].parse().ok())).collect()
        };
        let outline = land.path(&format!("{site}.geojson"));
        let compared = land.path(&format!("{site}-change"));
        let mut command = program();
        command.arg("change").args(&maps).arg("--sites").arg(&outline).args(["--min-assessed", "20", "-o"]);
        Done::of(command.arg(&compared)).succeeded();
        let row = &rows(&compared.join("sites.csv"))[1];
        let names = ["area", "lower", "upper", "mapped", "estimated", "assumed"];
        let columns = [
            "after_ha",
            "after_lower_ha",
            "after_upper_ha",
            "after_mapped_ha",
            "after_estimated_ha",
            "after_assumed_ha",
        ];
        let last = &expected[&of(&shown["observations"][1])];
        agree("change", &of_map(row, std::array::from_fn(|i| (names[i], columns[i]))), last);
        let gain: f64 = row["gain_ha"].parse().unwrap();
        assert!((gain - last["gain seen"].unwrap()).abs() < 0.06, "change: {row:?} {last:?}");

        let followed = land.path(&format!("{site}-timeline"));
        let mut command = program();
        command.arg("timeline").args(&maps).arg("--sites").arg(&outline).args(["--min-assessed", "20", "-o"]);
        Done::of(command.arg(&followed)).succeeded();
        for row in rows(&followed.join("timeline.csv")) {
            let columns = ["area_ha", "lower_ha", "upper_ha", "mapped_ha", "estimated_ha", "assumed_ha"];
            let found = of_map(&row, std::array::from_fn(|i| (names[i], columns[i])));
            agree("timeline", &found, &expected[&key(site, &row["date"])]);
        }
    }
    assert_eq!(seen, 10);

    for site in land.sites(&["list", "--json"]).succeeded().json().as_array().unwrap() {
        let last = &site["last"];
        let key = key(site["id"].as_str().unwrap(), last["date"].as_str().unwrap());
        let found = Numbers::from([
            ("area", last["area"]["ha"].as_f64()),
            ("mapped", last["mapped_ha"].as_f64()),
            ("assumed", last["assumed_ha"].as_f64()),
        ]);
        agree("list of sites", &found, &expected[&key]);
    }
    let table = land.path("observations.csv");
    land.sites(&["export", "--observations", "-o", table.to_str().unwrap()]).succeeded();
    for row in rows(&table) {
        let found = of_columns(|column| row[column].parse().ok());
        agree("export of a table", &found, &expected[&key(&row["site"], &row["date"])]);
    }

    let mut command = program();
    command.args(["serve", "--bind", "127.0.0.1:0", "--workspace"]).arg(land.folder.path());
    let server = Server::start(&mut command);
    for one in server.get("/ogc/collections/observations/items?f=json&limit=100")["features"].as_array().unwrap() {
        let properties = &one["properties"];
        agree("OGC API", &of_columns(|name| properties[name].as_f64()), &expected[&of(properties)]);
        seen += 1;
    }
    for site in ["whole", "permit-line", "site-line", "half-off", "hole"] {
        let detail = server.get(&format!("/api/sites/{site}"));
        for one in detail["observations"].as_array().unwrap() {
            let date = one["date"].as_str().unwrap();
            agree("API", &of_observation(one), &expected[&key(site, date)]);
            seen += 1;
        }
    }
    assert_eq!(seen, 30);
}

#[test]
fn a_revised_permit_judges_again_what_was_seen_and_says_so_everywhere() {
    let land = Land::new();
    land.monitor();
    let verdict = |site: &str| {
        let shown = land.sites(&["show", site, "--json"]).succeeded().json();
        let verdict = |one: &Value| one["verdict"].as_str().unwrap().to_owned();
        shown["observations"].as_array().unwrap().iter().map(verdict).collect::<Vec<_>>()
    };
    let before = verdict("whole");
    // A tenth of a hectare: whatever is disturbed is more.
    let strict = ["permit", "whole", "W-2", "--valid-from", "2022-01-01", "--limit", "0.1 ha", "--supersede"];
    let table = land.path("before.csv");
    land.sites(&["export", "-o", table.to_str().unwrap()]).succeeded();
    let untouched = land.sites(&["show", "whole", "--json"]).succeeded().json();
    let refused = land.sites(&strict).failed(1, &["nothing was stored", "1 observation would", "`--force`"]);
    assert!(refused.stderr.contains("site `whole` on 2024-") && refused.stderr.contains(" -> "), "{}", refused.stderr);
    assert_eq!(land.sites(&["show", "whole", "--json"]).succeeded().json(), untouched);
    let done = land.sites(&[&strict[..], &["--force"]].concat()).succeeded();
    assert!(done.stdout.contains("judged again: site `whole` on 2024-"), "{}", done.stdout);
    let after = verdict("whole");
    assert_eq!((before.len(), &before[0]), (2, &after[0]), "the permit of 2019 is the same");
    assert_ne!(before[1], after[1]);
    let text = land.sites(&["show", "whole"]).succeeded().stdout;
    assert!(text.contains("replaced because") && text.contains("permit W-2 with a limit of 0.1 ha"), "{text}");
    let listed = land.sites(&["list", "--json"]).succeeded().json();
    let whole = listed.as_array().unwrap().iter().find(|site| site["id"] == "whole").unwrap();
    assert_eq!(whole["last"]["verdict"].as_str(), Some(after[1].as_str()));
    // The next run tells it once, although there is nothing new to see.
    let alerts = land.path("alerts.toml");
    fs::write(&alerts, "[[file]]\nname = \"log\"\npath = \"alerts.jsonl\"\n").unwrap();
    let run = || {
        let mut command = program();
        command.args(["monitor", "run", "-q", "--register"]).arg(land.path("sites.gpkg")).arg("--alerts").arg(&alerts);
        Done::of(command.arg("--model").arg(shipped_model()).arg("--api").arg(land.path("items.json")));
        fs::read_to_string(land.path("alerts.jsonl")).unwrap()
    };
    let told = run();
    let count = |text: &str| text.matches("\"kind\":\"corrected\"").count();
    assert_eq!(count(&told), 1, "{told}");
    assert!(told.contains("holds instead of permit W"), "{told}");
    assert_eq!(count(&run()), 1);
    // Withdrawn again.
    let withdraw = ["remove", "whole", "--permit", "W-2"];
    land.sites(&withdraw).failed(1, &["-> no limit known (permit W-2 no longer holds on that day)"]);
    assert_eq!(verdict("whole"), after);
    land.sites(&[&withdraw[..], &["--force"]].concat()).succeeded();
    assert_eq!(verdict("whole")[1], "no-limit");
    // The same by an import: announced by a dry run, refused, and stored if it is forced.
    let import = ["import", table.to_str().unwrap(), "--update"];
    let told = land.sites(&[&import[..], &["--dry-run"]].concat()).succeeded().stdout;
    assert!(told.contains("would be judged again: site `whole` on 2024-"), "{told}");
    let refused = land.sites(&import);
    assert_eq!(refused.code, Some(1), "{}", refused.stdout);
    assert!(refused.stderr.contains("nothing was stored") && refused.stderr.contains("no limit known -> "));
    assert_eq!(verdict("whole")[1], "no-limit");
    land.sites(&[&import[..], &["--force"]].concat()).succeeded();
    assert_eq!(verdict("whole"), before);
    let shown = land.sites(&["show", "whole", "--json"]).succeeded().json();
    assert_eq!(shown["corrections"].as_array().unwrap().len(), 3);
}
