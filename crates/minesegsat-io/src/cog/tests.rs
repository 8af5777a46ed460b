//! A small reader of the file structure checks the files. `scripts/cross_check.py` reads them with GDAL.

use std::{collections::BTreeMap, io::Read};

use super::*;
use minesegsat_core::{Crs, GeoTransform};

fn grid(width: usize, height: usize) -> Grid {
    let crs = Crs::from_epsg(32618).expect("UTM is accepted");
    Grid { crs, transform: GeoTransform::north_up(435_730.0, 4_179_460.0, 10.0), width, height }
}

fn integer(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

/// Tags of one directory: number to (type, raw little-endian values).
type Tags = BTreeMap<u16, (u16, Vec<u8>)>;

/// The directories of a TIFF, with the offset of each.
fn directories(file: &[u8]) -> Vec<(u64, Tags)> {
    assert_eq!(&file[..2], b"II");
    let big = file[2] == 43;
    let (word, count_size, entry) = if big { (8, 8, 20) } else { (4, 2, 12) };
    let first = if big { 8 } else { 4 };
    let mut next = integer(&file[first..first + word]) as usize;
    let mut found = Vec::new();
    while next != 0 {
        let count = integer(&file[next..next + count_size]) as usize;
        let mut tags = Tags::new();
        let mut last = 0;
        for i in 0..count {
            let e = &file[next + count_size + i * entry..][..entry];
            let (tag, kind) = (integer(&e[..2]) as u16, integer(&e[2..4]) as u16);
            assert!(tag > last, "tags are sorted: {tag} after {last}");
            last = tag;
            let size = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8][kind as usize];
            let len = integer(&e[4..4 + word]) as usize * size;
            let at = if len <= word { 0 } else { integer(&e[4 + word..]) as usize };
            let bytes = if len <= word { &e[4 + word..][..len] } else { &file[at..at + len] };
            tags.insert(tag, (kind, bytes.to_vec()));
        }
        found.push((next as u64, tags));
        let link = next + count_size + count * entry;
        next = integer(&file[link..link + word]) as usize;
    }
    found
}

fn values(tags: &Tags, tag: u16) -> Vec<u64> {
    let (kind, bytes) = &tags[&tag];
    let size = match kind {
        3 => 2,
        4 => 4,
        12 | 16 => 8,
        _ => 1,
    };
    bytes.chunks(size).map(integer).collect()
}

fn text(tags: &Tags, tag: u16) -> String {
    String::from_utf8(tags[&tag].1.clone()).expect("text").trim_end_matches('\0').to_owned()
}

/// Pixels of one level of a file with one band of u8.
fn pixels_u8(file: &[u8], tags: &Tags) -> Vec<u8> {
    let (width, height) = (values(tags, 256)[0] as usize, values(tags, 257)[0] as usize);
    let block = values(tags, 322)[0] as usize;
    let mut pixels = vec![0; width * height];
    for (i, (offset, size)) in values(tags, 324).into_iter().zip(values(tags, 325)).enumerate() {
        let (offset, size) = (offset as usize, size as usize);
        assert_eq!(integer(&file[offset - 4..offset]), size as u64, "leader");
        assert_eq!(file[offset + size - 4..offset + size], file[offset + size..offset + size + 4], "trailer");
        let mut raw = Vec::new();
        flate2::read::ZlibDecoder::new(&file[offset..offset + size]).read_to_end(&mut raw).expect("zlib");
        assert_eq!(raw.len(), block * block);
        let (down, across) = (i / width.div_ceil(block) * block, i % width.div_ceil(block) * block);
        for (y, row) in raw.chunks_exact_mut(block).enumerate().take(height.saturating_sub(down).min(block)) {
            for x in 1..block {
                row[x] = row[x].wrapping_add(row[x - 1]);
            }
            let columns = block.min(width - across);
            pixels[(down + y) * width + across..][..columns].copy_from_slice(&row[..columns]);
        }
    }
    pixels
}

/// Writes bands with the given rows per call. Returns the bytes of the file.
fn write(grid: &Grid, options: &CogOptions, bands: &[Pixels], rows_per_call: usize) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("raster.tif");
    let mut cog = CogWriter::create(&path, grid, options.clone()).expect("options are good");
    for row in (0..grid.height).step_by(rows_per_call) {
        let range = row * grid.width..(row + rows_per_call).min(grid.height) * grid.width;
        let part = bands.iter().map(|band| match band {
            Pixels::U8(v) => Pixels::U8(v[range.clone()].to_vec()),
            Pixels::U16(v) => Pixels::U16(v[range.clone()].to_vec()),
            Pixels::I16(v) => Pixels::I16(v[range.clone()].to_vec()),
            Pixels::F32(v) => Pixels::F32(v[range.clone()].to_vec()),
        });
        cog.write_rows(&part.collect::<Vec<_>>()).expect("written");
    }
    cog.finish().expect("finished");
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("folder").collect();
    assert_eq!(left.len(), 1, "nothing but the file: {left:?}");
    std::fs::read(path).expect("file")
}

/// An image without symmetry, with values 0 to 250.
fn pattern(width: usize, height: usize) -> Vec<u8> {
    (0..width * height).map(|i| ((i % width) * 7 / 3 + (i / width) * (i / width) / 5) as u8 % 251).collect()
}

#[test]
fn pixels_of_all_sizes_come_back_and_blocks_follow_each_other_without_gaps() {
    let options =
        CogOptions { block_size: 16, overview_resampling: OverviewResampling::Nearest, ..CogOptions::mask("m") };
    for (width, height) in [(1, 1), (15, 17), (16, 16), (17, 1), (1, 40), (33, 32), (70, 53)] {
        let pixels = pattern(width, height);
        let file = write(&grid(width, height), &options, &[Pixels::U8(pixels.clone())], 5);
        let levels = directories(&file);
        assert_eq!(pixels_u8(&file, &levels[0].1), pixels, "{width} x {height}");
        let smallest = &levels.last().expect("a level").1;
        assert!(values(smallest, 256)[0].max(values(smallest, 257)[0]) <= 16);
        // Directories from large to small, then blocks from small to large, each right after the one before.
        assert!(levels.is_sorted_by_key(|(offset, _)| *offset));
        let mut at = None;
        for (_, tags) in levels.iter().rev() {
            for (offset, size) in values(tags, 324).into_iter().zip(values(tags, 325)) {
                assert_eq!(offset - 4, at.unwrap_or(offset - 4), "{width} x {height}");
                at = Some(offset + size + 4);
            }
        }
        assert_eq!(at, Some(file.len() as u64));
        for (_, tags) in &levels[1..] {
            pixels_u8(&file, tags);
            assert_eq!(values(tags, 254), [1]);
        }
    }
}

#[test]
fn header_says_what_gdal_says() {
    let options = CogOptions {
        metadata: vec![("MODEL".to_owned(), "b0 & <co>".to_owned())],
        bands: vec![
            BandMeta { name: "probability".to_owned(), description: None, scale: 0.5, offset: 0.1 },
            BandMeta { description: Some("two".to_owned()), ..BandMeta::named("") },
        ],
        ..CogOptions::default()
    };
    let file = write(&grid(2, 1), &options, &[Pixels::F32(vec![0.0; 2]), Pixels::F32(vec![1.0; 2])], 1);
    // Bytes 8 to 191 of a file of GDAL 3.10.3's COG driver (compress=deflate).
    let structure = b"GDAL_STRUCTURAL_METADATA_SIZE=000140 bytes\nLAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\n\
        BLOCK_LEADER=SIZE_AS_UINT4\nBLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n \0";
    assert_eq!(&file[8..192], structure);
    let (offset, tags) = &directories(&file)[0];
    assert_eq!(*offset, 192);
    let doubles = |tag| values(tags, tag).into_iter().map(f64::from_bits).collect::<Vec<_>>();
    assert_eq!(doubles(33550), [10.0, 10.0, 0.0]);
    assert_eq!(doubles(33922), [0.0, 0.0, 0.0, 435_730.0, 4_179_460.0, 0.0]);
    assert_eq!(values(tags, 34735), [1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32618]);
    assert_eq!(text(tags, 42113), "nan");
    assert_eq!(values(tags, 339), [3, 3]);
    assert_eq!(values(tags, 338), [0]);
    assert_eq!(
        text(tags, 42112),
        "<GDALMetadata>\n  <Item name=\"MODEL\">b0 &amp;amp; &amp;lt;co&amp;gt;</Item>\n  \
         <Item name=\"OFFSET\" sample=\"0\" role=\"offset\">0.1</Item>\n  \
         <Item name=\"SCALE\" sample=\"0\" role=\"scale\">0.5</Item>\n  \
         <Item name=\"DESCRIPTION\" sample=\"0\" role=\"description\">probability</Item>\n  \
         <Item name=\"LONG_NAME\" sample=\"1\">two</Item>\n</GDALMetadata>\n"
    );
}

#[test]
fn geographic_grids_name_a_geographic_crs() {
    let place = Grid { crs: Crs::WGS84, transform: GeoTransform::north_up(12.0, 46.0, 1e-4), width: 1, height: 1 };
    let file = write(&place, &CogOptions::mask("m"), &[Pixels::U8(vec![1])], 1);
    let (_, tags) = &directories(&file)[0];
    assert_eq!(values(tags, 34735), [1, 1, 0, 3, 1024, 0, 1, 2, 1025, 0, 1, 1, 2048, 0, 1, 4326]);
    assert_eq!((values(tags, 262)[0], values(tags, 320)[1]), (3, 227 * 257), "value 1 is red");
}

#[test]
fn averages_weigh_covered_parts_and_skip_missing_pixels() {
    // By hand: columns 0, 1 and half of 2, then half of 2, 3 and 4, without the 255s:
    // (8 + 2 + 4/2 + 0 + 4/2) / 4 = 3.5 -> 4; (4/2 + 6 + 9 + 4/2 + 6) / 4 = 6.25 -> 6.
    let rows = Pixels::U8(vec![8, 2, 4, 6, 9, 0, 255, 4, 6, 255]);
    let settings = PyramidSettings {
        bands: 1,
        nodata: Some(255.0),
        overviews: true,
        resampling: OverviewResampling::Average,
        block_size: 2,
        compression_level: 6,
    };
    assert_eq!(second_level(&rows, 5, settings), [4, 6]);
    let missing = Pixels::U8(vec![255, 255, 1, 255, 255, 255, 1, 255]);
    assert_eq!(second_level(&missing, 4, settings), [255, 1]);
    // Two against two: the larger value; two missing against one: the valid value.
    let mask = Pixels::U8(vec![0, 1, 255, 255, 1, 0, 0, 255]);
    let mode = PyramidSettings { resampling: OverviewResampling::Mode, ..settings };
    assert_eq!(second_level(&mask, 4, mode), [1, 0]);
}

/// The first overview of a raster of two rows, which is one row.
fn second_level(pixels: &Pixels, width: usize, settings: PyramidSettings) -> Vec<u8> {
    let Pixels::U8(values) = pixels else { panic!("u8") };
    let mut reducer = pyramid::Reducer::new((width, 2), (width / 2, 1), settings);
    assert_eq!(reducer.push(&values[..width]), None);
    reducer.push(&values[width..]).expect("a row")
}

#[test]
fn bytes_do_not_depend_on_threads_or_on_rows_per_call() {
    let options = CogOptions { block_size: 32, ..CogOptions::default() };
    let field = |seed: f32| (0..211 * 190).map(|i| (i as f32 * seed).sin()).collect::<Vec<_>>();
    let bands = [Pixels::F32(field(0.013)), Pixels::F32(field(0.4))];
    let options = CogOptions { bands: vec![BandMeta::named("a"), BandMeta::named("b")], ..options };
    let in_threads = |threads, rows| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| write(&grid(211, 190), &options, &bands, rows))
    };
    let one = in_threads(1, 190);
    assert!(one == in_threads(3, 190));
    assert!(one == in_threads(2, 7));
}

#[test]
fn files_past_4_gib_are_big_tiffs() {
    let options = CogOptions::default();
    let mut level = LevelBlocks::new(1024, 1024);
    level.sizes = vec![1 << 30; 4];
    let header = layout::header(&Directory::new(&grid(1024, 1024), &options), &[level]);
    assert_eq!(header[2], 43);
    let (_, tags) = &directories(&header)[0];
    let start = header.len() as u64 + 4;
    assert_eq!(values(tags, 324), [0, 1, 2, 3].map(|i| start + i * ((1 << 30) + 8)));

    let mut level = LevelBlocks::new(1024, 1024);
    level.sizes = vec![1 << 29; 4];
    let header = layout::header(&Directory::new(&grid(1024, 1024), &options), &[level]);
    assert_eq!(header[2], 42);
}

#[test]
fn misuse_is_told_and_leaves_no_file() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("raster.tif");
    let create = |options| CogWriter::create(&path, &grid(4, 3), options);
    let mut cog = create(CogOptions::mask("m")).expect("good");
    let message = |result: Result<()>| result.expect_err("refused").to_string();
    assert!(message(cog.write_rows(&[Pixels::U8(vec![0; 5])])).contains("a multiple of 4; got 5 of U8"));
    assert!(message(cog.write_rows(&[Pixels::F32(vec![0.0; 4])])).contains("of U8"));
    cog.write_rows(&[Pixels::U8(vec![0; 8])]).expect("two rows");
    assert!(message(cog.write_rows(&[Pixels::U8(vec![0; 8])])).contains("more rows than the 3"));
    assert!(message(cog.finish()).contains("2 of its 3 rows"));
    assert!(create(CogOptions { nodata: Some(256.0), ..CogOptions::mask("m") }).is_err());
    assert!(create(CogOptions { block_size: 100, ..CogOptions::default() }).is_err());
    assert!(create(CogOptions { palette: Some(Vec::new()), ..CogOptions::default() }).is_err());
    let nowhere = folder.path().join("missing/raster.tif");
    let error = CogWriter::create(&nowhere, &grid(4, 3), CogOptions::default()).expect_err("no folder").to_string();
    assert!(error.contains("missing") && error.contains("raster.tif"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("folder").count(), 0);
}
