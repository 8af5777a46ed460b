//! The files of a merge.

use geo::Geometry;
use minesegsat_core::output::OutputFolder;
use minesegsat_core::{Crs, Grid, Result};
use minesegsat_vector::vector::{
    ColumnType, FeatureLayer, LayerFormat, LayerStyle, ShapeType, ToLonLat, Value, write_layer, write_lon_lat,
};

use super::{Feature, LAND_FGB, LAND_GPKG, LAND_PARQUET};
use crate::project::Project;

/// Name of the mask of a CRS in a period.
pub(crate) fn mask_name(project: &Project, period: usize, epsg: u16) -> String {
    format!("mask-{}-{epsg}.tif", project.plan.periods[period].name)
}

/// Names of the files of a mask: the mask, and the names and colours of its classes.
pub(super) fn mask_names(project: &Project, period: usize, epsg: u16) -> [String; 2] {
    let name = mask_name(project, period, epsg);
    [format!("{name}.aux.xml"), name]
}

/// Writes the polygons.
pub(super) fn write_land(project: &Project, features: &[Feature], output: &OutputFolder) -> Result<()> {
    let plan = &project.plan;
    let rows = features.iter().map(|feature| {
        let period = &plan.periods[feature.period];
        let parents = if feature.parents.is_empty() { Value::Null } else { Value::Text(feature.parents.join(" ")) };
        let values = vec![
            Value::Text(feature.id.clone()),
            Value::Text(period.name.clone()),
            Value::Date(period.first),
            Value::Date(period.last),
            Value::Real(feature.area_ha),
            Value::Real(feature.mean_probability),
            Value::Real(feature.max_probability),
            Value::Boolean(feature.touches_unseen),
            parents,
        ];
        (Geometry::MultiPolygon(feature.geometry.clone()), values)
    });
    let layer = FeatureLayer {
        name: "land",
        title: "Mining-disturbed land".to_owned(),
        description: format!(
            "Mining-disturbed land found by the model {} in the scenes of each period.",
            plan.model.title
        ),
        datetime: None,
        metadata: serde_json::json!({
            "model": plan.model.title,
            "model_sha256": plan.model.sha256,
            "threshold": plan.model.threshold,
            "min_area_m2": plan.min_area_m2,
            "catalogue": plan.catalogue,
            "units": plan.units.len(),
        })
        .to_string(),
        shape: ShapeType::MultiPolygon,
        columns: vec![
            ("id", ColumnType::Text),
            ("period", ColumnType::Text),
            ("first_day", ColumnType::Date),
            ("last_day", ColumnType::Date),
            ("area_ha", ColumnType::Real),
            ("mean_probability", ColumnType::Real),
            ("max_probability", ColumnType::Real),
            ("touches_unseen", ColumnType::Boolean),
            ("parents", ColumnType::OptionalText),
        ],
        choices: Vec::new(),
        style: Some(LayerStyle::disturbed()),
        features: rows.collect(),
    };
    write_lon_lat(&output.path(LAND_PARQUET), LayerFormat::GeoParquet, &layer)?;
    write_lon_lat(&output.path(LAND_FGB), LayerFormat::FlatGeobuf, &layer)?;
    write_lon_lat(&output.path(LAND_GPKG), LayerFormat::GeoPackage, &layer)
}

/// Name of the index of the masks of a period.
pub(super) fn index_name(project: &Project, period: usize) -> String {
    format!("masks-{}.gti.gpkg", project.plan.periods[period].name)
}

/// Writes an index of the masks of a period, which GDAL opens as one raster (its driver GTI).
pub(super) fn write_index(project: &Project, period: usize, grids: &[&Grid], output: &OutputFolder) -> Result<()> {
    let mut features = Vec::new();
    for grid in grids {
        let [min_x, min_y, max_x, max_y] = grid.bounds();
        let outline = geo::Rect::new((min_x, min_y), (max_x, max_y)).to_polygon();
        let outline = ToLonLat::new(&grid.crs)?.run(&outline.into())?;
        let name = mask_name(project, period, grid.crs.epsg());
        features.push((Geometry::MultiPolygon(outline), vec![Value::Text(name), Value::Text(grid.crs.to_string())]));
    }
    let layer = FeatureLayer {
        name: "masks",
        title: format!("Masks of mining-disturbed land, {}", project.plan.periods[period].name),
        description: "GDAL opens this file as one raster: 1 is disturbed, 0 is not, 255 was not assessed.".to_owned(),
        datetime: None,
        metadata: serde_json::json!({ "model": project.plan.model.title }).to_string(),
        shape: ShapeType::MultiPolygon,
        columns: vec![("location", ColumnType::Text), ("crs", ColumnType::Text)],
        choices: Vec::new(),
        style: None,
        features,
    };
    write_layer(&output.path(&index_name(project, period)), &Crs::WGS84, &layer)
}
