//! A register of 1,000 sites with 24 observations each: opening and listing it, as `sites list` does, and looking up one site.
//!
//! ```sh
//! cargo bench -p minesegsat-watch --bench register
//! ```

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use divan::Bencher;
use minesegsat_watch::register::{ImportOptions, Register, SiteId};
use rusqlite::Connection;

fn main() {
    divan::main();
}

fn write_register(folder: &Path) -> PathBuf {
    let mut table = "id,name,longitude,latitude,radius_m,number,valid_from,limit_ha\n".to_owned();
    for site in 0..1000 {
        writeln!(table, "site-{site:04},Site {site},{},{},5000,M-{site},2020-01-01,120", site % 40, site / 40)
            .expect("a line");
    }
    let (sites, path) = (folder.join("sites.csv"), folder.join("sites.gpkg"));
    std::fs::write(&sites, table).expect("a table");
    let register = Register::create(&path).expect("a register");
    assert!(register.import(&sites, &ImportOptions::default()).expect("sites").stored);
    drop(register);
    // In one transaction, for speed. A monitor uses one per observation.
    let observations = "
        WITH RECURSIVE month(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM month WHERE n < 23)
        INSERT INTO observations (site, date, verdict, statement, share_assessed, area_ha, area_lower_ha, area_upper_ha,
          confidence_level_percent, permit, limit_ha, scenes, model_sha256, warnings, created)
        SELECT id, date('2022-01-15', n || ' months'), 'within',
          '101.0 ha (90.5 to 118.3) are disturbed, within the limit of 120 ha', 0.97, 101, 90.5, 118.25, 90, 'M-1', 120,
          '[\"S2B_MSIL2A_' || n || '_T190919_N0301_R056_T10UFV_' || id || '\"]', hex(zeroblob(32)), '[]',
          '2024-05-01T10:20:30.125Z'
        FROM sites CROSS JOIN month";
    Connection::open(&path).and_then(|database| database.execute(observations, [])).expect("observations");
    path
}

#[divan::bench]
fn open_and_list(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write_register(folder.path());
    bencher.bench_local(|| {
        let summaries = Register::open_read_only(&path).expect("a register").summaries().expect("summaries");
        assert_eq!((summaries.len(), summaries[999].observations), (1000, 24));
    });
}

#[divan::bench]
fn look_up_in_an_open_register(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a folder");
    let register = Register::open(&write_register(folder.path())).expect("a register");
    let id: SiteId = "site-0500".parse().expect("an id");
    let scenes = ["S2A_NEW".to_owned()];
    bencher.bench_local(|| {
        assert!(register.last_observation(&id).expect("readable").is_some());
        assert!(!register.has_observation(&id, &scenes, "00").expect("readable"));
    });
}
