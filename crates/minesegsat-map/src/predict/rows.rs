//! Rows of a map on their way to the files: [`RowSink`].

use super::Plan;
use super::canvas::Rows;
use crate::quicklook::Quicklook;
use minesegsat_core::model_description::BandNormalisation;
use minesegsat_core::pixel_class::MASK_NODATA;
use minesegsat_core::polygonize::Polygonizer;
use minesegsat_core::uncertainty::MomentRows;
use minesegsat_core::{Band, Result, Window};
use minesegsat_io::Pixels;
use minesegsat_io::cog::CogWriter;
use minesegsat_scene::Scene;
use minesegsat_scene::patch::{PatchReader, Validity};

/// Receives complete rows of the covered window and passes the output window to all writers.
pub(super) struct RowSink<'a> {
    pub(super) plan: &'a Plan,
    pub(super) threshold: f32,
    pub(super) cog: CogWriter,
    pub(super) polygonizer: Polygonizer,
    pub(super) moments: MomentRows,
    pub(super) counts: [u64; 4],
    pub(super) quicklook: Quicklook,
    pub(super) picture: QuicklookSource<'a>,
}

impl RowSink<'_> {
    pub(super) fn push(&mut self, rows: &Rows) -> Result<()> {
        let (window, covered) = (self.plan.window, self.plan.covered);
        let left = window.col - covered.col;
        let count = rows.probability.len() / covered.width;
        let mut probability = Vec::new();
        let mut validity = Vec::new();
        let mut first = None;
        for r in 0..count {
            let row = covered.row + rows.first + r;
            if row < window.row || row >= window.row_end() {
                continue;
            }
            first.get_or_insert(row);
            let at = r * covered.width + left;
            probability.extend_from_slice(&rows.probability[at..at + window.width]);
            validity.extend_from_slice(&rows.validity[at..at + window.width]);
        }
        let Some(first) = first else { return Ok(()) };
        if let Some(inside) = &self.plan.inside {
            let mut burnt = vec![0; validity.len()];
            inside.burn_rows(first - window.row, 1, &mut burnt);
            for (state, burnt) in validity.iter_mut().zip(burnt) {
                if burnt == 0 {
                    *state = Validity::Outside as u8;
                }
            }
        }
        for (p, state) in probability.iter_mut().zip(&validity) {
            if *state != Validity::Assessable as u8 {
                *p = f32::NAN;
            }
        }
        for (p, state) in probability.chunks_exact(window.width).zip(validity.chunks_exact(window.width)) {
            let mask: Vec<u8> =
                p.iter()
                    .zip(state)
                    .map(|(p, state)| {
                        if *state == Validity::Assessable as u8 { u8::from(*p >= self.threshold) } else { MASK_NODATA }
                    })
                    .collect();
            self.polygonizer.push_row(&mask, p);
            self.moments.push_seen(p);
        }
        for &state in &validity {
            self.counts[usize::from(state)] += 1;
        }
        let rows = Window::new(window.col, first, window.width, validity.len() / window.width);
        self.picture.push(&mut self.quicklook, rows, &validity)?;
        self.cog.write_rows(&[Pixels::F32(probability)])
    }
}

/// Colours of the quicklook: true colour, or the first available bands.
pub(super) struct QuicklookSource<'a> {
    reader: std::borrow::Cow<'a, PatchReader>,
    bands: [Band; 3],
}

impl<'a> QuicklookSource<'a> {
    pub(super) fn new(scene: &Scene, reader: &'a PatchReader) -> Result<Self> {
        let found = scene.bands();
        let true_colour = [Band::B04, Band::B03, Band::B02];
        let bands = if true_colour.iter().all(|band| found.contains(band)) {
            true_colour
        } else {
            let first = found.first().copied().unwrap_or(Band::B04);
            [first, *found.get(1).unwrap_or(&first), *found.get(2).unwrap_or(&first)]
        };
        let reader = if bands.iter().all(|band| reader.has(*band)) {
            std::borrow::Cow::Borrowed(reader)
        } else {
            let identity = [BandNormalisation::IDENTITY; 3];
            std::borrow::Cow::Owned(PatchReader::new(scene, &bands, &identity)?)
        };
        Ok(Self { reader, bands })
    }

    /// In slices, so that three bands of a patch row are never held as floats at once.
    fn push(&self, quicklook: &mut Quicklook, rows: Window, validity: &[u8]) -> Result<()> {
        const SLICE: usize = 64;
        for start in (0..rows.height).step_by(SLICE) {
            let slice = Window { row: rows.row + start, height: SLICE.min(rows.height - start), ..rows };
            let [red, green, blue] = self.bands.map(|band| self.reader.reflectance(band, slice));
            let valid: Vec<u8> = validity[start * rows.width..][..slice.len()]
                .iter()
                .map(|&state| u8::from(state == Validity::Assessable as u8))
                .collect();
            quicklook.push_rows([&red?, &green?, &blue?], &valid, slice.height)?;
        }
        Ok(())
    }
}
