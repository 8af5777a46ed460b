//! Surface reflectance of all materials of a scene, in the twelve bands of a surface product.
//!
//! Each spectrum names its source:
//! - *earthlib*: medians or percentiles of the earthlib 1.1.0 spectral library (MIT; C. Anderson), averaged over the
//!   widths of Sentinel-2's bands. Laboratory spectra of dry, crushed soils are brighter than fields; a factor, if
//!   given, corrects this.
//! - *measured*: means of Sentinel-2 L2A pixels over the Amazon (forest: NDVI above 0.7; bare: NDVI below 0.25; water:
//!   MNDWI above 0), in six bands, the others interpolated along the library's shape.
//! - *shape*: no measurement available; follows published shapes of the material's spectrum (USGS Spectral Library
//!   Version 7, Kokaly et al. 2017, data series 1035).

use minesegsat_core::Band;

/// The bands of a scene, by wavelength; the order of every [`Spectrum`].
pub(super) const BANDS: [Band; 12] = [
    Band::B01,
    Band::B02,
    Band::B03,
    Band::B04,
    Band::B05,
    Band::B06,
    Band::B07,
    Band::B08,
    Band::B8A,
    Band::B09,
    Band::B11,
    Band::B12,
];

/// Centres of [`BANDS`] in micrometres.
pub(super) const WAVELENGTHS_UM: [f32; 12] = {
    let mut out = [0.0; 12];
    let mut i = 0;
    while i < 12 {
        out[i] = BANDS[i].wavelength_um();
        i += 1;
    }
    out
};

/// Positions in a [`Spectrum`].
pub(super) const GREEN: usize = 2;
pub(super) const RED: usize = 3;
pub(super) const NIR: usize = 7;
pub(super) const SWIR1: usize = 10;

/// Reflectance in [`BANDS`], 0 to 1.
pub(super) type Spectrum = [f32; 12];

/// Spectrum from values in units of 1/10000.
const fn s(values: [u16; 12]) -> Spectrum {
    let mut out = [0.0; 12];
    let mut i = 0;
    while i < 12 {
        out[i] = values[i] as f32 * 1e-4;
        i += 1;
    }
    out
}

/// Mixture of the share `share` of `b` and the rest of `a`.
#[inline]
pub(super) fn mix(a: &Spectrum, b: &Spectrum, share: f32) -> Spectrum {
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * share)
}

/// Multiplies all bands by `factor`.
#[inline]
pub(super) fn scaled(a: &Spectrum, factor: f32) -> Spectrum {
    a.map(|v| v * factor)
}

/// Blends `b` over `a` with the opacity `alpha`.
#[inline]
pub(super) fn cover(a: &mut Spectrum, b: &Spectrum, alpha: f32) {
    for (a, b) in a.iter_mut().zip(b) {
        *a += (b - *a) * alpha;
    }
}

/// Normalised difference of two bands.
#[inline]
pub(super) fn normalised_difference(a: f32, b: f32) -> f32 {
    (a - b) / (a + b).max(1e-4)
}

// Vegetation.

/// Spruce and pine. Shape: needles are darker than leaves, most of all beyond 0.7 um; like the darkest measured forest.
pub(super) const CONIFER: Spectrum = s([150, 185, 330, 210, 540, 1380, 1680, 1800, 1930, 1950, 860, 400]);
/// Aspen, birch, beech in leaf. Earthlib, canopy, darkest fifth in B8A, times 0.9.
pub(super) const DECIDUOUS: Spectrum = s([187, 257, 620, 275, 1075, 2900, 3200, 3245, 3260, 3180, 1400, 560]);
/// The same without leaves: bark and litter. Earthlib, half bark and half litter, times 0.45.
pub(super) const LEAFLESS: Spectrum = s([270, 370, 530, 760, 870, 1010, 1100, 1230, 1320, 1430, 1830, 1290]);
/// Rain forest. Measured, forest.
pub(super) const RAIN_FOREST: Spectrum = s([230, 291, 484, 286, 820, 2350, 2840, 2963, 3150, 3150, 1626, 724]);
/// Regrowth: young broad leaves are brighter. Earthlib, canopy, median, times 0.85.
pub(super) const REGROWTH: Spectrum = s([195, 265, 640, 290, 1110, 3330, 3780, 3800, 3810, 3660, 1750, 720]);
/// Grass in growth. Earthlib, canopy, brightest in B04, mixed with litter.
pub(super) const GRASS: Spectrum = s([290, 420, 860, 560, 1320, 2650, 3050, 3180, 3260, 3240, 2250, 1180]);
/// Cured grass. Earthlib, non-photosynthetic vegetation, median, times 0.85.
pub(super) const DRY_GRASS: Spectrum = s([458, 676, 1016, 1507, 1680, 1844, 1967, 2134, 2250, 2530, 3478, 2446]);
/// A closed crop. Earthlib, canopy, median.
pub(super) const CROP: Spectrum = s([211, 295, 735, 285, 1304, 3974, 4422, 4445, 4452, 4307, 1724, 596]);
/// Stubble and ripe grain. Earthlib, litter and non-photosynthetic vegetation.
pub(super) const STUBBLE: Spectrum = s([560, 790, 1180, 1640, 1830, 2030, 2160, 2350, 2480, 2700, 3350, 2350]);
/// Sedge fen and marsh: dark because of the water below. Shape: grass and wet soil.
pub(super) const WETLAND: Spectrum = s([230, 310, 520, 450, 820, 1600, 1870, 1980, 2060, 2080, 1250, 640]);
/// Sagebrush, saltbush and the like without the soil between. Shape: grey leaves, little red edge.
pub(super) const DESERT_SHRUB: Spectrum = s([420, 500, 720, 760, 1010, 1480, 1650, 1740, 1830, 1900, 1850, 1250]);

// Ground.

/// Dark, humus-rich soil. Earthlib, soil, darkest tenth.
pub(super) const DARK_SOIL: Spectrum = s([442, 529, 760, 1150, 1300, 1430, 1530, 1630, 1690, 1820, 2500, 2300]);
/// Brown soil. Earthlib, soil, second fifth by brightness, times 0.8.
pub(super) const BROWN_SOIL: Spectrum = s([572, 713, 1092, 1759, 1961, 2137, 2246, 2319, 2360, 2493, 3326, 2980]);
/// Pale desert soil. Earthlib, soil, median, times 0.85 (less in the red, as in less red soils).
pub(super) const PALE_SOIL: Spectrum = s([990, 1230, 1700, 2290, 2480, 2660, 2790, 2900, 2970, 3110, 3900, 3500]);
/// Laterite. Earthlib, soil, reddest tenth, times 0.75.
pub(super) const RED_SOIL: Spectrum = s([325, 392, 757, 1866, 2131, 2342, 2382, 2309, 2255, 2407, 3436, 2720]);
/// Cleared land of the Amazon. Measured, bare, times 0.8 (the mean has fresh clearings and roofs in it).
pub(super) const CLEARED_SOIL: Spectrum = s([760, 1000, 1400, 1810, 1930, 2050, 2150, 2250, 2300, 2380, 2500, 1900]);
/// Crust of a dry lake: clay and salt. Shape: flat and bright, darker beyond 1.4 um because of water in salts.
pub(super) const PLAYA: Spectrum = s([2050, 2500, 3150, 3700, 3850, 3950, 4020, 4080, 4100, 4080, 4150, 3400]);
/// Sand. Earthlib, sand, median, times 0.95.
pub(super) const SAND: Spectrum = s([1551, 1816, 2316, 2640, 2699, 2771, 2825, 2852, 2858, 2862, 3590, 3400]);
/// River gravel. Earthlib, gravel, median.
pub(super) const GRAVEL: Spectrum = s([1200, 1380, 1680, 1880, 1940, 2010, 2050, 2070, 2070, 2080, 2500, 2150]);
/// Snow, some days old. Shape: grains of 0.2 to 0.5 mm (Warren 1982).
pub(super) const SNOW: Spectrum = s([8700, 8800, 8800, 8700, 8600, 8450, 8300, 8050, 7850, 7000, 1000, 800]);

// Water.

/// Clear, deep. Shape: pure water over a dark ground.
pub(super) const CLEAR_WATER: Spectrum = s([210, 215, 190, 115, 95, 75, 70, 62, 55, 48, 30, 20]);
/// With rock flour: lakes below glaciers, and settled process water.
pub(super) const TURQUOISE_WATER: Spectrum = s([620, 830, 1050, 520, 330, 180, 165, 125, 90, 70, 30, 20]);
/// With silt. Shape: like the mean of the measured water, without sunglint and sand banks.
pub(super) const TURBID_WATER: Spectrum = s([420, 560, 900, 980, 860, 480, 450, 360, 290, 230, 90, 55]);
/// Opaque with mud. Shape: some 500 mg/l of sediment, saturated in red and still bright at 0.85 um (Doxaran et al. 2002).
pub(super) const MUDDY_WATER: Spectrum = s([740, 930, 1430, 1880, 1950, 1500, 1530, 1330, 1080, 640, 140, 80]);
/// With algae and humus.
pub(super) const GREEN_WATER: Spectrum = s([190, 240, 420, 250, 330, 210, 215, 180, 150, 120, 60, 35]);

// Built.

/// Asphalt, aged. Earthlib, parking lot and road, medians.
pub(super) const ASPHALT: Spectrum = s([755, 800, 880, 930, 943, 956, 970, 990, 1000, 1020, 1190, 1180]);
/// Concrete. Earthlib, sidewalk, median, times 0.8.
pub(super) const CONCRETE: Spectrum = s([1440, 1650, 2010, 2236, 2290, 2370, 2430, 2450, 2450, 2530, 3000, 2800]);
/// Metal roofs. Earthlib, metal, upper tenth.
pub(super) const METAL_ROOF: Spectrum = s([1976, 2152, 2468, 2369, 2492, 2744, 2943, 3071, 3117, 3136, 3155, 3137]);
/// Bright painted roofs. Earthlib, paint, upper tenth.
pub(super) const WHITE_ROOF: Spectrum = s([3600, 3900, 4200, 4600, 4750, 4800, 4850, 4850, 4800, 4700, 4300, 3300]);
/// Clay tiles. Earthlib, tile, median, times 0.85.
pub(super) const TILE_ROOF: Spectrum = s([423, 468, 766, 1669, 1879, 2087, 2189, 2119, 2099, 2321, 4300, 4400]);
/// Shingles. Earthlib, composition shingle, median, times 0.8.
pub(super) const SHINGLE_ROOF: Spectrum = s([774, 839, 1005, 1314, 1345, 1345, 1335, 1323, 1310, 1320, 1243, 1125]);
/// Black liner of a solution pond. Shape: polyethylene.
pub(super) const LINER: Spectrum = s([330, 340, 350, 360, 365, 370, 375, 380, 385, 390, 420, 410]);

/// Spectra of a rock: freshly broken, weathered, and ground to powder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lithology {
    pub(super) fresh: Spectrum,
    pub(super) weathered: Spectrum,
    pub(super) fines: Spectrum,
}

/// Granite and porphyry: grey, weathering to tan. Fresh: like earthlib's bridge and gravel, medians, times 0.8.
pub(super) const GRANITE: Lithology = Lithology {
    fresh: s([1050, 1180, 1380, 1500, 1530, 1560, 1580, 1600, 1610, 1630, 1850, 1620]),
    weathered: s([820, 980, 1350, 1790, 1920, 2030, 2100, 2150, 2180, 2250, 2780, 2350]),
    fines: s([1380, 1580, 1900, 2080, 2130, 2170, 2200, 2220, 2230, 2250, 2450, 2050]),
};
/// Basalt, schist, amphibolite: dark, weathering to brown.
pub(super) const BASALT: Lithology = Lithology {
    fresh: s([560, 620, 710, 770, 800, 830, 860, 880, 900, 930, 1150, 1030]),
    weathered: s([520, 620, 860, 1200, 1330, 1420, 1470, 1500, 1530, 1620, 2050, 1800]),
    fines: s([780, 880, 1020, 1110, 1150, 1190, 1220, 1250, 1270, 1300, 1480, 1300]),
};
/// Limestone, marble, kaolin: white. Shape: carbonate and clay absorption in B12.
pub(super) const LIMESTONE: Lithology = Lithology {
    fresh: s([2300, 2650, 3150, 3450, 3560, 3640, 3700, 3750, 3760, 3780, 3900, 3150]),
    weathered: s([1450, 1700, 2150, 2550, 2680, 2780, 2850, 2900, 2930, 2980, 3350, 2750]),
    fines: s([2900, 3300, 3800, 4100, 4200, 4280, 4340, 4380, 4400, 4400, 4450, 3500]),
};
/// Banded iron formation: dark purple, weathering to rust. Shape: hematite, absorbing at 0.53 and 0.86 um.
pub(super) const IRONSTONE: Lithology = Lithology {
    fresh: s([560, 600, 680, 930, 1040, 1110, 1110, 1080, 1110, 1230, 1680, 1580]),
    weathered: s([390, 470, 760, 1500, 1700, 1800, 1780, 1720, 1740, 1950, 2750, 2250]),
    fines: s([520, 590, 800, 1350, 1520, 1610, 1600, 1560, 1590, 1780, 2350, 2000]),
};
/// Bauxite and nickel laterite: orange red. Half earthlib's reddest soils, half the bare ground measured.
pub(super) const LATERITE: Lithology = Lithology {
    fresh: s([680, 860, 1320, 2120, 2330, 2520, 2590, 2590, 2600, 2740, 3350, 2600]),
    weathered: s([540, 680, 1100, 1880, 2090, 2270, 2320, 2300, 2290, 2430, 3120, 2450]),
    fines: s([800, 1010, 1560, 2450, 2670, 2860, 2930, 2930, 2930, 3060, 3650, 2800]),
};
/// Sandstone and rhyolite: tan. Like earthlib's gravel of soils, upper half.
pub(super) const SANDSTONE: Lithology = Lithology {
    fresh: s([1120, 1340, 1750, 2150, 2270, 2370, 2440, 2490, 2520, 2570, 3050, 2600]),
    weathered: s([900, 1080, 1500, 2050, 2220, 2350, 2430, 2480, 2510, 2600, 3200, 2750]),
    fines: s([1480, 1740, 2200, 2600, 2720, 2820, 2890, 2930, 2950, 2980, 3350, 2800]),
};
/// Coal and black shale. Shape: dark, rising slowly.
pub(super) const COAL: Lithology = Lithology {
    fresh: s([380, 400, 430, 460, 475, 490, 505, 520, 530, 550, 760, 800]),
    weathered: s([620, 720, 900, 1090, 1160, 1220, 1270, 1310, 1340, 1400, 1800, 1650]),
    fines: s([300, 315, 335, 355, 365, 375, 385, 400, 405, 420, 560, 590]),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spectra_have_the_shapes_of_their_materials() {
        let ndvi = |s: &Spectrum| normalised_difference(s[NIR], s[RED]);
        for plant in [CONIFER, DECIDUOUS, RAIN_FOREST, REGROWTH, CROP] {
            assert!(ndvi(&plant) > 0.7, "{plant:?}");
        }
        for ground in [DARK_SOIL, PALE_SOIL, RED_SOIL, PLAYA, SAND, GRAVEL, ASPHALT, GRANITE.fresh, LATERITE.fresh] {
            assert!(ndvi(&ground) < 0.35, "{ground:?}");
        }
        for water in [CLEAR_WATER, TURQUOISE_WATER, TURBID_WATER, MUDDY_WATER, GREEN_WATER] {
            assert!(normalised_difference(water[GREEN], water[SWIR1]) > 0.5, "{water:?}");
        }
        assert!(normalised_difference(SNOW[GREEN], SNOW[SWIR1]) > 0.6);
    }

    #[test]
    fn mixtures_lie_between_their_parts() {
        let half = mix(&SNOW, &COAL.fresh, 0.5);
        assert!((0..12).all(|i| half[i] <= SNOW[i].max(COAL.fresh[i]) && half[i] >= SNOW[i].min(COAL.fresh[i])));
        let mut laid = SNOW;
        cover(&mut laid, &COAL.fresh, 0.5);
        assert!((0..12).all(|i| (half[i] - laid[i]).abs() < 1e-6));
    }
}
