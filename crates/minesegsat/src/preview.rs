//! Pictures to look at scenes and data sets with: sheets of panels as PNG, and one page of HTML to leaf through a set.
//!
//! - [`Layers`] are the rasters of a place, [`View`] is that place as seen from afar: all of them on one coarse grid
//! - [`Panel`] is one way to show it: composites, [`SpectralIndex`], mask, classification
//! - [`render_sheet`] puts panels on a sheet with a [`Heading`]
//! - [`Card`] and [`write_page`] make the page; [`preview_dataset`] makes page and sheets of many places
//!
//! | panel | shows | after |
//! |---|---|---|
//! | `true-colour` | B04 B03 B02 | |
//! | `swir` | B12 B8A B04: bare rock and soil violet to white, vegetation green | B11 or B08 where the others are missing |
//! | `false-colour` | B08 B04 B03: vegetation red | |
//! | `ndvi` | (B08 - B04) / (B08 + B04): vegetation | Rouse et al. 1974 |
//! | `ndbi` | (B11 - B08) / (B11 + B08): built-up and bare | Zha, Gao, Ni 2003 |
//! | `ndwi` | (B03 - B08) / (B03 + B08): open water | McFeeters 1996 |
//! | `bsi` | ((B11 + B04) - (B08 + B02)) / ((B11 + B04) + (B08 + B02)): bare soil | Rikimaru, Roy, Miyatake 2002 |
//! | `mask` | mining land on a dim picture | |
//! | `classification` | the classes of the SCL and their shares | |
//!
//! # Reading from afar
//! A pixel of a view is the mean of the pixels of a band that it covers, each counted by the part of it that is covered,
//! missing ones not at all; it is missing where less than half of it is known. Where it is smaller than a pixel of the
//! band, the same sum over one pixel's width interpolates linearly. The mean is taken over the coarsest overview whose
//! pixels are not larger than those of the view, so that of a whole scene with overviews (those of a COG, or the
//! resolution levels of JPEG 2000) only a small part is decoded. Files without overviews are read whole, strip by strip:
//! reading every n-th row would save little, since blocks are decoded whole, and show noise.
//!
//! Of classes the pixel nearest to the centre is taken.

mod colour_map;
mod dataset;
mod decimate;
mod index;
mod outlier;
mod page;
mod panel;
mod sheet;
mod stretch;
mod view;

pub use colour_map::ColourMap;
pub(crate) use dataset::file_names;
pub use dataset::{DatasetPreview, DatasetPreviewOptions, preview_dataset};
pub use index::SpectralIndex;
pub use outlier::{Outlier, outlier_scores};
pub use page::{Card, Entry, png, thumbnail_side, thumbnail_uri, write_page};
pub(crate) use page::{digest, escaped, filled, href, jpeg_uri, reduce, svg_path};
pub use panel::Panel;
pub use sheet::{Heading, Sheet, render_sheet};
pub use stretch::{Stretch, percentile};
pub use view::{Layer, Layers, View, read_scene};
