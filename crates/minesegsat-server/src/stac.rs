//! STAC API 1.0.0 (core, collections, features, item search): what was looked at (`scenes`) and what was mapped
//! (`predictions`).

mod catalog;
mod item;
mod items;
mod search;

pub(crate) use self::catalog::{collection, collections, conformance, landing};
pub(crate) use self::items::{item, items};
pub(crate) use self::search::{search, search_post};
