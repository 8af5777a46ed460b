//! `minesegsat area`: a plan, workers that are killed, a merge, and hectares by zone.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::support::http::{Reply, Server};
use crate::support::{Done, clean, collection_of, names, program, program_path, rgb_model, shipped_model};

/// A simulated landscape of two years, cut into two tiles that overlap by half of their width, as an item collection.
pub(crate) fn two_tiles(folder: &Path) -> (PathBuf, [f64; 4]) {
    let sim = folder.join("sim");
    let arguments =
        ["simulate", "--size", "384", "--years", "2019,2024", "--seed", "7", "--cloud-cover", "3", "-q", "-o"];
    Done::of(program().args(arguments).arg(&sim)).succeeded();
    let whole = folder.join("whole.json");
    let items = collection_of(&sim, &["2019", "2024"], &whole);
    let b: Vec<f64> = items[0]["bbox"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    let bounds = [b[0], b[1], b[2], b[3]];
    let mut features = Vec::new();
    for (name, from, to) in [("west", 0.02, 0.7), ("east", 0.3, 0.98)] {
        let at = |share: f64| b[0] + (b[2] - b[0]) * share;
        let bbox = format!("{:.6},{:.6},{:.6},{:.6}", at(from), b[1], at(to), b[3]);
        let tile = folder.join(name);
        let mut download = program();
        download.args(["download", "-q", "--bbox", &bbox, "--clip", "-o"]).arg(&tile).arg(&whole);
        Done::of(&mut download).succeeded();
        for scene in names(&tile).iter().filter(|name| !name.starts_with('.')) {
            let text = fs::read_to_string(tile.join(scene).join("item.json")).unwrap();
            let mut item: Value = serde_json::from_str(&text).unwrap();
            item["id"] = json!(format!("{scene}_{name}"));
            // Addresses in the collection are whole.
            for asset in item["assets"].as_object_mut().unwrap().values_mut() {
                let href = asset["href"].as_str().unwrap().trim_start_matches("./").to_owned();
                asset["href"] = json!(tile.join(scene).join(href));
            }
            features.push(item);
        }
    }
    let path = folder.join("tiles.json");
    fs::write(&path, json!({ "type": "FeatureCollection", "features": features }).to_string()).unwrap();
    (path, bounds)
}

fn area(command: &str, project: &Path, more: &[&str]) -> Done {
    let mut program = program();
    program.args(["area", command]).arg(project).args(more);
    Done::of(&mut program)
}

fn plan(items: &Path, bounds: [f64; 4], project: &Path) -> Done {
    Done::of(&mut plan_command(items, bounds, project))
}

/// Plans maps of two years of the tiles.
pub(crate) fn plan_command(items: &Path, bounds: [f64; 4], project: impl AsRef<OsStr>) -> Command {
    let at = |low: f64, high: f64, share: f64| format!("{:.6}", low + (high - low) * share);
    let [w, s, e, n] = bounds;
    let bbox = [at(w, e, 0.1), at(s, n, 0.1), at(w, e, 0.9), at(s, n, 0.9)].join(",");
    let mut command = program();
    command.args(["area", "plan", "--bbox", &bbox, "--period", "2019/2024", "--every", "year", "--api"]).arg(items);
    command.arg("-o").arg(project);
    command
}

#[test]
fn two_workers_one_of_them_killed_make_the_map_that_one_worker_makes() {
    let folder = tempfile::tempdir().unwrap();
    let (items, bounds) = two_tiles(folder.path());
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    for project in [&one, &two] {
        let planned = plan(&items, bounds, project).succeeded();
        assert!(planned.stdout.contains("4 units: 2 tiles in 6 periods"), "{}", planned.stdout);
        assert!(planned.stdout.contains("without a scene") && planned.stdout.contains("-2020"), "{}", planned.stdout);
    }
    plan(&items, bounds, &one).failed(1, &["plan.json exists already"]);
    area("merge", &one, &["--allow-missing", "-q"]).succeeded();
    fs::remove_dir_all(one.join("merged")).unwrap();
    area("merge", &one, &[]).failed(1, &["4 of 4 units are not mapped", "--allow-missing"]);
    area("run", &one, &["-q"]).succeeded();
    let again = area("run", &one, &[]).succeeded();
    assert!(again.stdout.contains("0 units mapped, 4 mapped before"), "{}", again.stdout);

    // A worker is killed in the middle of units, five times.
    let is_running = |project: &Path| {
        let units = fs::read_dir(project.join("units")).unwrap().map(|unit| unit.unwrap().path());
        units.filter_map(|unit| fs::read_to_string(unit.join("record.json")).ok()).any(|text| text.contains("running"))
    };
    for _ in 0..5 {
        let mut worker = program();
        worker.args(["area", "run", "-q", "--worker", "killed"]).arg(&two).stdout(Stdio::null()).stderr(Stdio::null());
        let mut worker = worker.spawn().unwrap();
        let begun = Instant::now();
        while !is_running(&two) && begun.elapsed() < Duration::from_mins(1) {
            std::thread::sleep(Duration::from_millis(20));
        }
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    let status = area("status", &two, &["--json"]).succeeded().json();
    assert_eq!(status["counts"]["running"], 0, "a killed worker holds nothing: {status}");
    let halves: Vec<_> = ["1/2", "2/2"]
        .map(|shard| {
            let mut worker = program();
            worker.args(["area", "run", "-q", "--tries", "9", "--shard", shard]).arg(&two);
            worker.spawn().unwrap()
        })
        .into_iter()
        .collect();
    for mut half in halves {
        assert!(half.wait().unwrap().success());
    }
    // The clock of one machine is a year behind, that of another a year ahead. Both have written to one project.
    let year = Duration::from_hours(365 * 24);
    for (at, unit) in names(&two.join("units")).iter().enumerate() {
        for name in names(&two.join("units").join(unit)) {
            let file = fs::File::options().append(true).open(two.join("units").join(unit).join(name)).unwrap();
            let now = SystemTime::now();
            file.set_modified(if at % 2 == 0 { now - year } else { now + year }).unwrap();
        }
    }
    let again = area("run", &two, &[]).succeeded();
    assert!(again.stdout.contains("0 units mapped, 4 mapped before"), "{}", again.stdout);
    for project in [&one, &two] {
        area("merge", project, &["--allow-missing", "-q"]).succeeded();
    }
    assert_eq!(names(&one.join("merged")), names(&two.join("merged")));
    for name in names(&one.join("merged")) {
        let read = |project: &Path| fs::read(project.join("merged").join(&name)).unwrap();
        assert!(read(&one) == read(&two), "{name}");
    }

    // Each place once: the totals are those of the area, and of its zones.
    let totals: Value = serde_json::from_str(&fs::read_to_string(one.join("merged/totals.json")).unwrap()).unwrap();
    let of = |year: &str| totals.as_array().unwrap().iter().find(|t| t["period"] == year).unwrap().clone();
    let (first, gap, last) = (of("2019"), of("2020"), of("2024"));
    assert!(first["mapped_ha"].as_f64().unwrap() > 1.0 && first["missing_ha"] == 0.0, "{first}");
    assert_eq!(gap["missing_ha"], gap["area_ha"]);
    assert_eq!(first["area_ha"], last["area_ha"]);
    let zones = folder.path().join("zones.geojson");
    let [w, s, e, n] = bounds;
    let zone = |id: &str, from: f64, to: f64| {
        let (a, b) = (w + (e - w) * from, w + (e - w) * to);
        json!({"type": "Feature", "properties": {"id": id}, "geometry": {"type": "Polygon", "coordinates": [[[a, s], [b, s], [b, n], [a, n], [a, s]]]}})
    };
    // They overlap by a fifth.
    let features = [zone("left", 0.0, 0.6), zone("right", 0.4, 1.0)];
    fs::write(&zones, json!({"type": "FeatureCollection", "features": features}).to_string()).unwrap();
    let table = area("summarize", &one, &["--zones", zones.to_str().unwrap()]).succeeded().stdout;
    let hectares = |zone: &str, year: &str| -> f64 {
        let row =
            table.lines().find(|line| line.starts_with(&format!("{zone},")) && line.contains(&format!(",{year},")));
        let row = row.unwrap_or_else(|| panic!("{zone} {year}: {table}"));
        let column = table.lines().next().unwrap().split(',').position(|name| name == "mapped_ha").unwrap();
        row.split(',').nth(column).unwrap().parse().unwrap()
    };
    let mapped = first["mapped_ha"].as_f64().unwrap();
    assert_eq!(
        table.lines().next().unwrap(),
        "zone,name,period,zone_ha,area_ha,seen_ha,missing_ha,mapped_ha,polygons,estimated_ha,estimated_lower_ha,estimated_upper_ha,\
         assumed_ha,disturbed_ha,disturbed_lower_ha,disturbed_upper_ha,compared_ha,gain_ha,loss_ha,permits,permitted_ha,\
         outside_permit_ha"
    );
    assert!((hectares("all", "2019") / mapped - 1.0).abs() < 1e-3, "{table}\n{mapped}");
    // A period without scenes has rows as well.
    assert!(hectares("all", "2020") == 0.0 && hectares("all", "2024") > 0.0, "{table}");
    assert!(hectares("left", "2019") + hectares("right", "2019") >= mapped, "{table}");

    // The same as files, with a register. Its one site is the western half, and the permit holds for the whole site.
    let register = folder.path().join("sites.gpkg");
    let at = |share: f64| format!("{:.6}", w + (e - w) * share);
    let bbox = |from: f64, to: f64| [at(from), s.to_string(), at(to), n.to_string()].join(",");
    let mut sites = program();
    sites.args(["sites", "add", "west", "--register"]).arg(&register).args(["--bbox", &bbox(0.0, 0.5)]);
    sites.args(["--permit", "P-1", "--valid-from", "2019-06-01", "--limit", "100 ha"]);
    Done::of(&mut sites).succeeded();
    let files = ["zones.csv", "zones.json", "zones.gpkg", "zones.html"].map(|name| folder.path().join(name));
    let summarize = |more: &[&str]| {
        let mut command = program();
        command.args(["area", "summarize"]).arg(&one).arg("--zones").arg(&zones).arg("--register").arg(&register);
        for file in &files {
            command.arg("-o").arg(file);
        }
        Done::of(command.args(more))
    };
    let done = summarize(&[]).succeeded();
    assert_eq!(done.stdout.matches("18 rows in ").count(), 4, "{}", done.stdout);
    summarize(&[]).failed(1, &["zones.csv exists already"]);
    summarize(&["--overwrite", "-q"]).succeeded();
    let summary: Value = serde_json::from_str(&fs::read_to_string(&files[1]).unwrap()).unwrap();
    let rows = summary["rows"].as_array().unwrap();
    let row = |zone: &str, year: &str| rows.iter().find(|row| row["zone"] == zone && row["period"] == year).unwrap();
    let number = |zone: &str, year: &str, name: &str| row(zone, year)[name].as_f64().unwrap();
    for year in ["2019", "2024"] {
        assert_eq!(row("left", year)["permits"], 1);
        assert!((number("all", year, "permitted_ha") / number("all", year, "zone_ha") - 0.5).abs() < 0.01);
        let (mapped, outside) = (number("all", year, "mapped_ha"), number("all", year, "outside_permit_ha"));
        assert!((0.0..=mapped).contains(&outside), "{outside} of {mapped}");
        let (low, high) = (number("all", year, "disturbed_lower_ha"), number("all", year, "disturbed_upper_ha"));
        assert!(low < number("all", year, "disturbed_ha") && number("all", year, "disturbed_ha") < high, "{rows:?}");
    }
    // No scene shows 2020 to 2023, so 2024 is compared with 2019.
    assert!(row("all", "2024")["compared_ha"].as_f64().unwrap() > 900.0, "{rows:?}");
    assert!(row("all", "2023")["gain_ha"].is_null(), "2023 has no scene: {rows:?}");
    let page = || fs::read_to_string(&files[3]).unwrap();
    assert!(page().contains("Mapped outside permits"));
    let csv = fs::read(&files[0]).unwrap();
    summarize(&["--overwrite", "-q", "--lang", "fr"]).succeeded();
    assert!(page().contains("<html lang=\"fr\">") && page().contains("Cartographiées hors des permis"), "{}", page());
    assert!(fs::read(&files[0]).unwrap() == csv, "the table has the same numbers in all languages");
    summarize(&["--lang", "de"]).failed(2, &["`de` is not one of the languages en, fr, es, pt"]);
}

#[test]
fn zones_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (items, bounds) = two_tiles(folder.path());
    let project = folder.path().join("p");
    plan(&items, bounds, &project).succeeded();
    area("merge", &project, &["--allow-missing", "-q"]).succeeded();
    let [w, s, e, n] = bounds;
    let feature = |id: &str, ring: Value| json!({"type": "Feature", "properties": {"id": id}, "geometry": {"type": "Polygon", "coordinates": [ring]}});
    let square = json!([[w, s], [e, s], [e, n], [w, n], [w, s]]);
    // The middle of a star lies inside to one reader, and outside to another.
    let corner = |i: u32| {
        let (sin, cos) = (f64::from(i) * 0.8 * std::f64::consts::PI).sin_cos();
        json!([f64::midpoint(w, e) + (e - w) / 2.0 * sin, f64::midpoint(s, n) + (n - s) / 2.0 * cos])
    };
    let star: Value = [0, 1, 2, 3, 4, 0].map(corner).into_iter().collect();
    let zones = folder.path().join("zones.geojson");
    let write = |features: Value| {
        fs::write(&zones, json!({"type": "FeatureCollection", "features": features}).to_string()).unwrap();
    };
    write(json!([feature("good", square.clone()), feature("star", star)]));
    let done = area("summarize", &project, &["--zones", zones.to_str().unwrap()]).succeeded();
    assert!(done.stdout.contains("good,") && !done.stdout.contains("star,"), "{}", done.stdout);
    assert!(done.stderr.contains("feature `1` is not used"), "{}", done.stderr);
    write(json!([feature("all", square.clone())]));
    area("summarize", &project, &["--zones", zones.to_str().unwrap()]).failed(1, &["`all`", "another id"]);
    write(json!([feature("one", square)]));
    let zones = zones.to_str().unwrap();
    let none = folder.path().join("none.gpkg");
    area("summarize", &project, &["--zones", zones, "--register", none.to_str().unwrap()])
        .failed(1, &["none.gpkg", "no such register"]);
    area("summarize", &project, &["--zones", zones, "-o", "zones.xlsx"])
        .failed(1, &["zones.xlsx", ".csv, .json, .gpkg"]);
}

#[test]
fn what_cannot_be_done_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (items, bounds) = two_tiles(folder.path());
    let project = folder.path().join("p");
    plan(&items, bounds, &project).succeeded();
    area("run", &project, &["--index", "4"]).failed(1, &["index `4`", "0 to 3"]);
    area("run", &project, &["--shard", "3/2"]).failed(2, &["3/2", "1/8"]);
    area("run", &project, &["--index", "auto"]).failed(1, &["SLURM_ARRAY_TASK_ID", "AWS_BATCH_JOB_ARRAY_INDEX"]);
    area("summarize", &project, &["--zones", "none.geojson"]).failed(1, &["area merge"]);
    area("status", folder.path(), &[]).failed(1, &["plan.json", "area plan"]);
    // Another model than the plan's.
    let other = folder.path().join("model");
    let mut random = program();
    random.args(["model", "random", "-q", "b0", "-o"]).arg(&other);
    Done::of(&mut random).succeeded();
    area("run", &project, &["--model", other.to_str().unwrap()]).failed(1, &["all units of a project have one model"]);

    // A unit whose scene is gone fails; the exit code says so, and the others are mapped.
    let scene = names(&folder.path().join("east")).into_iter().find(|name| name.contains("2019")).unwrap();
    let (from, to) = (folder.path().join("east").join(&scene), folder.path().join("moved"));
    fs::rename(&from, &to).unwrap();
    let mut run = program();
    run.args(["area", "run", "--tries", "1"]).arg(&project).env("SLURM_ARRAY_TASK_ID", "0");
    let done = Done::of(&mut run);
    // The disk of the scenes may be back later.
    assert_eq!(done.code, Some(75), "{}{}", done.stdout, done.stderr);
    assert!(done.stdout.contains("3 units mapped") && done.stdout.contains("area retry"), "{}", done.stdout);
    fs::rename(&to, &from).unwrap();
    // A damaged record is one broken unit. The others are listed.
    let unit = names(&project.join("units")).into_iter().find(|name| name.contains("2024")).unwrap();
    fs::write(project.join("units").join(&unit).join("record.json"), "{").unwrap();
    let status = area("status", &project, &[]).succeeded().stdout;
    assert!(status.contains("done      2") && status.contains("record.json is damaged"), "{status}");
    let done = area("run", &project, &[]);
    assert_eq!(done.code, Some(65), "{}", done.stdout);
    assert!(done.stdout.contains("record.json is damaged"), "{}", done.stdout);
    assert!(area("retry", &project, &[]).succeeded().stdout.contains("to be mapped again: "));
    let done = area("run", &project, &[]).succeeded();
    assert!(done.stdout.contains("area merge"), "{}", done.stdout);
    assert!(area("retry", &project, &[]).succeeded().stdout.contains("no unit has failed"));
}

#[cfg(unix)]
#[test]
fn a_disk_that_fills_in_the_middle_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (items, bounds) = two_tiles(folder.path());
    let (project, other) = (folder.path().join("p"), folder.path().join("other"));
    for project in [&project, &other] {
        plan(&items, bounds, project).succeeded();
    }
    let model = shipped_model();
    let model = ["--model", model.to_str().unwrap()];
    let limited = |blocks: u32, command: &str, more: &[&str]| {
        let mut shell = Command::new("sh");
        // No file may have more blocks of 512 or 1024 bytes, as the shell has it.
        shell.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""), "sh"]);
        shell.arg(program_path()).args(["area", command]).arg(&project).args(more);
        clean(&mut shell);
        Done::of(&mut shell)
    };
    let maps = || {
        let units = names(&project.join("units")).into_iter().map(|unit| project.join("units").join(unit));
        units.filter(|unit| unit.join("probability.tif").exists()).count()
    };
    // The first worker has no room for the table of units either.
    for (blocks, share) in [(8, ["--shard", "1/2"]), (40, ["--index", "0"])] {
        let done = limited(blocks, "run", &[&model[..], &share[..], &["--tries", "1"]].concat());
        let output = format!("{blocks} blocks: {}{}", done.stdout, done.stderr);
        assert_eq!(done.code, Some(75), "a full disk may have room later: {output}");
        assert!(output.contains("File too large"), "{output}");
        assert_eq!(maps(), 0, "{output}");
    }
    area("run", &project, &[&model[..], &["-q"]].concat()).succeeded();
    area("run", &other, &["-q"]).succeeded();
    let done = limited(8, "merge", &["--allow-missing", "-q"]);
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    let merged = project.join("merged");
    assert!(!merged.exists() || names(&merged).is_empty(), "{:?}", names(&merged));
    for project in [&project, &other] {
        area("merge", project, &["--allow-missing", "-q"]).succeeded();
    }
    for name in names(&merged) {
        assert!(fs::read(merged.join(&name)).unwrap() == fs::read(other.join("merged").join(&name)).unwrap(), "{name}");
    }
}

/// Each file for a scheduler has a command that the program understands, and takes the unit from the scheduler's variable.
#[test]
fn files_for_schedulers_map_the_unit_of_their_task() {
    let folder = tempfile::tempdir().unwrap();
    let (items, bounds) = two_tiles(folder.path());
    let project = folder.path().join("p");
    plan(&items, bounds, &project).succeeded();
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    let read = |name: &str| fs::read_to_string(deploy.join(name)).unwrap();
    let batch: Value = serde_json::from_str(&read("aws-batch.json")).unwrap();
    let of_batch: Vec<String> = serde_json::from_value(batch["containerProperties"]["command"].clone()).unwrap();
    let kubernetes = read("kubernetes.yaml");
    let arguments = kubernetes.lines().find_map(|line| line.trim().strip_prefix("args: [")?.strip_suffix(']')).unwrap();
    let of_kubernetes: Vec<String> = arguments.split(", ").map(str::to_owned).collect();
    assert!(kubernetes.contains("values: [65]"), "a broken unit ends its index");
    for (variable, arguments, index) in
        [("AWS_BATCH_JOB_ARRAY_INDEX", of_batch, "0"), ("JOB_COMPLETION_INDEX", of_kubernetes, "1")]
    {
        let mut task = program();
        task.args(arguments.iter().map(|argument| argument.replace("/project", project.to_str().unwrap())));
        let done = Done::of(task.env(variable, index)).succeeded();
        assert!(done.stdout.contains("1 unit mapped, 0 mapped before"), "{variable}: {}", done.stdout);
    }
    let mut slurm = std::process::Command::new("bash");
    let own = Path::new(env!("CARGO_BIN_EXE_minesegsat")).parent().unwrap();
    let path = format!("{}:{}", own.display(), std::env::var("PATH").unwrap_or_default());
    slurm.arg(deploy.join("slurm.sbatch")).env("PROJECT", &project).env("SLURM_ARRAY_TASK_ID", "2").env("PATH", path);
    let done = Done::of(&mut slurm).succeeded();
    assert!(done.stdout.contains("1 unit mapped, 0 mapped before"), "{}", done.stdout);
    let mut none = std::process::Command::new("bash");
    none.arg(deploy.join("slurm.sbatch")).env("SLURM_ARRAY_TASK_ID", "2").env_remove("PROJECT");
    let done = Done::of(&mut none);
    assert!(done.code != Some(0) && done.stderr.contains("the folder of the project"), "{}", done.stderr);
}

#[test]
fn an_area_is_estimated_without_a_catalogue() {
    let estimate = |more: &[&str]| {
        let mut command = program();
        command.args([
            "area",
            "estimate",
            "--bbox=-105.65,40.1,-105.45,40.3",
            "--period",
            "2023/2024",
            "--every",
            "year",
        ]);
        Done::of(command.args(more))
    };
    let prices = ["--core-hour-price", "0.05", "--gb-price", "0.09"];
    let given = ["--pixels-per-second", "1000000", "--json"];
    let all = estimate(&[&prices[..], &given[..]].concat()).succeeded().json();
    assert_eq!((&all["tiles"], &all["units"]), (&json!(1), &json!(2)), "{all}");
    let number = |name: &str| all[name].as_f64().unwrap();
    assert!((number("core_hours") / (number("pixels") / 1e6 / 3600.0) - 1.0).abs() < 1e-9, "{all}");
    assert!((number("price_read") / (number("bytes_read") / 1e9 * 0.09) - 1.0).abs() < 1e-9, "{all}");
    // Three bands of 10 m instead of twelve, measured now.
    let model = rgb_model().to_str().unwrap();
    let few = estimate(&["--model", model, "--json"]).succeeded().json();
    assert!(few["bytes_read"].as_f64().unwrap() < 0.6 * number("bytes_read"), "{few}");
    assert!(few["price_read"].is_null() && few["core_hours"].as_f64().unwrap() > 0.0, "{few}");
    assert!(few["assumptions"].to_string().contains("of a simulated scene took"), "{few}");
    let text = estimate(&["--pixels-per-second", "1000000"]).succeeded().stdout;
    assert!(text.contains("2: 1 tile in 2 periods") && text.contains("core-hours"), "{text}");

    // The speed of a project's own units.
    let folder = tempfile::tempdir().unwrap();
    let (items, bounds) = two_tiles(folder.path());
    let project = folder.path().join("p");
    plan(&items, bounds, &project).succeeded();
    let measured = ["--measured", project.to_str().unwrap(), "--cores", "2", "--json"];
    estimate(&measured).failed(1, &["no unit of", "is mapped"]);
    area("run", &project, &["-q", "--index", "0"]).succeeded();
    let found = estimate(&measured).succeeded().json();
    assert!(found["assumptions"].to_string().contains("1 mapped unit of"), "{found}");
    estimate(&[&measured[..], &["--model", model]].concat()).failed(1, &["are mapped by", "--model"]);
    estimate(&["--pixels-per-second", "0"]).failed(1, &["pixels per core and second `0`", "above 0"]);
    estimate(&["--pixels-per-second", "1", "--mean-cloud-cover", "100"]).failed(1, &["1 to 99 percent"]);
}

/// A server asks the first worker to wait four seconds. The second worker, another process, asks it no earlier.
#[test]
fn workers_wait_for_a_server_that_asked_one_of_them_to() {
    let folder = tempfile::tempdir().unwrap();
    let (items, bounds) = two_tiles(folder.path());
    let server = Server::start();
    let is_busy = Arc::new(AtomicBool::new(true));
    let requests: Arc<Mutex<Vec<(bool, Instant)>>> = Arc::default();
    let (busy, arrivals) = (Arc::clone(&is_busy), Arc::clone(&requests));
    let url = server.handle("/band.tif", move |_| {
        let busy = busy.load(Ordering::SeqCst);
        arrivals.lock().unwrap().push((busy, Instant::now()));
        let mut reply = Reply::status(if busy { 429 } else { 404 }, "{}");
        reply.headers.push(("Retry-After".to_owned(), "4".to_owned()));
        reply
    });
    let mut collection: Value = serde_json::from_str(&fs::read_to_string(&items).unwrap()).unwrap();
    for item in collection["features"].as_array_mut().unwrap() {
        for asset in item["assets"].as_object_mut().unwrap().values_mut() {
            asset["href"] = json!(url);
        }
    }
    fs::write(&items, collection.to_string()).unwrap();
    let project = folder.path().join("p");
    plan(&items, bounds, &project).succeeded();
    let worker = || {
        let mut worker = program();
        worker.args(["area", "run", "-q", "--index", "0", "--tries", "1"]).arg(&project);
        Done::of(worker.env("MINESEGSAT_HTTP_ATTEMPTS", "1"))
    };
    let refused = worker();
    assert_eq!(refused.code, Some(75), "a busy server may answer later: {}", refused.stderr);
    let files = names(&project.join("backoff"));
    assert!(files.len() == 1 && files[0].starts_with("127.0.0.1_"), "{files:?}");
    is_busy.store(false, Ordering::SeqCst);
    let second = worker();
    assert_eq!(second.code, Some(65), "a file that is not there stays away: {}", second.stderr);
    let requests = requests.lock().unwrap();
    let first = |while_busy: bool| requests.iter().find(|(busy, _)| *busy == while_busy).unwrap().1;
    // The times of files are those of the kernel's clock ticks, of at most 10 ms.
    let waited = first(false).duration_since(first(true));
    assert!(waited >= Duration::from_millis(3980), "{waited:?}");
}
