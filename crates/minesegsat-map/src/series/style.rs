//! How QGIS draws `onset.tif`: [`onset_style`].

use std::fmt::Write;

use jiff::ToSpan;
use jiff::civil::Date;

use super::EPOCH;
use super::picture::onset_colour;

/// Most steps between the first and the last colour. Colours between are joined linearly.
const STEPS: i32 = 12;

/// The style of `onset.tif` between two dates, as a QML document of QGIS 3.22: new land in the colours of [`onset_colour`], with
/// dates in the legend. QGIS reads it from the file `onset.qml` beside the raster.
pub fn onset_style([first, last]: [Date; 2]) -> String {
    let [from, until] = [first, last].map(|date| (date - EPOCH).get_days());
    let length = (until - from).max(1);
    let steps = STEPS.min(length);
    let mut items = String::new();
    for step in 0..=steps {
        let day = from + (f64::from(length * step) / f64::from(steps)).round() as i32;
        let position = f64::from(day - from) / f64::from(length);
        let colour = minesegsat_core::hex::encode(&onset_colour(position));
        let date = EPOCH.saturating_add(day.days());
        // Writing into a String cannot fail.
        let _ = write!(items, "<item alpha=\"255\" color=\"#{colour}\" label=\"{date}\" value=\"{day}\"/>");
    }
    format!(
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n\
         <qgis version=\"3.22.0\" styleCategories=\"Symbology\"><pipe>\
         <rasterrenderer type=\"singlebandpseudocolor\" band=\"1\" opacity=\"1\" alphaBand=\"-1\" nodataColor=\"\" \
         classificationMin=\"{from}\" classificationMax=\"{until}\"><rasterTransparency/><rastershader>\
         <colorrampshader colorRampType=\"INTERPOLATED\" classificationMode=\"1\" clip=\"0\" minimumValue=\"{from}\" \
         maximumValue=\"{until}\">{items}</colorrampshader></rastershader></rasterrenderer></pipe><blendMode>0</blendMode></qgis>\n"
    )
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn colours_run_from_the_first_to_the_last_date() {
        // Days 17897 and 18262: `numpy.datetime64('2019-01-01').astype(int)`.
        let style = onset_style([date(2019, 1, 1), date(2020, 1, 1)]);
        for part in [
            "<item alpha=\"255\" color=\"#621980\" label=\"2019-01-01\" value=\"17897\"/>",
            "<item alpha=\"255\" color=\"#fcfdbf\" label=\"2020-01-01\" value=\"18262\"/>",
            "minimumValue=\"17897\" maximumValue=\"18262\"",
        ] {
            assert!(style.contains(part), "{part} in {style}");
        }
        assert_eq!(style.matches("<item").count(), 13);
        // Each day once.
        assert_eq!(onset_style([date(2019, 1, 1), date(2019, 1, 4)]).matches("<item").count(), 4);
    }
}
