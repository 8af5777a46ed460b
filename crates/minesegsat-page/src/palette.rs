//! Colours of pages, for the light and the dark theme.

use std::fmt::Write;

use minesegsat_core::pixel_class::{GAIN_COLOUR, LOSS_COLOUR};

/// Red, green and blue.
pub type Rgb = [u8; 3];

/// True positives: correctly mapped mine. The colours of errors suit any colour vision: M. Okabe, K. Ito, "Color
/// universal design", 2008, <https://jfly.uni-koeln.de/color/>.
pub const TRUE_POSITIVE: Rgb = [235, 230, 200];
/// False positives: mapped as mine, but not a mine.
pub const FALSE_POSITIVE: Rgb = [229, 80, 30];
/// False negatives: missed mine.
pub const FALSE_NEGATIVE: Rgb = [64, 160, 240];
/// Background of pictures, and pixels without an assessment.
pub const PICTURE_GROUND: Rgb = [52, 54, 58];
/// Gain and loss on dark backgrounds: the lighter pair of the scheme of [`GAIN_COLOUR`] and [`LOSS_COLOUR`].
const GAIN_ON_DARK: Rgb = [0xfd, 0xb8, 0x63];
const LOSS_ON_DARK: Rgb = [0xb2, 0xab, 0xd2];

/// CSS custom properties and their colours in the light and the dark theme.
const THEMED: [(&str, &str, &str); 18] = [
    ("ground", "#f6f6f4", "#15171a"),
    ("surface", "#ffffff", "#1f2226"),
    ("raised", "#f0f0ec", "#2a2e33"),
    ("line", "#dcdcd6", "#383d43"),
    ("text", "#1c1d1f", "#ececea"),
    ("faint", "#5a5d61", "#a8acb1"),
    ("accent", "#b34700", "#ff9440"),
    ("on-accent", "#ffffff", "#1c1006"),
    ("bar", "#c9cac4", "#454a51"),
    // Verdicts, each with the background of its panel.
    ("good", "#00705a", "#4fd1a5"),
    ("good-ground", "#e8f5f0", "#14302a"),
    ("caution", "#a85800", "#ffb347"),
    ("caution-ground", "#fdf1dd", "#3a2b12"),
    ("bad", "#a3123a", "#ff8299"),
    ("bad-ground", "#fdeef1", "#3f1a24"),
    ("info", "#2f57ad", "#93b4ff"),
    // Outlines of mines on pictures, and the line below them.
    ("mining", "#ff7a00", "#ff7a00"),
    ("casing", "#140800", "#140800"),
];

/// `#e66101`.
pub fn hex([red, green, blue]: Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// The custom properties of every page, as CSS.
pub fn root() -> String {
    let mut css = ":root {\n  color-scheme: light dark;\n".to_owned();
    let mut property = |name: &str, light: &str, dark: &str| {
        let _ = writeln!(css, "  --{name}: light-dark({light}, {dark});");
    };
    for (name, light, dark) in THEMED {
        property(name, light, dark);
    }
    property("gain", &hex(GAIN_COLOUR), &hex(GAIN_ON_DARK));
    property("loss", &hex(LOSS_COLOUR), &hex(LOSS_ON_DARK));
    for (name, colour) in [
        ("picture-gain", GAIN_COLOUR),
        ("picture-loss", LOSS_COLOUR),
        ("picture-ground", PICTURE_GROUND),
        ("true-positive", TRUE_POSITIVE),
        ("false-positive", FALSE_POSITIVE),
        ("false-negative", FALSE_NEGATIVE),
    ] {
        let _ = writeln!(css, "  --{name}: {};", hex(colour));
    }
    css + "}\n"
}

/// CSS with the colours of the light theme in place of `var(--name)`, for drawings that stand alone.
pub fn in_light(css: &str) -> String {
    let mut css = css.to_owned();
    let mut put = |name: &str, colour: &str| css = css.replace(&format!("var(--{name})"), colour);
    for (name, light, _) in THEMED {
        put(name, light);
    }
    for (names, colour) in [
        (["gain", "picture-gain"], GAIN_COLOUR),
        (["loss", "picture-loss"], LOSS_COLOUR),
        (["picture-ground", "picture-ground"], PICTURE_GROUND),
        (["true-positive", "true-positive"], TRUE_POSITIVE),
        (["false-positive", "false-positive"], FALSE_POSITIVE),
        (["false-negative", "false-negative"], FALSE_NEGATIVE),
    ] {
        for name in names {
            put(name, &hex(colour));
        }
    }
    css
}

/// The colour of a name in the light theme: `#rrggbb`. `None` for other names.
pub fn light(name: &str) -> Option<&'static str> {
    THEMED.into_iter().find_map(|(known, light, _)| (known == name).then_some(light))
}

/// Contrast of two colours, from 1 to 21: WCAG 2.2, "relative luminance" and "contrast ratio",
/// <https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio>.
pub fn contrast(a: Rgb, b: Rgb) -> f64 {
    let luminance = |colour: Rgb| {
        let [red, green, blue] = colour.map(|part| {
            let c = f64::from(part) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rgb(colour: &str) -> Rgb {
        [1, 3, 5].map(|i| u8::from_str_radix(&colour[i..i + 2], 16).unwrap())
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        assert!((contrast([255; 3], [0; 3]) - 21.0).abs() < 1e-9);
        assert_eq!(contrast([118; 3], [118; 3]), 1.0);
        // The lightest grey that is readable on white.
        assert!(contrast([255; 3], [118; 3]) > 4.5 && contrast([119; 3], [255; 3]) < 4.5);
    }

    #[test]
    fn text_and_signs_stand_out_in_light_and_in_dark() {
        let style = root();
        let colour = |name: &str, is_dark: bool| {
            let (_, rest) = style.split_once(&format!("--{name}: light-dark(")).unwrap();
            let (light, dark) = rest.split_once(')').unwrap().0.split_once(", ").unwrap();
            if is_dark { dark } else { light }
        };
        let grounds = ["ground", "surface", "raised", "good-ground", "caution-ground", "bad-ground"];
        for is_dark in [false, true] {
            for (names, least) in [
                (&["text", "faint", "accent"][..], 4.5),
                (&["good", "caution", "bad", "info", "gain", "loss"][..], 3.0),
            ] {
                for name in names {
                    for ground in grounds {
                        let ratio = contrast(rgb(colour(name, is_dark)), rgb(colour(ground, is_dark)));
                        assert!(ratio >= least, "{name} on {ground}, dark {is_dark}: {ratio:.2}");
                    }
                }
            }
        }
    }
}
