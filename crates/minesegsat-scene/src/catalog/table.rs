//! Items as a text table.

use super::{Item, SearchArea};
use geo::BooleanOps;
use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::{Crs, Result, on_one_line};

/// Formats a heading and one line per item: id, date, cloud cover, footprint, share of the area, collection.
pub fn table(items: &[Item], area: Option<&SearchArea>) -> Result<String> {
    let meter = GeodesicMeter::new(&Crs::WGS84)?;
    let km2 = |polygons: &geo::MultiPolygon<f64>| meter.measure(polygons).map(|size| size.area_m2 / 1e6);
    let area = area.map(|area| Ok::<_, minesegsat_core::Error>((area, km2(area.polygons())?))).transpose()?;
    let mut rows = vec![["id", "date", "cloud %", "km2", "area %", "collection"].map(str::to_owned)];
    for item in items {
        let footprint = item.footprint();
        let covered = match area {
            Some((area, whole)) => format!("{:.0}", km2(&footprint.intersection(area.polygons()))? / whole * 100.0),
            None => String::new(),
        };
        rows.push([
            on_one_line(item.id()),
            item.interval().map_or_else(String::new, |(at, _)| at.strftime("%Y-%m-%d").to_string()),
            item.cloud_cover_percent().map_or_else(String::new, |cloud| format!("{cloud:.1}")),
            format!("{:.0}", km2(&footprint)?),
            covered,
            on_one_line(item.collection().unwrap_or_default()),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().enumerate().filter(|(column, _)| *column != 4 || area.is_some());
        let line: Vec<String> = cells
            .map(|(column, cell)| {
                let width = widths[column];
                // Numbers are right-aligned, words left-aligned.
                if (2..=4).contains(&column) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
            })
            .collect();
        text += line.join("  ").trim_end();
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::super::query::tests::item;
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let items = [
            item("short", "2021-07-10", Some(3.25), [10.0, 0.0, 11.0, 1.0]),
            item("a-longer-id", "2021-07-11", None, [10.0, 0.0, 10.5, 1.0]),
        ];
        let area = SearchArea::from_bbox([10.0, 0.0, 11.0, 1.0]).unwrap();
        let text = table(&items, Some(&area)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "id           date        cloud %    km2  area %  collection");
        // A square degree at the equator has 12 308 km2 on WGS 84.
        assert_eq!(lines[1], "short        2021-07-10      3.2  12308     100  c");
        assert_eq!(lines[2], "a-longer-id  2021-07-11            6154      50  c");
        assert!(!table(&items, None).unwrap().contains("area %"));
    }
}
