//! Small synthetic scenes: SAFE products of all format versions (folder and zip), STAC items with local images, folders of
//! band files, and multi-band GeoTIFFs.
//!
//! All have the same landscape, from west to east: water, forest, bare ground. The scene classification has, from north to
//! south: 1/12 no data, 2/12 cloud, 1/12 cloud shadow, 1/12 snow, and the landscape in the rest.
#![expect(missing_docs, reason = "the names of test data are self-explanatory")]

use std::fs;
use std::path::{Path, PathBuf};

/// Bands of a level 1C product, by wavelength; the index is the `band_id` of the metadata.
pub const BANDS: [&str; 13] =
    ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"];

/// Native resolution of each of [`BANDS`] in metres.
pub const RESOLUTIONS: [usize; 13] = [60, 10, 10, 10, 20, 20, 20, 10, 20, 60, 60, 20, 20];

/// Surface reflectance times 10,000 of water, forest and bare ground in each of [`BANDS`].
const REFLECTANCE: [[u16; 3]; 13] = [
    [260, 200, 900],
    [240, 180, 1150],
    [220, 350, 1500],
    [120, 210, 1900],
    [90, 560, 2150],
    [70, 1700, 2350],
    [60, 2200, 2500],
    [50, 2400, 2600],
    [45, 2500, 2700],
    [40, 2550, 2750],
    [8, 10, 15],
    [25, 1150, 3300],
    [15, 480, 2600],
];

/// Encodes an image as a single-band JPEG 2000 file: width, height, pixels.
pub type Jp2Encoder = fn(usize, usize, &[u16]) -> Vec<u8>;

/// An encoder that returns the files of `make_scenes.py`: every band is a copy of the red band.
pub fn recorded_jp2(width: usize, _height: usize, _pixels: &[u16]) -> Vec<u8> {
    match width {
        120 => include_bytes!("../fixtures/scenes/red_120.jp2").to_vec(),
        60 => include_bytes!("../fixtures/scenes/red_60.jp2").to_vec(),
        _ => include_bytes!("../fixtures/scenes/red_20.jp2").to_vec(),
    }
}

/// Properties of a synthetic scene.
#[derive(Clone)]
pub struct SceneSpec {
    /// `1C` or `2A`.
    pub level: &'static str,
    /// Processing baseline: `05.10`.
    pub baseline: &'static str,
    /// Start of sensing: `20210710T190919`.
    pub sensing: &'static str,
    /// MGRS tile, without `T`.
    pub tile: &'static str,
    /// EPSG code of its UTM zone.
    pub epsg: u16,
    /// Upper left corner in metres.
    pub origin: (f64, f64),
    /// Columns and rows at 10 m, a multiple of 12.
    pub size: usize,
    /// Offset that is added to every digital number except 0.
    pub dn_offset: u16,
    /// Offset that the metadata of the product states; `None` leaves the list out.
    pub stated_offset: Option<i32>,
    /// Cloud cover in the metadata, percent.
    pub cloud_cover: f64,
    /// Encoder of JPEG 2000 images; `None` writes TIFF images.
    pub jp2: Option<Jp2Encoder>,
    /// Bands that the scene lacks.
    pub without: &'static [&'static str],
}

impl SceneSpec {
    /// A product with the offset of its baseline, in the pixels and in the metadata.
    pub fn new(level: &'static str, baseline: &'static str) -> Self {
        let shifted = baseline >= "04.00";
        Self {
            level,
            baseline,
            sensing: "20210710T190919",
            tile: "10UFV",
            epsg: 32610,
            origin: (600_000.0, 5_500_020.0),
            size: 120,
            dn_offset: if shifted { 1000 } else { 0 },
            stated_offset: shifted.then_some(-1000),
            cloud_cover: 12.5,
            jp2: None,
            without: &[],
        }
    }

    /// `S2B_MSIL2A_20210710T190919_N0510_R056_T10UFV_20210710T222222`.
    pub fn product_id(&self) -> String {
        let baseline = self.baseline.replace('.', "");
        format!("S2B_MSIL{}_{}_N{baseline}_R056_T{}_20210710T222222", self.level, self.sensing, self.tile)
    }

    /// The bands of the scene. Level 2A has no B10.
    pub fn bands(&self) -> Vec<&'static str> {
        let there = |band: &&str| !self.without.contains(band) && (self.level == "1C" || *band != "B10");
        BANDS.into_iter().filter(there).collect()
    }

    /// Side length in pixels, and digital numbers of a band at a resolution, row-major.
    pub fn pixels(&self, band: &str, resolution: usize) -> (usize, Vec<u16>) {
        let side = self.size * 10 / resolution;
        let at = BANDS.iter().position(|b| *b == band).expect("a band of Sentinel-2");
        let pixels = (0..side * side).map(|i| {
            let (row, col) = (i / side, i % side);
            if row < side / 12 {
                return 0;
            }
            // A texture of a few percent, so that the values of percentiles differ.
            let value = REFLECTANCE[at][col * 3 / side];
            value + value * ((row * 7 + col * 3) % 10) as u16 / 100 + self.dn_offset
        });
        (side, pixels.collect())
    }

    /// Side length in pixels, and scene classes at 20 m, row-major.
    pub fn classes(&self) -> (usize, Vec<u16>) {
        let side = self.size / 2;
        let pixels = (0..side * side).map(|i| match (i / side * 12 / side, i % side * 3 / side) {
            (0, _) => 0,
            (1 | 2, _) => 9,
            (3, _) => 3,
            (4, _) => 11,
            (_, land) => [6, 4, 5][land],
        });
        (side, pixels.collect())
    }

    fn image(&self, side: usize, resolution: usize, pixels: Vec<u16>) -> Vec<u8> {
        match self.jp2 {
            Some(encode) => encode(side, side, &pixels),
            None => GeoTiff::new(self.epsg, self.origin, resolution as f64, side, side, vec![pixels]).encode(),
        }
    }

    fn extension(&self) -> &'static str {
        if self.jp2.is_some() { "jp2" } else { "tif" }
    }
}

/// A file of a product: its relative path with `/`, and its content.
type File = (String, Vec<u8>);

/// Writes a SAFE product with compact names (baseline 02.04 and later) as a folder. Returns its path.
pub fn write_safe(folder: &Path, spec: &SceneSpec) -> PathBuf {
    write_files(folder, &safe_files(spec));
    folder.join(format!("{}.SAFE", spec.product_id()))
}

/// Writes the same product as a zip archive with the `.SAFE` folder at the top. Returns its path.
pub fn write_safe_zip(folder: &Path, spec: &SceneSpec) -> PathBuf {
    let path = folder.join(format!("{}.zip", spec.product_id()));
    fs::write(&path, zip(&safe_files(spec))).expect("the archive can be written");
    path
}

/// Adds a `manifest.safe` to a product of [`write_safe`]. `checksums` are pairs of a path relative to the product's folder and
/// the checksum that the manifest states.
pub fn write_manifest_safe(product: &Path, algorithm: &str, checksums: &[(String, String)]) {
    let mut xml =
        "<?xml version='1.0'?><xfdu:XFDU xmlns:xfdu=\"urn:ccsds:schema:xfdu:1\"><dataObjectSection>".to_owned();
    for (name, hex) in checksums {
        xml += &format!(
            "<dataObject ID=\"x\"><byteStream mimeType=\"application/octet-stream\" size=\"1\"><fileLocation locatorType=\"URL\" \
             href=\"./{name}\"/><checksum checksumName=\"{algorithm}\">{hex}</checksum></byteStream></dataObject>"
        );
    }
    fs::write(product.join("manifest.safe"), xml + "</dataObjectSection></xfdu:XFDU>").expect("it can be written");
}

fn safe_files(spec: &SceneSpec) -> Vec<File> {
    let root = format!("{}.SAFE", spec.product_id());
    let granule = format!("{root}/GRANULE/L{}_T{}_A022222_{}", spec.level, spec.tile, spec.sensing);
    let mut files = vec![
        (format!("{root}/MTD_MSIL{}.xml", spec.level), product_xml(spec).into_bytes()),
        (format!("{granule}/MTD_TL.xml"), tile_xml(spec).into_bytes()),
        // A file that must not be mistaken for a band.
        (format!("{granule}/QI_DATA/MSK_QUALIT_B04.jp2"), b"no image".to_vec()),
    ];
    let extension = spec.extension();
    let stem = format!("T{}_{}", spec.tile, spec.sensing);
    if spec.level == "1C" {
        for (band, resolution) in BANDS.iter().zip(RESOLUTIONS).filter(|(b, _)| spec.bands().contains(b)) {
            let (side, pixels) = spec.pixels(band, resolution);
            let name = format!("{granule}/IMG_DATA/{stem}_{band}.{extension}");
            files.push((name, spec.image(side, resolution, pixels)));
        }
        return files;
    }
    for (band, native) in BANDS.iter().zip(RESOLUTIONS).filter(|(b, _)| spec.bands().contains(b)) {
        // B08 is delivered at 10 m only.
        for resolution in [10, 20, 60].into_iter().filter(|&r| r >= native && (*band != "B08" || r == 10)) {
            let (side, pixels) = spec.pixels(band, resolution);
            let name = format!("{granule}/IMG_DATA/R{resolution}m/{stem}_{band}_{resolution}m.{extension}");
            files.push((name, spec.image(side, resolution, pixels)));
        }
    }
    let (side, classes) = spec.classes();
    files.push((format!("{granule}/IMG_DATA/R20m/{stem}_SCL_20m.{extension}"), spec.image(side, 20, classes)));
    files
}

/// Writes a level 1C product in the format until late 2016: long names, and one granule per tile of `tiles`.
pub fn write_old_safe(folder: &Path, spec: &SceneSpec, tiles: &[&str]) -> PathBuf {
    let root = "S2A_OPER_PRD_MSIL1C_PDMC_20160905T104813_R002_V20160905T005712_20160905T010424.SAFE";
    let made = "SGS__20160905T073438_A006291";
    let product = product_xml(spec).replace(&format!("{}.SAFE", spec.product_id()), root);
    let name = "S2A_OPER_MTD_SAFL1C_PDMC_20160905T104813_R002_V20160905T005712_20160905T010424.xml";
    let mut files = vec![(format!("{root}/{name}"), product.into_bytes())];
    for tile in tiles {
        let granule = format!("{root}/GRANULE/S2A_OPER_MSI_L1C_TL_{made}_T{tile}_N02.04");
        let spec = SceneSpec { tile: "", ..spec.clone() };
        let xml = tile_xml(&spec).replace("_T_N", &format!("_T{tile}_N"));
        files.push((format!("{granule}/S2A_OPER_MTD_L1C_TL_{made}_T{tile}.xml"), xml.into_bytes()));
        for (band, resolution) in BANDS.iter().zip(RESOLUTIONS) {
            let (side, pixels) = spec.pixels(band, resolution);
            let name = format!("{granule}/IMG_DATA/S2A_OPER_MSI_L1C_TL_{made}_T{tile}_{band}.{}", spec.extension());
            files.push((name, spec.image(side, resolution, pixels)));
        }
    }
    write_files(folder, &files);
    folder.join(root)
}

/// Writes single-band files at native resolution, named by band id, and `SCL.tif` for level 2A. Returns the folder.
pub fn write_folder(folder: &Path, spec: &SceneSpec) -> PathBuf {
    fs::create_dir_all(folder).expect("the folder can be made");
    for (band, resolution) in BANDS.iter().zip(RESOLUTIONS).filter(|(b, _)| spec.bands().contains(b)) {
        let (side, pixels) = spec.pixels(band, resolution);
        let image = spec.image(side, resolution, pixels);
        fs::write(folder.join(format!("{band}.{}", spec.extension())), image).expect("the image can be written");
    }
    if spec.level == "2A" {
        let (side, classes) = spec.classes();
        let image = spec.image(side, 20, classes);
        fs::write(folder.join(format!("SCL.{}", spec.extension())), image).expect("the image can be written");
    }
    folder.to_path_buf()
}

/// Writes all bands at 10 m into one GeoTIFF, with their ids as descriptions if `described`.
pub fn write_stack(path: &Path, spec: &SceneSpec, described: bool) -> PathBuf {
    let bands = spec.bands();
    let pixels = bands.iter().map(|band| spec.pixels(band, 10).1).collect();
    let mut tiff = GeoTiff::new(spec.epsg, spec.origin, 10.0, spec.size, spec.size, pixels);
    if described {
        tiff.names = bands.iter().map(|&band| band.to_owned()).collect();
    }
    fs::write(path, tiff.encode()).expect("the image can be written");
    path.to_path_buf()
}

/// Provider whose STAC items are imitated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Earth Search v1 `sentinel-2-l2a`: common-name assets, an unreliable flag and offset.
    EarthSearch {
        /// `earthsearch:boa_offset_applied`.
        applied: bool,
    },
    /// Earth Search v1 `sentinel-2-c1-l2a`: common-name assets, offset in the assets.
    EarthSearchC1,
    /// Planetary Computer: band-id assets, without offsets.
    PlanetaryComputer,
}

/// Writes a STAC item of a level 2A scene with its images beside it (relative links). Returns the path of the item.
pub fn write_stac_item(folder: &Path, spec: &SceneSpec, provider: Provider) -> PathBuf {
    const COMMON: [&str; 13] = [
        "coastal", "blue", "green", "red", "rededge1", "rededge2", "rededge3", "nir", "nir08", "nir09", "cirrus",
        "swir16", "swir22",
    ];
    write_folder(&folder.join("images"), spec);
    let common = provider != Provider::PlanetaryComputer;
    let offset = match provider {
        Provider::PlanetaryComputer => String::new(),
        // In its first collection Earth Search states -0.1, whether or not the offset was removed.
        _ if spec.baseline >= "04.00" => r#", "raster:bands": [{"nodata": 0, "scale": 0.0001, "offset": -0.1}]"#.into(),
        _ => r#", "raster:bands": [{"nodata": 0, "scale": 0.0001, "offset": 0}]"#.into(),
    };
    let media = "image/tiff; application=geotiff; profile=cloud-optimized";
    let mut assets = vec![
        format!(r#""{}": {{"href": "./images/SCL.tif", "type": "{media}"}}"#, if common { "scl" } else { "SCL" }),
        r#""thumbnail": {"href": "./thumbnail.jpg", "type": "image/jpeg", "roles": ["thumbnail"]}"#.into(),
        format!(
            r#""visual": {{"href": "./TCI.tif", "type": "{media}",
                "eo:bands": [{{"name": "B04"}}, {{"name": "B03"}}, {{"name": "B02"}}]}}"#
        ),
    ];
    for (at, band) in BANDS.iter().enumerate().filter(|(_, band)| spec.bands().contains(band)) {
        let (key, name) = if common { (COMMON[at], *band) } else { (*band, *band) };
        assets.push(format!(
            r#""{key}": {{"href": "./images/{band}.tif", "type": "{media}", "eo:bands": [{{"name": "{name}"}}]{offset}}}"#
        ));
        if common {
            assets.push(format!(r#""{key}-jp2": {{"href": "s3://bucket/{band}.jp2", "type": "image/jp2"}}"#));
        }
    }
    let (collection, id, flag) = match provider {
        Provider::EarthSearch { applied } => (
            "sentinel-2-l2a",
            format!("S2B_{}_20210710_0_L2A", spec.tile),
            format!(r#""earthsearch:boa_offset_applied": {applied},"#),
        ),
        Provider::EarthSearchC1 => {
            ("sentinel-2-c1-l2a", format!("S2B_T{}_{}_L2A", spec.tile, spec.sensing), String::new())
        }
        Provider::PlanetaryComputer => ("sentinel-2-l2a", spec.product_id().replace("_N0", "_R0"), String::new()),
    };
    let item = format!(
        r#"{{"type": "Feature", "stac_version": "1.0.0", "id": "{id}", "collection": "{collection}",
  "geometry": null, "links": [],
  "properties": {{"datetime": "{}Z", "platform": "sentinel-2b", "constellation": "sentinel-2", {flag}
    "eo:cloud_cover": {}, "proj:epsg": {}, "grid:code": "MGRS-{}", "s2:processing_baseline": "{}",
    "s2:product_uri": "{}.SAFE", "s2:product_type": "S2MSI2A"}},
  "assets": {{{}}}}}"#,
        iso(spec.sensing),
        spec.cloud_cover,
        spec.epsg,
        spec.tile,
        spec.baseline,
        spec.product_id(),
        assets.join(",\n    ")
    );
    let path = folder.join(format!("{id}.json"));
    fs::write(&path, item).expect("the item can be written");
    path
}

/// Converts `20210710T190919` to `2021-07-10T19:09:19`.
fn iso(time: &str) -> String {
    let part = |from: usize, to: usize| &time[from..to];
    format!("{}-{}-{}T{}:{}:{}", part(0, 4), part(4, 6), part(6, 8), part(9, 11), part(11, 13), part(13, 15))
}

fn product_xml(spec: &SceneSpec) -> String {
    let surface = spec.level == "2A";
    let offsets = spec.stated_offset.map_or_else(String::new, |offset| {
        let (list, item) = if surface {
            ("BOA_ADD_OFFSET_VALUES_LIST", "BOA_ADD_OFFSET")
        } else {
            ("Radiometric_Offset_List", "RADIO_ADD_OFFSET")
        };
        let items: Vec<String> = (0..13).map(|id| format!(r#"<{item} band_id="{id}">{offset}</{item}>"#)).collect();
        format!("<{list}>{}</{list}>", items.concat())
    });
    let quantification = if surface {
        "<QUANTIFICATION_VALUES_LIST><BOA_QUANTIFICATION_VALUE unit=\"none\">10000</BOA_QUANTIFICATION_VALUE>\
         <AOT_QUANTIFICATION_VALUE unit=\"none\">1000.0</AOT_QUANTIFICATION_VALUE></QUANTIFICATION_VALUES_LIST>"
    } else {
        "<QUANTIFICATION_VALUE unit=\"none\">10000</QUANTIFICATION_VALUE>"
    };
    format!(
        r#"<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-{level}_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-{level}.xsd">
  <n1:General_Info>
    <Product_Info>
      <PRODUCT_START_TIME>{time}.024Z</PRODUCT_START_TIME>
      <PRODUCT_URI>{id}.SAFE</PRODUCT_URI>
      <PROCESSING_LEVEL>Level-{level}</PROCESSING_LEVEL>
      <PRODUCT_TYPE>S2MSI{level}</PRODUCT_TYPE>
      <PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>
      <Datatake datatakeIdentifier="GS2B_{sensing}_022222_N{baseline}">
        <SPACECRAFT_NAME>Sentinel-2B</SPACECRAFT_NAME>
        <DATATAKE_SENSING_START>{time}.024Z</DATATAKE_SENSING_START>
        <SENSING_ORBIT_NUMBER>56</SENSING_ORBIT_NUMBER>
      </Datatake>
    </Product_Info>
    <Product_Image_Characteristics>
      <Special_Values><SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX></Special_Values>
      {quantification}{offsets}
    </Product_Image_Characteristics>
  </n1:General_Info>
  <n1:Quality_Indicators_Info><Cloud_Coverage_Assessment>{cloud}</Cloud_Coverage_Assessment></n1:Quality_Indicators_Info>
</n1:Level-{level}_User_Product>
"#,
        level = spec.level,
        time = iso(spec.sensing),
        id = spec.product_id(),
        baseline = spec.baseline,
        sensing = spec.sensing,
        cloud = spec.cloud_cover,
    )
}

fn tile_xml(spec: &SceneSpec) -> String {
    let (x, y) = spec.origin;
    let each = |line: &dyn Fn(usize) -> String| [10, 20, 60].map(line).concat();
    let sizes = each(&|r| {
        let side = spec.size * 10 / r;
        format!(r#"<Size resolution="{r}"><NROWS>{side}</NROWS><NCOLS>{side}</NCOLS></Size>"#)
    });
    let positions = each(&|r| {
        format!(
            r#"<Geoposition resolution="{r}"><ULX>{x}</ULX><ULY>{y}</ULY><XDIM>{r}</XDIM><YDIM>-{r}</YDIM></Geoposition>"#
        )
    });
    format!(
        r#"<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-{level}_Tile_ID xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-{level}_Tile_Metadata.xsd">
  <n1:General_Info>
    <TILE_ID metadataLevel="Brief">S2B_OPER_MSI_L{level}_TL_2BPS_20210710T222222_A022222_T{tile}_N{baseline}</TILE_ID>
  </n1:General_Info>
  <n1:Geometric_Info>
    <Tile_Geocoding metadataLevel="Brief">
      <HORIZONTAL_CS_NAME>WGS84 / UTM</HORIZONTAL_CS_NAME>
      <HORIZONTAL_CS_CODE>EPSG:{epsg}</HORIZONTAL_CS_CODE>
      {sizes}{positions}
    </Tile_Geocoding>
  </n1:Geometric_Info>
</n1:Level-{level}_Tile_ID>
"#,
        level = spec.level,
        tile = spec.tile,
        baseline = spec.baseline,
        epsg = spec.epsg,
    )
}

fn write_files(folder: &Path, files: &[File]) {
    for (name, content) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("files lie in folders")).expect("the folder can be made");
        fs::write(path, content).expect("the file can be written");
    }
}

/// A plain GeoTIFF in memory: uncompressed, one strip, bands interleaved by pixel.
pub struct GeoTiff {
    /// EPSG code of a projected CRS.
    pub epsg: u16,
    /// Upper left corner.
    pub origin: (f64, f64),
    /// Pixel size.
    pub pixel: f64,
    /// Columns and rows.
    pub size: (usize, usize),
    /// Pixels of each band, row-major.
    pub bands: Vec<Vec<u16>>,
    /// Description of each band, or none at all.
    pub names: Vec<String>,
    /// Nodata value.
    pub nodata: Option<f64>,
    /// Scale and offset, the same for all bands.
    pub scale_offset: Option<(f64, f64)>,
    /// If set, pixels are multiplied by this factor and written as 32-bit floating point.
    pub as_float: Option<f32>,
    /// Whether the 16 bits of a pixel are a signed integer.
    pub signed: bool,
    /// Whether the last band is declared to be alpha.
    pub alpha: bool,
    /// Validity of each pixel, written as a mask with one bit per pixel after the image.
    pub mask: Option<Vec<bool>>,
}

/// A tag of a TIFF: number, and type, count and bytes of its value.
type Tag = (u16, (u16, usize, Vec<u8>));

/// Appends a directory and the values that do not fit into it. Returns its position.
fn write_directory(out: &mut Vec<u8>, tags: Vec<Tag>, next: u32) -> u32 {
    let mut directory = (tags.len() as u16).to_le_bytes().to_vec();
    for (tag, (kind, n, mut value)) in tags {
        directory.extend(tag.to_le_bytes());
        directory.extend(kind.to_le_bytes());
        directory.extend((n as u32).to_le_bytes());
        if value.len() > 4 {
            directory.extend((out.len() as u32).to_le_bytes());
            value.resize(value.len().next_multiple_of(2), 0);
            out.extend(value);
        } else {
            value.resize(4, 0);
            directory.extend(value);
        }
    }
    directory.extend(next.to_le_bytes());
    out.resize(out.len().next_multiple_of(2), 0);
    let at = out.len() as u32;
    out.extend(directory);
    at
}

/// The tags of an image of one band in one uncompressed strip.
fn one_band_tags(
    kind: u32,
    (width, height): (usize, usize),
    bits: u32,
    photometric: u32,
    at: usize,
    len: usize,
) -> Vec<Tag> {
    let long = |value: u32| (4_u16, 1, value.to_le_bytes().to_vec());
    vec![
        (254, long(kind)),
        (256, long(width as u32)),
        (257, long(height as u32)),
        (258, long(bits)),
        (259, long(1)),
        (262, long(photometric)),
        (273, long(at as u32)),
        (277, long(1)),
        (278, long(height as u32)),
        (279, long(len as u32)),
    ]
}

/// A mask in a file of its own, as GDAL writes it beside an image (`B04.tif.msk`): 8 bits, 0 or 255, no georeference.
pub fn mask_file(width: usize, height: usize, valid: &[bool]) -> Vec<u8> {
    let mut out = b"II*\0\0\0\0\0".to_vec();
    out.extend(valid.iter().map(|&valid| if valid { 255 } else { 0 }));
    let tags = one_band_tags(0, (width, height), 8, 1, 8, valid.len());
    let at = write_directory(&mut out, tags, 0);
    out[4..8].copy_from_slice(&at.to_le_bytes());
    out
}

impl GeoTiff {
    pub fn new(epsg: u16, origin: (f64, f64), pixel: f64, width: usize, height: usize, bands: Vec<Vec<u16>>) -> Self {
        assert!(bands.iter().all(|band| band.len() == width * height), "every band has {width} x {height} pixels");
        let size = (width, height);
        Self {
            epsg,
            origin,
            pixel,
            size,
            bands,
            names: Vec::new(),
            nodata: None,
            scale_offset: None,
            as_float: None,
            signed: false,
            alpha: false,
            mask: None,
        }
    }

    /// The bytes of the file: header, pixels, values that do not fit into tags, and tags.
    pub fn encode(&self) -> Vec<u8> {
        let count = self.bands.len();
        let (width, height) = self.size;
        let mut out = b"II*\0\0\0\0\0".to_vec();
        for i in 0..width * height {
            for band in &self.bands {
                match self.as_float {
                    Some(factor) => out.extend((f32::from(band[i]) * factor).to_le_bytes()),
                    None => out.extend(band[i].to_le_bytes()),
                }
            }
        }
        let bytes = (out.len() - 8) as u32;
        let (bits, format) = match self.as_float {
            Some(_) => (32, 3),
            None if self.signed => (16, 2),
            None => (16, 1),
        };
        let next = self.mask.as_ref().map_or(0, |valid| {
            let at = out.len();
            for row in valid.chunks_exact(width) {
                let byte =
                    |bits: &[bool]| bits.iter().enumerate().map(|(i, &bit)| u8::from(bit) << (7 - i)).sum::<u8>();
                out.extend(row.chunks(8).map(byte));
            }
            // NewSubfileType 4 and photometric interpretation 4: a transparency mask.
            let tags = one_band_tags(4, self.size, 1, 4, at, out.len() - at);
            write_directory(&mut out, tags, 0)
        });
        let short =
            |values: &[u16]| (3_u16, values.len(), values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
        let long = |value: u32| (4_u16, 1, value.to_le_bytes().to_vec());
        let double = |values: &[f64]| (12_u16, values.len(), values.iter().flat_map(|v| v.to_le_bytes()).collect());
        let ascii = |text: String| (2_u16, text.len() + 1, [text.as_bytes(), b"\0"].concat());
        let mut tags = vec![
            (256, long(width as u32)),
            (257, long(height as u32)),
            (258, short(&vec![bits; count])),
            (259, short(&[1])),
            (262, short(&[1])),
            (273, long(8)),
            (277, short(&[count as u16])),
            (278, long(height as u32)),
            (279, long(bytes)),
            (284, short(&[1])),
        ];
        if count > 1 {
            let mut extra = vec![0; count - 1];
            if self.alpha {
                extra[count - 2] = 2;
            }
            tags.push((338, short(&extra)));
        }
        tags.push((339, short(&vec![format; count])));
        tags.push((33550, double(&[self.pixel, self.pixel, 0.0])));
        tags.push((33922, double(&[0.0, 0.0, 0.0, self.origin.0, self.origin.1, 0.0])));
        // Version 1.1.0, three keys: projected CRS, pixel is area, EPSG code.
        tags.push((34735, short(&[1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, self.epsg])));
        if !self.names.is_empty() || self.scale_offset.is_some() {
            tags.push((42112, ascii(self.gdal_metadata())));
        }
        if let Some(nodata) = self.nodata {
            tags.push((42113, ascii(nodata.to_string())));
        }
        let at = write_directory(&mut out, tags, next);
        out[4..8].copy_from_slice(&at.to_le_bytes());
        out
    }

    fn gdal_metadata(&self) -> String {
        let item = |name: &str, role: &str, sample: usize, value: &str| {
            format!(r#"<Item name="{name}" sample="{sample}" role="{role}">{value}</Item>"#)
        };
        let mut items: Vec<String> =
            self.names.iter().enumerate().map(|(i, name)| item("DESCRIPTION", "description", i, name)).collect();
        if let Some((scale, offset)) = self.scale_offset {
            for i in 0..self.bands.len() {
                items.push(item("SCALE", "scale", i, &scale.to_string()));
                items.push(item("OFFSET", "offset", i, &offset.to_string()));
            }
        }
        format!("<GDALMetadata>{}</GDALMetadata>", items.concat())
    }
}

/// A zip archive with stored (uncompressed) entries.
pub fn zip(files: &[File]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let at = out.len() as u32;
        // Version 2.0, no flags, stored, 1980-01-01.
        let mut common: Vec<u8> = [20_u16, 0, 0, 0, 33].iter().flat_map(|v| v.to_le_bytes()).collect();
        common.extend(crc32(content).to_le_bytes());
        common.extend((content.len() as u32).to_le_bytes());
        common.extend((content.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend(0_u16.to_le_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(content);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&common);
        // No comment, disk 0, no attributes.
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (at, length, count) = (out.len() as u32, directory.len() as u32, files.len() as u16);
    out.extend(directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(length.to_le_bytes());
    out.extend(at.to_le_bytes());
    out.extend([0; 2]);
    out
}

/// CRC-32 as zip has it (reversed polynomial 0xEDB88320).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}
