//! Embeds the built map page (`web/dist`) into the program, also compressed. Without a built page the list of files is empty.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let missing = |name: &str| io::Error::other(format!("cargo gives no {name}"));
    let crate_folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or_else(|| missing("CARGO_MANIFEST_DIR"))?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or_else(|| missing("OUT_DIR"))?);
    let dist = crate_folder.join("../../web/dist");
    // A missing path would rerun this script, and recompile its users, in every build.
    let watched = if dist.is_dir() { dist.clone() } else { crate_folder.join("../../web") };
    println!("cargo::rerun-if-changed={}", watched.display());
    println!("cargo::rerun-if-changed=build.rs");
    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        collect(&dist, &mut files)?;
    } else {
        println!(
            "cargo::warning=the program will have no map page; `(cd web && npm ci && npm run build)` makes it, then build again"
        );
    }
    files.sort();
    let mut source = String::from("static ASSETS: &[Asset] = &[\n");
    for (number, file) in files.iter().enumerate() {
        let relative = file.strip_prefix(&dist).map_err(io::Error::other)?.to_string_lossy().replace('\\', "/");
        let bytes = fs::read(file)?;
        let store = |ending: &str, compressed: Vec<u8>| -> io::Result<String> {
            // Images and fonts are already compressed.
            if compressed.len() * 10 >= bytes.len() * 9 {
                return Ok("&[]".to_owned());
            }
            let path = out.join(format!("asset-{number}.{ending}"));
            fs::write(&path, compressed)?;
            Ok(format!("include_bytes!({:?})", path.display().to_string()))
        };
        let brotli = store("br", brotli(&bytes)?)?;
        let gzip = store("gz", gzip(&bytes)?)?;
        let plain = file.canonicalize()?.display().to_string();
        writeln!(
            source,
            "    Asset {{ path: {relative:?}, plain: include_bytes!({plain:?}), brotli: {brotli}, gzip: {gzip} }},"
        )
        .map_err(io::Error::other)?;
    }
    source.push_str("];\n");
    fs::write(out.join("assets.rs"), source)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if !path.extension().is_some_and(|ending| ending == "map" || ending == "br" || ending == "gz") {
            files.push(path);
        }
    }
    Ok(())
}

fn brotli(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 1 << 16, 11, 22);
    writer.write_all(bytes)?;
    Ok(writer.into_inner())
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(bytes)?;
    writer.finish()
}
