//! How much of a server's rate `minesegsat download` uses: 300 MB in six files, from a server on this machine that is throttled
//! to 50 MB/s and from one that is not, with 1, 4 and 8 jobs.
//!
//! ```sh
//! cargo bench --workspace --bench download
//! ```
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and panics where it cannot go on")]

#[path = "../tests/program/support/mod.rs"]
mod support;

use std::fs;
use std::time::Instant;

use serde_json::json;
use support::Done;
use support::http::{Fault, Server};

const MEGABYTES: usize = 300;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let mut assets = json!({});
    for (i, key) in ["B02", "B03", "B04", "B08", "B11", "B12"].into_iter().enumerate() {
        // Bytes are sent as they are; that of each file differ, so that none is taken for another.
        let bytes: Vec<u8> = (0..MEGABYTES / 6 * 1_000_000).map(|at| (at * (2 * i + 1) / 7) as u8).collect();
        let url = server.serve(&format!("/{key}.tif"), bytes, Fault::None);
        assets[key] = json!({ "href": url, "type": "image/tiff" });
    }
    let item = json!({
        "type": "Feature", "id": "large", "geometry": null, "properties": {}, "links": [], "assets": assets,
    });
    let path = folder.path().join("item.json");
    fs::write(&path, item.to_string()).unwrap();
    for (name, rate) in [("50 MB/s", 50e6), ("no limit", 1e12)] {
        server.throttle(rate);
        for jobs in ["1", "4", "8"] {
            let out = folder.path().join(format!("{}-{jobs}", rate as u64));
            let mut command = support::program();
            command.arg("download").arg(&path).arg("--output").arg(&out).args(["--jobs", jobs]);
            let start = Instant::now();
            Done::of(&mut command).succeeded_quietly();
            let seconds = start.elapsed().as_secs_f64();
            println!("{name}, {jobs} jobs: {:.1} MB/s", MEGABYTES as f64 / seconds);
            fs::remove_dir_all(out).unwrap();
        }
    }
}
