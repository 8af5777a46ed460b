//! How programs draw a layer: one colour per class, as a QGIS style (QML) and for KML.

use std::fmt::Write;

use minesegsat_core::pixel_class::{DISTURBED_COLOUR, GAIN_COLOUR, LOSS_COLOUR, STABLE_COLOUR};

/// Opacity of the fill of polygons, 0 to 1. The ground stays visible.
pub(super) const FILL_OPACITY: f64 = 0.5;
/// Width of outlines in millimetres.
const OUTLINE_MM: f64 = 0.4;
/// Width of outlines in pixels, the unit of SLD.
const OUTLINE_PX: u8 = 1;

/// How a layer is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerStyle {
    /// Column whose text selects the class. `None`: all features are of the first class.
    pub column: Option<&'static str>,
    /// The classes. Features of other values are not drawn by QGIS.
    pub classes: Vec<StyleClass>,
}

/// Features that are drawn alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StyleClass {
    /// Value of the column.
    pub value: &'static str,
    /// Label in the legend.
    pub label: &'static str,
    /// Red, green and blue.
    pub colour: [u8; 3],
}

/// Names of columns for people, with units. A layer has some of them.
const COLUMN_NAMES: [(&str, &str); 22] = [
    ("id", "Number"),
    ("area_ha", "Area (ha)"),
    ("perimeter_m", "Perimeter (m)"),
    ("mean_probability", "Mean probability (0 to 1)"),
    ("max_probability", "Highest probability (0 to 1)"),
    ("mean_difference", "Mean difference of probability"),
    ("touches_edge", "Touches the edge of the map"),
    ("touches_nodata", "Touches land that was not seen"),
    ("change", "Change"),
    ("kind", "Kind"),
    ("site", "Site"),
    ("site_name", "Name of the site"),
    ("observation", "Observation"),
    ("date", "Date"),
    ("since", "Since"),
    ("above_noise", "Change of the site is above its noise floor"),
    ("verdict", "Verdict"),
    ("threshold", "Threshold of the probability"),
    ("model", "Model"),
    ("model_sha", "SHA-256 of the model (first 12 digits)"),
    ("scenes", "Scenes"),
    ("fid", "Row"),
];

const DISTURBED: StyleClass = StyleClass { value: "disturbed", label: "Disturbed land", colour: DISTURBED_COLOUR };
const STABLE: StyleClass = StyleClass { value: "stable", label: "Disturbed on both dates", colour: STABLE_COLOUR };
const GAIN: StyleClass = StyleClass { value: "gain", label: "Gain: newly disturbed", colour: GAIN_COLOUR };
const LOSS: StyleClass = StyleClass { value: "loss", label: "Loss: no longer disturbed", colour: LOSS_COLOUR };

impl LayerStyle {
    /// Disturbed land of one date.
    pub fn disturbed() -> Self {
        Self { column: None, classes: vec![DISTURBED] }
    }

    /// Change between two dates, by a column with `stable`, `gain` and `loss`.
    pub fn change(column: &'static str) -> Self {
        Self { column: Some(column), classes: vec![STABLE, GAIN, LOSS] }
    }

    /// Disturbed land and its change, by a column with `disturbed`, `gain` and `loss`.
    pub fn land(column: &'static str) -> Self {
        Self { column: Some(column), classes: vec![DISTURBED, GAIN, LOSS] }
    }

    /// The class of a value of the column.
    pub(super) fn class_of(&self, value: &str) -> Option<&StyleClass> {
        match self.column {
            None => self.classes.first(),
            Some(_) => self.classes.iter().find(|class| class.value == value),
        }
    }

    /// The style as a QML document of QGIS 3.
    pub(super) fn qml(&self) -> String {
        let mut symbols = String::new();
        for (number, class) in self.classes.iter().enumerate() {
            let [red, green, blue] = class.colour;
            // Writing into a String cannot fail.
            let _ = write!(
                symbols,
                "<symbol type=\"fill\" name=\"{number}\" alpha=\"1\" clip_to_extent=\"1\" force_rhr=\"0\">\
                 <layer class=\"SimpleFill\" enabled=\"1\" locked=\"0\" pass=\"0\"><Option type=\"Map\">\
                 <Option name=\"color\" type=\"QString\" value=\"{red},{green},{blue},{alpha:.0}\"/>\
                 <Option name=\"style\" type=\"QString\" value=\"solid\"/>\
                 <Option name=\"outline_color\" type=\"QString\" value=\"{red},{green},{blue},255\"/>\
                 <Option name=\"outline_style\" type=\"QString\" value=\"solid\"/>\
                 <Option name=\"outline_width\" type=\"QString\" value=\"{OUTLINE_MM}\"/>\
                 <Option name=\"outline_width_unit\" type=\"QString\" value=\"MM\"/>\
                 <Option name=\"joinstyle\" type=\"QString\" value=\"miter\"/>\
                 </Option></layer></symbol>",
                alpha = 255.0 * FILL_OPACITY,
            );
        }
        let renderer = match self.column {
            None => format!(
                "<renderer-v2 type=\"singleSymbol\" symbollevels=\"0\" enableorderby=\"0\" forceraster=\"0\"><symbols>{symbols}</symbols></renderer-v2>"
            ),
            Some(column) => {
                let categories: String = self
                    .classes
                    .iter()
                    .enumerate()
                    .map(|(number, StyleClass { value, label, .. })| {
                        format!("<category value=\"{value}\" symbol=\"{number}\" label=\"{label}\" type=\"string\" render=\"true\"/>")
                    })
                    .collect();
                format!(
                    "<renderer-v2 type=\"categorizedSymbol\" attr=\"{column}\" symbollevels=\"0\" enableorderby=\"0\" \
                     forceraster=\"0\"><categories>{categories}</categories><symbols>{symbols}</symbols></renderer-v2>"
                )
            }
        };
        let names: String = COLUMN_NAMES
            .iter()
            .enumerate()
            .map(|(number, (column, name))| format!("<alias index=\"{number}\" field=\"{column}\" name=\"{name}\"/>"))
            .collect();
        format!(
            "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n\
             <qgis version=\"3.22.0\" styleCategories=\"Symbology|Fields\">{renderer}<aliases>{names}</aliases><blendMode>0</blendMode>\
             <layerGeometryType>2</layerGeometryType></qgis>\n"
        )
    }

    /// The style as a Styled Layer Descriptor (OGC SLD 1.1.0), for programs that do not read QML.
    pub(super) fn sld(&self, layer: &str) -> String {
        let mut rules = String::new();
        for StyleClass { value, label, colour: [red, green, blue] } in &self.classes {
            let filter = self.column.map_or_else(String::new, |column| {
                format!(
                    "<ogc:Filter><ogc:PropertyIsEqualTo><ogc:PropertyName>{column}</ogc:PropertyName>\
                     <ogc:Literal>{value}</ogc:Literal></ogc:PropertyIsEqualTo></ogc:Filter>"
                )
            });
            // Writing into a String cannot fail.
            let _ = write!(
                rules,
                "<se:Rule><se:Name>{label}</se:Name>{filter}<se:PolygonSymbolizer><se:Fill>\
                 <se:SvgParameter name=\"fill\">#{red:02x}{green:02x}{blue:02x}</se:SvgParameter>\
                 <se:SvgParameter name=\"fill-opacity\">{FILL_OPACITY}</se:SvgParameter></se:Fill><se:Stroke>\
                 <se:SvgParameter name=\"stroke\">#{red:02x}{green:02x}{blue:02x}</se:SvgParameter>\
                 <se:SvgParameter name=\"stroke-width\">{OUTLINE_PX}</se:SvgParameter></se:Stroke></se:PolygonSymbolizer></se:Rule>"
            );
        }
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <StyledLayerDescriptor version=\"1.1.0\" xmlns=\"http://www.opengis.net/sld\" \
             xmlns:ogc=\"http://www.opengis.net/ogc\" xmlns:se=\"http://www.opengis.net/se\">\
             <NamedLayer><se:Name>{layer}</se:Name><UserStyle><se:FeatureTypeStyle>{rules}</se:FeatureTypeStyle></UserStyle>\
             </NamedLayer></StyledLayerDescriptor>\n"
        )
    }
}
