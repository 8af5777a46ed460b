//! Colours for values: [`ColourMap`].

/// A perceptually uniform colour map that is readable with colour-vision deficiency.
///
/// Control points, equally spaced and joined linearly in sRGB. Vik and bamako are F. Crameri's scientific colour maps 8 (Zenodo,
/// doi:10.5281/zenodo.1243862, MIT licence; F. Crameri, G. Shephard, P. Heron, "The misuse of colour in science
/// communication", Nature Communications 11, 5444, 2020); none of their channels is off by more than 7 of 255. Magma is by
/// S. van der Walt and N. Smith (CC0), off by at most 11.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColourMap {
    points: &'static [[u8; 3]],
    is_reversed: bool,
}

/// `cmcrameri.cm.vik.colors[round(i * 255 / 16)] * 255` for i from 0 to 16.
const VIK: [[u8; 3]; 17] = [
    [0, 18, 97],
    [2, 43, 113],
    [3, 68, 129],
    [12, 94, 146],
    [48, 125, 166],
    [97, 158, 189],
    [148, 190, 210],
    [198, 219, 230],
    [236, 229, 224],
    [233, 204, 186],
    [220, 172, 144],
    [207, 142, 104],
    [195, 114, 67],
    [179, 83, 31],
    [148, 47, 6],
    [116, 21, 6],
    [89, 0, 8],
];

/// `cmcrameri.cm.bamako.colors[round(i * 255 / 12)] * 255` for i from 0 to 12.
const BAMAKO: [[u8; 3]; 13] = [
    [0, 59, 71],
    [10, 65, 65],
    [22, 72, 58],
    [37, 82, 49],
    [54, 94, 38],
    [75, 107, 25],
    [99, 122, 10],
    [124, 134, 0],
    [152, 141, 3],
    [180, 160, 34],
    [208, 183, 74],
    [233, 208, 126],
    [255, 229, 173],
];

/// `matplotlib.colormaps['magma'].colors[i]` for i from 0 to 255 in steps of 15.
const MAGMA: [[u8; 3]; 18] = [
    [0, 0, 4],
    [9, 7, 32],
    [26, 16, 66],
    [49, 17, 101],
    [74, 16, 121],
    [98, 25, 128],
    [121, 34, 130],
    [145, 43, 129],
    [170, 51, 125],
    [194, 59, 117],
    [217, 70, 107],
    [236, 88, 96],
    [247, 114, 92],
    [252, 142, 100],
    [254, 170, 116],
    [254, 198, 138],
    [253, 226, 163],
    [252, 253, 191],
];

impl ColourMap {
    /// Blue over white to red-brown, for values with a meaningful zero.
    pub const VIK: Self = Self { points: &VIK, is_reversed: false };
    /// Red-brown over white to blue.
    pub const VIK_REVERSED: Self = Self { points: &VIK, is_reversed: true };
    /// Sand to dark green.
    pub const BAMAKO_REVERSED: Self = Self { points: &BAMAKO, is_reversed: true };
    /// Black over violet and orange to pale yellow.
    pub const MAGMA: Self = Self { points: &MAGMA, is_reversed: false };

    /// The colour (red, green, blue) of a position from 0 to 1. Positions beyond have the colour of the nearer end.
    pub fn colour(&self, position: f32) -> [u8; 3] {
        let position = position.clamp(0.0, 1.0);
        let position = if self.is_reversed { 1.0 - position } else { position };
        let last = self.points.len() - 1;
        let at = position * last as f32;
        let first = (at as usize).min(last - 1);
        let part = at - first as f32;
        let (a, b) = (self.points[first], self.points[first + 1]);
        std::array::from_fn(|i| (f32::from(a[i]) * (1.0 - part) + f32::from(b[i]) * part).round() as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_follow_the_published_maps() {
        // cmcrameri 1.10: [round(c * 255) for c in cm.vik.colors[i]] and the same of bamako
        for (map, index, expected) in [
            (ColourMap::VIK, 0, [0, 18, 97]),
            (ColourMap::VIK, 20, [2, 49, 117]),
            (ColourMap::VIK, 77, [87, 152, 185]),
            (ColourMap::VIK, 100, [160, 197, 216]),
            (ColourMap::VIK, 127, [235, 230, 226]),
            (ColourMap::VIK, 150, [228, 190, 168]),
            (ColourMap::VIK, 201, [187, 96, 45]),
            (ColourMap::VIK, 236, [122, 26, 6]),
            (ColourMap::VIK, 255, [89, 0, 8]),
            (ColourMap::BAMAKO_REVERSED, 255, [0, 59, 71]),
            (ColourMap::BAMAKO_REVERSED, 224, [15, 68, 62]),
            (ColourMap::BAMAKO_REVERSED, 156, [68, 102, 30]),
            (ColourMap::BAMAKO_REVERSED, 95, [139, 137, 0]),
            (ColourMap::BAMAKO_REVERSED, 33, [220, 194, 98]),
        ] {
            let found = map.colour(index as f32 / 255.0);
            let off = found.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max().unwrap_or(0);
            assert!(off <= 7, "{index}: {found:?} is not {expected:?}");
        }
        assert_eq!(ColourMap::VIK.colour(-3.0), ColourMap::VIK_REVERSED.colour(1.0));
        assert_eq!(ColourMap::VIK.colour(f32::INFINITY), VIK[16]);
    }

    #[test]
    fn the_green_map_grows_darker_throughout() {
        let luma = |c: [u8; 3]| 0.2126 * f32::from(c[0]) + 0.7152 * f32::from(c[1]) + 0.0722 * f32::from(c[2]);
        let lumas: Vec<f32> = (0..=20).map(|i| luma(ColourMap::BAMAKO_REVERSED.colour(i as f32 / 20.0))).collect();
        assert!(lumas.windows(2).all(|pair| pair[0] > pair[1]), "{lumas:?}");
    }
}
