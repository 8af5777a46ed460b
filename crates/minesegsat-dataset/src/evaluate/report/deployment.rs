//! What to expect in use: stability of the map, and false land without mines.

use maud::{Markup, html};
use minesegsat_page::table;
use minesegsat_page::text::number;

use super::interval;
use crate::evaluate::evaluation::Estimate;
use crate::evaluate::{ChangeResult, FalseLand, Negatives, Stability};

/// A number and its interval in two cells.
fn cells(numbers: &[(Estimate, usize)]) -> Markup {
    html! {
        @for (estimate, digits) in numbers {
            td { (number(estimate.value, *digits)) }
            td.between { (interval(estimate, *digits).unwrap_or_default()) }
        }
    }
}

/// The head of a table: a column of words, other columns, and two columns for each number.
fn head(first: &[&'static str], columns: &[&'static str]) -> Vec<&'static str> {
    let numbers = columns.iter().flat_map(|column| [*column, "95 % interval"]);
    first.iter().copied().chain(numbers).collect()
}

pub(super) fn stability(stability: &Stability) -> Markup {
    let Stability { patches, sites, f1, changes } = stability;
    let rows = html! {
        @for change in changes {
            tr { th { (change.label) } td { (change.patches) } (cells(&change.columns())) }
        }
    };
    html! {
        h2 { "Stability of the map" }
        p.faint.small {
            "Each of " (patches) " patches in " (sites) " sites is mapped as it is (F1 " (number(f1.value, 3)) ") and changed. \
            Changed pixels: share of pixels whose class changes. Mapped area: its change. F1, difference: after the change minus \
            before it, of the same pixels. Light and offsets change reflectance before normalisation. Processing baselines since \
            04.00 store reflectance plus 0.1."
        }
        div.panel { (table("Stability of the map", &head(&["Change", "Patches"], &ChangeResult::COLUMNS), rows)) }
    }
}

pub(super) fn negatives(negatives: &Negatives) -> Markup {
    let row = |name: &str, land: &FalseLand| {
        html! {
            tr {
                th { (name) } td.words { (land.patches_text()) }
                td { (format!("{:.2}", land.assessed_km2)) } td { (format!("{:.2}", land.false_ha)) }
                (cells(&land.columns()))
            }
        }
    };
    let rows = html! {
        (row("All", &negatives.land))
        @for class in &negatives.cover { (row(&class.name, &class.land)) }
    };
    let first = ["Ground", "<Patches with false land", "Assessed (km2)", "Mapped (ha)"];
    html! {
        h2 { "False land without mines" }
        p.faint.small {
            "All land that is mapped on patches without mines is false. Patches with mines that were left out: "
            (negatives.left_out) ". Polygons: " (negatives.polygons_text())
            ". Where nothing is mapped there is no interval, but an upper bound: that of Clopper and Pearson for none of the sites, \
            and that of a Poisson distribution for polygons."
        }
        div.panel { (table("False land without mines", &head(&first, &FalseLand::COLUMNS), rows)) }
    }
}
