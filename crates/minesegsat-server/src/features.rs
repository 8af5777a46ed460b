//! OGC API Features Part 1 (17-069r4): core, GeoJSON, HTML, OpenAPI 3.0.

mod collection;
mod html;
mod items;
mod landing;
mod source;

pub(crate) use self::collection::Extent;
pub(crate) use self::collection::{collection, collections};
pub(crate) use self::html::page as html_page;
pub(crate) use self::items::{item, items};
pub(crate) use self::landing::{CONFORMS_TO, conformance, landing};
