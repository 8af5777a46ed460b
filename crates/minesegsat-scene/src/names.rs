//! Metadata from file and product names: the band, the resolution, and the identity of the product.

use std::fmt;

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::{Serialize, Serializer};

use minesegsat_core::Band;

/// The layer of a one-band file, from its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    Band(Band),
    Classification,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Band(band) => band.fmt(f),
            Self::Classification => f.pad("SCL"),
        }
    }
}

/// Reads the layer from a file name or a band description: `T10UFV_20210710T190919_B04_10m`, `red.tif`, `B8a`, `SCL`.
///
/// Band ids override common names, which may be words of a place (`green_river_B04.tif`). Names with two different
/// bands and quality masks (`MSK_DETFOO_B04`) give `None`.
pub(crate) fn layer_of(name: &str) -> Option<Layer> {
    let lower = name.to_ascii_lowercase();
    let stem = lower.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = ["red_edge_", "red-edge-", "red edge "].iter().fold(stem.to_owned(), |s, p| s.replace(p, "rededge"));
    let tokens: Vec<&str> = stem.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    if tokens.contains(&"msk") {
        return None;
    }
    let is_id = |token: &str| {
        token.strip_prefix('b').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            && token.len() <= "b08a".len()
    };
    for ids in [true, false] {
        let mut found: Vec<Layer> = tokens
            .iter()
            .filter(|token| is_id(token) == ids)
            .filter_map(|token| match *token {
                "scl" => Some(Layer::Classification),
                token => token.parse().ok().map(Layer::Band),
            })
            .collect();
        found.sort_unstable();
        found.dedup();
        match found[..] {
            [] => {}
            [layer] => return Some(layer),
            _ => return None,
        }
    }
    None
}

/// Ground sampling distance in metres, from a path: `.../R20m/...` or `..._20m.jp2`.
pub(crate) fn resolution_of(path: &str) -> Option<u32> {
    path.to_ascii_lowercase().rsplit(|c: char| !c.is_ascii_alphanumeric()).find_map(|token| {
        let number = token.strip_suffix('m')?;
        let number: u32 = number.strip_prefix('r').unwrap_or(number).parse().ok()?;
        matches!(number, 10 | 20 | 60).then_some(number)
    })
}

/// Processing level of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum ProductLevel {
    /// Top-of-atmosphere reflectance.
    L1C,
    /// Surface (bottom-of-atmosphere) reflectance.
    L2A,
}

impl fmt::Display for ProductLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::L1C => "L1C",
            Self::L2A => "L2A",
        })
    }
}

/// Version of the ground segment's processing, such as 05.10.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessingBaseline {
    /// Number before the point.
    pub major: u8,
    /// Number after the point.
    pub minor: u8,
}

impl ProcessingBaseline {
    /// The first baseline that adds 1000 to every digital number (25 January 2022, and all of Collection 1).
    pub const WITH_OFFSET: Self = Self { major: 4, minor: 0 };

    /// Whether the ground segment's products of this baseline have the offset in their digital numbers.
    pub fn adds_offset(self) -> bool {
        // 99.xx marks test products made with the newest processor of their time.
        self >= Self::WITH_OFFSET
    }

    /// Reads `05.10`, `N05.10`, `N0510` and `0510`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches(['N', 'n']);
        let (major, minor) = match text.split_once('.') {
            Some(parts) => parts,
            None if text.len() == 4 && text.is_ascii() => text.split_at(2),
            None => return None,
        };
        Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }
}

impl fmt::Display for ProcessingBaseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}.{:02}", self.major, self.minor)
    }
}

impl Serialize for ProcessingBaseline {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Scene metadata from a product or file name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ProductName {
    pub(crate) platform: Option<String>,
    pub(crate) level: Option<ProductLevel>,
    pub(crate) datetime: Option<Timestamp>,
    pub(crate) date: Option<civil::Date>,
    pub(crate) baseline: Option<ProcessingBaseline>,
    pub(crate) relative_orbit: Option<u16>,
    pub(crate) mgrs_tile: Option<String>,
    pub(crate) product_id: Option<String>,
}

impl ProductName {
    /// Parses product ids of all periods, names of product files, Earth Search's item ids and sen2r's file names.
    pub(crate) fn parse(name: &str) -> Self {
        let name = name.trim_end_matches(['/', '\\']);
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let stem = strip_extension(name);
        let tokens: Vec<&str> = stem.split('_').collect();
        let mut out = Self::default();
        // Old names have the creation time at this position, and the sensing time after a `V`.
        let old = tokens.contains(&"OPER");
        for (i, token) in tokens.iter().enumerate() {
            if i == 0 {
                out.read_platform(token);
            }
            match *token {
                "MSIL1C" | "L1C" => out.level = Some(ProductLevel::L1C),
                "MSIL2A" | "L2A" => out.level = Some(ProductLevel::L2A),
                _ => {}
            }
            let digits = |text: &str, n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
            if let Some(rest) = token.strip_prefix('N')
                && (digits(rest, 4) || (rest.len() == 5 && rest.contains('.')))
            {
                out.baseline = ProcessingBaseline::parse(rest);
            }
            if let Some(rest) = token.strip_prefix('R')
                && digits(rest, 3)
            {
                out.relative_orbit = rest.parse().ok();
            }
            if out.mgrs_tile.is_none() {
                out.mgrs_tile = mgrs_tile(token);
            }
            if out.date.is_none() {
                let sensed = if old { token.strip_prefix('V') } else { Some(*token) };
                if let Some(text) = sensed {
                    if let Ok(at) = civil::DateTime::strptime("%Y%m%dT%H%M%S", text) {
                        out.date = Some(at.date());
                        out.datetime = at.to_zoned(TimeZone::UTC).ok().map(|z| z.timestamp());
                    } else if digits(text, 8) {
                        out.date = civil::Date::strptime("%Y%m%d", text).ok();
                    }
                }
            }
        }
        // sen2r: <mission><level>_<date>_<orbit>_<place>_<product>_<resolution>
        if let [mission, date, orbit, ..] = tokens[..]
            && mission.len() == 5
            && mission.starts_with("S2")
            && date.len() == 8
            && orbit.len() == 3
        {
            out.relative_orbit = out.relative_orbit.or_else(|| orbit.parse().ok());
        }
        if out.platform.is_some() && out.level.is_some() && out.baseline.is_some() && out.date.is_some() {
            out.product_id = Some(stem.to_owned());
        }
        out
    }

    fn read_platform(&mut self, token: &str) {
        let Some(rest) = token.strip_prefix("S2") else { return };
        let mut letters = rest.chars();
        let Some(unit @ ('A'..='D')) = letters.next() else { return };
        match letters.as_str() {
            "" => {}
            "1C" => self.level = Some(ProductLevel::L1C),
            "2A" => self.level = Some(ProductLevel::L2A),
            _ => return,
        }
        self.platform = Some(format!("sentinel-2{}", unit.to_ascii_lowercase()));
    }

    /// The values that another source states differently, in words. This source's values are used.
    pub(crate) fn contradictions(&self, source: &str, other: &Self, other_source: &str) -> Vec<String> {
        fn differ<T: PartialEq + ToString>(what: &str, a: Option<&T>, b: Option<&T>) -> Option<[String; 3]> {
            let (a, b) = (a?, b?);
            (a != b).then(|| [what.to_owned(), a.to_string(), b.to_string()])
        }
        // `sentinel-2` and `S2A` say less or the same.
        let unit = |name: &Self| name.platform.clone().filter(|p| p.starts_with("sentinel-2") && p.len() > 10);
        // Sensing may start shortly before midnight.
        let is_next_day = |a: civil::Date, b: civil::Date| a.duration_until(b).as_hours().abs() <= 24;
        let same_day = self.date.zip(other.date).is_some_and(|(a, b)| is_next_day(a, b));
        [
            differ("platform", unit(self).as_ref(), unit(other).as_ref()),
            differ("level", self.level.as_ref(), other.level.as_ref()),
            differ("processing baseline", self.baseline.as_ref(), other.baseline.as_ref()),
            differ("tile", self.mgrs_tile.as_ref(), other.mgrs_tile.as_ref()),
            differ("day", self.date.as_ref().filter(|_| !same_day), other.date.as_ref()),
        ]
        .into_iter()
        .flatten()
        .map(|[what, a, b]| format!("{source} states the {what} {a}, {other_source} states {b}: {a} was used"))
        .collect()
    }

    /// Fills missing values from another name.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            platform: self.platform.or(other.platform),
            level: self.level.or(other.level),
            datetime: self.datetime.or(other.datetime),
            date: self.date.or(other.date),
            baseline: self.baseline.or(other.baseline),
            relative_orbit: self.relative_orbit.or(other.relative_orbit),
            mgrs_tile: self.mgrs_tile.or(other.mgrs_tile),
            product_id: self.product_id.or(other.product_id),
        }
    }
}

/// An MGRS tile id with or without the leading `T`: `T18SVG`, `18SVG`.
pub(crate) fn mgrs_tile(token: &str) -> Option<String> {
    let tile = token.strip_prefix('T').unwrap_or(token);
    let b = tile.as_bytes();
    // Latitude bands are C to X without I and O; so are the letters of the 100 km squares A to Z.
    let letter = |c: u8| c.is_ascii_uppercase() && c != b'I' && c != b'O';
    let valid = b.len() == 5
        && b[..2].iter().all(u8::is_ascii_digit)
        && (1..=60).contains(&tile[..2].parse::<u8>().ok()?)
        && (b'C'..=b'X').contains(&b[2])
        && b[2..].iter().all(|&c| letter(c));
    valid.then(|| tile.to_owned())
}

fn strip_extension(name: &str) -> &str {
    let lower = name.to_ascii_lowercase();
    for extension in [".safe.zip", ".safe", ".zip", ".tif", ".tiff", ".jp2", ".json", ".geojson", ".xml"] {
        if lower.ends_with(extension) {
            return &name[..name.len() - extension.len()];
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_is_found_as_a_token_of_the_name() {
        let band = |name| match layer_of(name) {
            Some(Layer::Band(band)) => Some(band),
            _ => None,
        };
        assert_eq!(band("T10UFV_20210710T190919_B04_10m.jp2"), Some(Band::B04));
        assert_eq!(band("S2A_OPER_MSI_L1C_TL_SGS__20160905T073438_A006291_T53HLA_B8A.jp2"), Some(Band::B8A));
        assert_eq!(band("b8a.TIFF"), Some(Band::B8A));
        assert_eq!(band("B4.tif"), Some(Band::B04));
        assert_eq!(band("red.tif"), Some(Band::B04));
        assert_eq!(band("red_edge_1.tif"), Some(Band::B05));
        assert_eq!(band("green_river_B04.tif"), Some(Band::B04), "an id wins over a word");
        assert_eq!(band("sr_B04_B03.tif"), None, "two bands");
        assert_eq!(band("MSK_DETFOO_B04.jp2"), None);
        assert_eq!(band("T10UFV_20210710T190919_TCI_10m.jp2"), None);
        assert_eq!(band("S2A2A_20170703_022_Barbellino_BOA_10.tif"), None);
        assert_eq!(layer_of("S2A2A_20170703_022_Barbellino_SCL_10.tif"), Some(Layer::Classification));
        assert_eq!(resolution_of("IMG_DATA/R20m/T10UFV_20210710T190919_B04_20m.jp2"), Some(20));
        assert_eq!(resolution_of("IMG_DATA/T32TQM_20170703T101021_B04.jp2"), None);
    }

    #[test]
    fn product_names_of_all_times_are_read() {
        let new = ProductName::parse("S2A_MSIL2A_20240422T173911_N0510_R098_T13TDE_20240423T004950.SAFE");
        assert_eq!(new.platform.as_deref(), Some("sentinel-2a"));
        assert_eq!(new.level, Some(ProductLevel::L2A));
        assert_eq!(new.datetime.unwrap().to_string(), "2024-04-22T17:39:11Z");
        assert_eq!(new.baseline.unwrap().to_string(), "05.10");
        assert_eq!((new.relative_orbit, new.mgrs_tile.as_deref()), (Some(98), Some("13TDE")));
        assert_eq!(new.product_id.as_deref(), Some("S2A_MSIL2A_20240422T173911_N0510_R098_T13TDE_20240423T004950"));

        let old = "S2A_OPER_PRD_MSIL1C_PDMC_20160905T104813_R002_V20160905T005712_20160905T010424.SAFE";
        let old = ProductName::parse(old);
        assert_eq!(old.datetime.unwrap().to_string(), "2016-09-05T00:57:12Z", "not the creation time");
        assert_eq!((old.level, old.relative_orbit), (Some(ProductLevel::L1C), Some(2)));
        let granule = ProductName::parse("S2A_OPER_MSI_L1C_TL_SGS__20160905T073438_A006291_T53HLA_N02.04");
        assert_eq!((granule.date, granule.mgrs_tile.as_deref()), (None, Some("53HLA")));
        assert_eq!(granule.baseline, Some(ProcessingBaseline { major: 2, minor: 4 }));

        let sen2r = ProductName::parse("S2A2A_20170703_022_Barbellino_BOA_10.tif");
        assert_eq!((sen2r.level, sen2r.relative_orbit, sen2r.datetime), (Some(ProductLevel::L2A), Some(22), None));
        assert_eq!(sen2r.date.unwrap().to_string(), "2017-07-03");

        let other = ProductName { baseline: ProcessingBaseline::parse("02.13"), ..new.clone() };
        let said = new.contradictions("the item", &other, "its product id");
        assert_eq!(
            said,
            ["the item states the processing baseline 05.10, its product id states 02.13: 05.10 was used"]
        );
        assert!(new.contradictions("a", &ProductName::default(), "b").is_empty());

        let item = ProductName::parse("S2A_28QCH_20200714_0_L2A");
        assert_eq!((item.mgrs_tile.as_deref(), item.product_id), (Some("28QCH"), None));
        assert_eq!(ProductName::parse("Nevada_R10_TABLE"), ProductName::default());
    }
}
