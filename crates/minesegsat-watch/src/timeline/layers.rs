//! Files of a series that maps and reports show: rasters of onset and state with their styles, and a picture.

use minesegsat_core::Result;
use minesegsat_core::job::Job;
use minesegsat_core::output::OutputFolder;
use minesegsat_core::pixel_class::{HISTORY_LABELS, HISTORY_PALETTE};
use minesegsat_io::class_file::write_class_file;
use minesegsat_map::series::{Series, SeriesRules, SeriesTotals, onset_style, write_rasters};

/// Onsets, in days.
pub const ONSET: &str = "onset.tif";
/// Colours and dates of `onset.tif`, for QGIS.
const ONSET_STYLE: &str = "onset.qml";
const STATE: &str = "state.tif";
/// Names and colours of the classes of `state.tif`.
const STATE_CLASS_FILE: &str = "state.tif.aux.xml";
/// Picture of onsets and states, with a legend.
pub const ONSET_PICTURE: &str = "onset.png";

/// The rasters, and the picture. Their content is part of records.
pub(crate) const LAYERS: [&str; 3] = [ONSET, STATE, ONSET_PICTURE];
/// The styles. Programs that open the rasters may change them, so they are not part of records.
pub(crate) const STYLES: [&str; 2] = [ONSET_STYLE, STATE_CLASS_FILE];

/// Follows every pixel, and writes [`LAYERS`] and [`STYLES`] as outputs.
pub(crate) fn write_layers(
    series: &Series,
    rules: &SeriesRules,
    output: &OutputFolder,
    job: Job<'_>,
) -> Result<SeriesTotals> {
    let [onset, state, picture] = LAYERS.map(|name| output.path(name));
    let total = write_rasters(series, rules, &onset, &state, &picture, job)?;
    if let (Some(&first), Some(&last)) = (series.dates.first(), series.dates.last()) {
        fs_err::write(output.path(ONSET_STYLE), onset_style([first, last]))?;
    }
    write_class_file(&output.path(STATE_CLASS_FILE), &HISTORY_LABELS, &HISTORY_PALETTE)?;
    Ok(total)
}
