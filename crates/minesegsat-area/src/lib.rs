//! Large areas: many tiles, many dates, many workers, one map.
//!
//! ```text
//! catalogue ── plan ── project: tiles, periods, units and their scenes
//! units ────── run ─── probability.tif of each unit, by any number of workers
//! project ──── merge ─ polygons that are whole across borders, masks, hectares with their interval
//! land ─────── summarize ─ hectares of each zone: province, protected area, concession
//! ```
//! A *tile* is one of the catalogue's grids, such as the MGRS tile 10UFV. A *unit* is a tile in a period, such as
//! `10UFV-2024-Q2`.
//!
//! | module | what it holds |
//! |---|---|
//! | [`store`] | where the files of a project are: a folder, or an object store |
//! | [`project`] | the files of a project: its plan, its units and their records |
//! | [`period`] | years, quarters and months |
//! | [`mod@estimate`] | what an area costs, without a catalogue |
//! | [`mod@plan`] | from a catalogue to a project |
//! | [`ownership`] | which tile owns a place, so that no land counts twice |
//! | [`mod@run`] | maps units; a run can be repeated and resumed, and every worker writes the same bytes |
//! | [`mod@merge`] | one map of all units |
//! | [`mod@summarize`] | hectares by zone |
#![warn(clippy::unwrap_used, clippy::print_stdout)]

pub mod estimate;
pub mod merge;
pub mod ownership;
pub mod period;
pub mod plan;
pub mod project;
pub mod run;
pub mod store;
pub mod summarize;
#[cfg(test)]
mod tests;
mod unit_map;

pub use self::plan::{PlanOptions, PlanReport, plan};
pub use self::project::{Project, Tile, Unit, UnitRecord, UnitState};
pub use self::store::Store;
