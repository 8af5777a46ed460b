//! The SQL functions that triggers of spatial indexes call: those of GDAL, QGIS and GeoPackage clause "RTree Spatial Indexes"
//! (OGC 12-128r19, Annex F.3).

use geozero::GeomProcessor;
use geozero::error::{GeozeroError, Result as GeozeroResult};
use geozero::wkb::process_gpkg_geom;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result};

/// Maximum nesting of geometry collections.
const MAX_DEPTH: usize = 32;

/// Adds `ST_IsEmpty`, `ST_MinX`, `ST_MaxX`, `ST_MinY` and `ST_MaxY` to a connection.
pub(super) fn add(database: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    database.create_scalar_function("ST_IsEmpty", 1, flags, |context| {
        Ok(blob(context).map(|blob| bounds(blob).is_none()))
    })?;
    for (name, side) in [("ST_MinX", 0), ("ST_MaxX", 1), ("ST_MinY", 2), ("ST_MaxY", 3)] {
        database.create_scalar_function(name, 1, flags, move |context| {
            Ok(blob(context).and_then(bounds).map(|bounds| bounds[side]))
        })?;
    }
    Ok(())
}

fn blob<'a>(context: &'a Context<'_>) -> Option<&'a [u8]> {
    match context.get_raw(0) {
        ValueRef::Blob(blob) => Some(blob),
        _ => None,
    }
}

/// Minimum and maximum x, minimum and maximum y of a GeoPackage geometry; `None` if it has no positions or cannot be read.
fn bounds(mut blob: &[u8]) -> Option<[f64; 4]> {
    let mut bounds = Bounds { sides: [f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY, f64::NEG_INFINITY], depth: 0 };
    process_gpkg_geom(&mut blob, &mut bounds).ok()?;
    (bounds.sides[0] <= bounds.sides[1] && bounds.sides[2] <= bounds.sides[3]).then_some(bounds.sides)
}

struct Bounds {
    sides: [f64; 4],
    depth: usize,
}

impl GeomProcessor for Bounds {
    fn xy(&mut self, x: f64, y: f64, _: usize) -> GeozeroResult<()> {
        let [min_x, max_x, min_y, max_y] = self.sides;
        // `min` and `max` ignore NaN, which stands for an empty point.
        self.sides = [min_x.min(x), max_x.max(x), min_y.min(y), max_y.max(y)];
        Ok(())
    }

    fn geometrycollection_begin(&mut self, _: usize, _: usize) -> GeozeroResult<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(GeozeroError::Geometry(format!("its collections are nested more than {MAX_DEPTH} deep")));
        }
        Ok(())
    }

    fn geometrycollection_end(&mut self, _: usize) -> GeozeroResult<()> {
        self.depth -= 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use geo::{MultiPolygon, polygon};
    use minesegsat_vector::vector::gpkg;

    use super::*;

    #[test]
    fn triggers_of_spatial_indexes_find_their_functions() {
        let database = Connection::open_in_memory().unwrap();
        add(&database).unwrap();
        let square =
            MultiPolygon(vec![polygon![(x: 1.0, y: 2.0), (x: 4.0, y: 2.0), (x: 4.0, y: 7.0), (x: 1.0, y: 2.0)]]);
        let query = "SELECT ST_IsEmpty(?1), ST_MinX(?1), ST_MaxX(?1), ST_MinY(?1), ST_MaxY(?1)";
        let of = |value: Option<Vec<u8>>| -> (Option<bool>, [Option<f64>; 4]) {
            database
                .query_row(query, [value], |row| {
                    Ok((row.get(0)?, [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?]))
                })
                .unwrap()
        };
        let blob = gpkg::blob(&square.into(), 4326).unwrap();
        assert_eq!(of(Some(blob)), (Some(false), [Some(1.0), Some(4.0), Some(2.0), Some(7.0)]));
        let empty = gpkg::blob(&MultiPolygon::<f64>(Vec::new()).into(), 4326).unwrap();
        assert_eq!(of(Some(empty)), (Some(true), [None; 4]));
        assert_eq!(of(None), (None, [None; 4]));
        // A count that the blob does not hold.
        let mut wrong = b"GP\0\x01\xe6\x10\0\0\x01\x06\0\0\0".to_vec();
        wrong.extend([0xff; 4]);
        assert_eq!(of(Some(wrong)), (Some(true), [None; 4]));
    }
}
