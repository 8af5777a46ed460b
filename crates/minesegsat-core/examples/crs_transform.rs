//! Transforms positions for `scripts/compare_crs.py`: reads lines `from to x y` (EPSG codes) from stdin and writes `x y`
//! or `error: ...` for each.

use std::io::{BufRead, Write};

use minesegsat_core::{Crs, Error, Transformer};

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        match transform(&line?) {
            Ok((x, y)) => writeln!(out, "{x:?} {y:?}")?,
            Err(error) => writeln!(out, "error: {error}")?,
        }
    }
    Ok(())
}

fn transform(line: &str) -> Result<(f64, f64), Error> {
    let bad = || Error::Argument {
        name: "line",
        value: line.to_owned(),
        accepted: "`from to x y`, two EPSG codes and a position".to_owned(),
    };
    let fields: Vec<f64> =
        line.split_whitespace().map(|field| field.parse().map_err(|_| bad())).collect::<Result<_, _>>()?;
    let [from, to, x, y] = fields[..] else { return Err(bad()) };
    Transformer::new(&Crs::from_epsg(from as u16)?, &Crs::from_epsg(to as u16)?)?.transform(x, y)
}
