//! Raster and vector tiles over HTTP.

mod raster;
mod vector;

use minesegsat_tiles::Tile;

pub(crate) use self::raster::{prediction_tile, prediction_tilejson, site_tile, site_tilejson};
pub(crate) use self::vector::vector_tile;
use crate::problem::{Problem, refused};

/// The tile of a path: `z`, `x`, and `y` with its file extension.
fn parse_tile(z: &str, x: &str, y: &str, ending: &str) -> Result<Tile, Problem> {
    let given = || format!("{z}/{x}/{y}");
    let refuse = |accepted: String| Problem::argument("tile", &given(), &accepted);
    let y = y
        .strip_suffix(ending)
        .ok_or_else(|| Problem::not_found(format!("no tile `{}`: tile paths end in `{ending}`", given())))?;
    let number = |text: &str| -> Option<u32> {
        let fits = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if fits { text.parse().ok() } else { None }
    };
    let (Some(z), Some(x), Some(y)) = (number(z).and_then(|z| u8::try_from(z).ok()), number(x), number(y)) else {
        return Err(refuse(format!("zoom, column and row, as in `12/654/1390{ending}`")));
    };
    Tile::new(z, x, y).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_out_of_range_are_refused() {
        assert!(parse_tile("0", "0", "0.png", ".png").is_ok());
        for (z, x, y) in [
            ("0", "1", "0.png"),
            ("25", "0", "0.png"),
            ("-1", "0", "0.png"),
            ("3", "8", "0.png"),
            ("a", "0", "0.png"),
            ("1", "1e0", "0.png"),
            ("300", "0", "0.png"),
        ] {
            let error = parse_tile(z, x, y, ".png").unwrap_err();
            assert_eq!(error.status, 400, "{z}/{x}/{y}");
        }
        assert_eq!(parse_tile("0", "0", "0.jpg", ".png").unwrap_err().status, 404);
    }
}
