//! Tiles. Not yet there.

use std::path::Path;
use std::sync::Arc;

use axum::http::HeaderMap;

use crate::answer::Answer;
use crate::problem::Problem;
use crate::query::Query;

/// What can be drawn of a map.
#[derive(Debug, Clone, Default)]
pub(crate) struct Drawable {
    pub(crate) layers: Vec<&'static str>,
    pub(crate) bounds: Option<[f64; 4]>,
    pub(crate) zooms: Option<(u8, u8)>,
}

/// Draws tiles.
#[derive(Debug, Clone)]
pub(crate) struct Tiles {
    _inner: Arc<()>,
}

impl Tiles {
    pub(crate) fn new() -> Self {
        Self { _inner: Arc::new(()) }
    }

    pub(crate) fn drawable_observation(&self, _folder: &Path) -> Drawable {
        Drawable::default()
    }

    pub(crate) fn drawable_map(&self, _folder: &Path) -> Drawable {
        Drawable::default()
    }

    pub(crate) fn counts(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}

pub(crate) async fn site_tile(_query: Query, _headers: HeaderMap) -> Answer {
    Err(Problem::not_found("no tiles yet"))
}
pub(crate) use site_tile as site_tilejson;
pub(crate) use site_tile as prediction_tile;
pub(crate) use site_tile as prediction_tilejson;
pub(crate) use site_tile as vector_tile;
