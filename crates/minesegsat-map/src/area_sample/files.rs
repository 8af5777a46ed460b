//! The output files of a design: points to fill in three formats, and the record.

use std::io::{BufWriter, Write};
use std::path::Path;

use geo::{Geometry, Point};
use serde::{Serialize, Serializer};
use serde_json::json;

use super::design::{DESIGN_FILE, Design, SampleRecord};
use super::pixel_area::outline;
use minesegsat_core::output::OutputTree;
use minesegsat_core::{Error, Grid, Result, Window};
use minesegsat_vector::vector::{ColumnType, FeatureLayer, ShapeType, Value, write_layers};

/// Names of the files to fill, in the order in which answers are searched.
pub(super) const SAMPLE_FILES: [&str; 3] = ["samples.csv", "samples.geojson", "samples.gpkg"];
/// Layer of the points.
pub(super) const LAYER: &str = "samples";
/// Column with the id of a point.
pub(super) const ID: &str = "id";
/// Column for the interpreter's answer.
pub(super) const REFERENCE_CLASS: &str = "reference_class";

/// Writes all files into the folder.
pub(super) fn write(tree: &OutputTree, grid: &Grid, design: &Design) -> Result<()> {
    write_csv(&tree.path(SAMPLE_FILES[0])?, design)?;
    write_geojson(&tree.path(SAMPLE_FILES[1])?, design)?;
    write_geopackage(&tree.path(SAMPLE_FILES[2])?, grid, design)?;
    let json = serde_json::to_vec_pretty(design).map_err(std::io::Error::from)?;
    Ok(fs_err::write(tree.path(DESIGN_FILE)?, json)?)
}

/// Names, types and values of a point's fields, in their order.
fn fields(design: &Design, sample: &SampleRecord) -> Vec<(&'static str, ColumnType, Value)> {
    let class = design.strata.iter().find(|stratum| stratum.name == sample.stratum).map_or(0, |stratum| stratum.class);
    let text = |text: &str| Value::Text(text.to_owned());
    let mut fields = vec![(ID, ColumnType::Integer, Value::Integer(sample.id as i64))];
    if !design.blind {
        fields.push(("stratum", ColumnType::Text, text(&sample.stratum)));
        fields.push(("map_class", ColumnType::Text, text(design.class_name(class))));
    }
    fields.extend([
        ("row", ColumnType::Integer, Value::Integer(sample.row as i64)),
        ("col", ColumnType::Integer, Value::Integer(sample.col as i64)),
        ("longitude", ColumnType::Real, Value::Real(sample.longitude)),
        ("latitude", ColumnType::Real, Value::Real(sample.latitude)),
        ("x", ColumnType::Real, Value::Real(sample.x)),
        ("y", ColumnType::Real, Value::Real(sample.y)),
        (REFERENCE_CLASS, ColumnType::OptionalText, Value::Null),
        ("confidence", ColumnType::OptionalText, Value::Null),
        ("remark", ColumnType::OptionalText, Value::Null),
    ]);
    fields
}

/// Instructions for the interpreter.
fn metadata(design: &Design) -> serde_json::Value {
    let classes: Vec<&str> = design.classes.iter().map(|class| class.name.as_str()).collect();
    json!({
        "fill": REFERENCE_CLASS,
        "accepted": classes,
        "crs": format!("EPSG:{}", design.map.grid.epsg),
        "software": design.software,
    })
}

fn write_csv(path: &Path, design: &Design) -> Result<()> {
    let fail = |error: csv::Error| Error::vector(path, "").caused_by(error);
    let mut writer = csv::Writer::from_path(path).map_err(fail)?;
    for (place, sample) in design.samples.iter().enumerate() {
        let fields = fields(design, sample);
        if place == 0 {
            writer.write_record(fields.iter().map(|field| field.0)).map_err(fail)?;
        }
        let cells = fields.iter().map(|(_, _, value)| value.to_string());
        writer.write_record(cells).map_err(fail)?;
    }
    Ok(writer.flush()?)
}

/// The members in their order.
#[derive(Serialize)]
struct Collection {
    r#type: &'static str,
    name: &'static str,
    metadata: serde_json::Value,
    features: Vec<Feature>,
}

#[derive(Serialize)]
struct Feature {
    r#type: &'static str,
    id: u64,
    #[serde(serialize_with = "serialize_fields")]
    properties: Vec<(&'static str, ColumnType, Value)>,
    geometry: serde_json::Value,
}

fn serialize_fields<S: Serializer>(
    fields: &[(&'static str, ColumnType, Value)],
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().map(|(name, _, value)| (name, value)))
}

fn write_geojson(path: &Path, design: &Design) -> Result<()> {
    let feature = |sample: &SampleRecord| Feature {
        r#type: "Feature",
        id: sample.id,
        properties: fields(design, sample),
        geometry: json!({"type": "Point", "coordinates": [sample.longitude, sample.latitude]}),
    };
    let collection = Collection {
        r#type: "FeatureCollection",
        name: LAYER,
        metadata: metadata(design),
        features: design.samples.iter().map(feature).collect(),
    };
    let mut file = BufWriter::new(fs_err::File::create(path)?);
    serde_json::to_writer(&mut file, &collection).map_err(std::io::Error::from)?;
    Ok(file.flush()?)
}

fn write_geopackage(path: &Path, grid: &Grid, design: &Design) -> Result<()> {
    let columns = design.samples.first().map(|sample| fields(design, sample)).unwrap_or_default();
    let points = FeatureLayer {
        name: LAYER,
        title: "Points to interpret".to_owned(),
        description: "A random sample of the pixels of a map; fill `reference_class`".to_owned(),
        datetime: None,
        metadata: metadata(design).to_string(),
        shape: ShapeType::Point,
        columns: columns.iter().map(|(name, kind, _)| (*name, *kind)).collect(),
        choices: vec![(REFERENCE_CLASS, design.classes.iter().map(|class| class.name.clone()).collect())],
        style: None,
        features: design
            .samples
            .iter()
            .map(|sample| {
                let values = fields(design, sample).into_iter().map(|(_, _, value)| value).collect();
                (Geometry::Point(Point::new(sample.x, sample.y)), values)
            })
            .collect(),
    };
    let pixels = FeatureLayer {
        name: "pixels",
        title: "Pixels that the points stand for".to_owned(),
        description: "Enter the class of the land inside in the layer of the points".to_owned(),
        datetime: None,
        metadata: metadata(design).to_string(),
        shape: ShapeType::MultiPolygon,
        columns: vec![(ID, ColumnType::Integer)],
        choices: Vec::new(),
        style: None,
        features: design
            .samples
            .iter()
            .map(|sample| {
                let square = outline(grid, &Window::new(sample.col, sample.row, 1, 1));
                (Geometry::MultiPolygon(square), vec![Value::Integer(sample.id as i64)])
            })
            .collect(),
    };
    write_layers(path, &grid.crs, &[points, pixels])
}
