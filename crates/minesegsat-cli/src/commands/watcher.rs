//! A model that maps scenes of catalogues: for `monitor`, and for what clients of `serve` order.

use std::path::Path;

use minesegsat::catalog::{Catalog, Endpoint};
use minesegsat::monitor::MonitorModel;
use minesegsat::polygonize::Connectivity;
use minesegsat::predict::{AreaOfInterest, PredictOptions};
use minesegsat::vector::VectorFormat;
use minesegsat_nn::{BurnSegmenter, Device, ModelCard, parse_device};

use super::predict::describe;

/// An open model, and how it is run.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) segmenter: BurnSegmenter,
    device: String,
    on_cpu: bool,
}

impl Watcher {
    pub(crate) fn open(model: &Path, device: &str) -> anyhow::Result<Self> {
        let on = parse_device(device)?;
        let segmenter = BurnSegmenter::open(model, &on)?;
        if segmenter.card().area_error.is_none() {
            tracing::warn!(
                "the intervals of areas are a cautious guess: the model's errors were never measured (`minesegsat calibrate`)"
            );
        }
        Ok(Self { segmenter, device: device.to_owned(), on_cpu: on == Device::flex() })
    }

    pub(crate) fn card(&self) -> &ModelCard {
        self.segmenter.card()
    }

    pub(crate) fn monitor_model(&self) -> MonitorModel<'_> {
        let card = self.card();
        MonitorModel {
            segmenter: &self.segmenter,
            description: describe(card),
            max_absent: card.band_dropout_max,
            sha256: card.weights_sha256.clone(),
            area_error: card.area_error.unwrap_or_default(),
            noise_floor: card.noise_floor.unwrap_or_default(),
        }
    }

    /// How a window of a scene is mapped.
    pub(crate) fn predict_options(&self) -> PredictOptions {
        let card = self.card();
        PredictOptions {
            patch_size: card.patch_size,
            overlap_px: card.patch_size / 8,
            batch_size: 1,
            workers: if self.on_cpu { 2 } else { 1 },
            threshold: card.threshold,
            min_area_m2: 0.0,
            connectivity: Connectivity::Four,
            formats: vec![VectorFormat::GeoPackage, VectorFormat::GeoJson],
            area: AreaOfInterest::Scene,
            overwrite: true,
            device: self.device.clone(),
        }
    }
}

/// A catalogue, and the collections of it that are searched: those that are asked for, else the usual one.
pub(crate) fn catalogue(api: &str, collections: &[String]) -> anyhow::Result<(Catalog, Vec<String>)> {
    let endpoint = Endpoint::from_env(api)?;
    let mut collections = collections.to_vec();
    if collections.is_empty() {
        collections.extend(endpoint.default_collection().map(str::to_owned));
    }
    Ok((Catalog::open(&endpoint)?, collections))
}
