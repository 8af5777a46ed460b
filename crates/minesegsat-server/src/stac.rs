//! STAC API 1.0.0 (core, collections, features, item search). Its collections are `scenes` (observations of sites) and
//! `predictions` (maps of boxes).

mod catalog;
mod item;
mod items;
mod search;

pub(crate) use self::catalog::{collection, collections, conformance, landing};
pub(crate) use self::items::{item, items};
pub(crate) use self::search::{search, search_post};
