//! Pictures of scenes and data sets: sheets of panels as PNG, and an HTML page to browse a data set.
//!
//! - [`Layers`] are the rasters of a place, [`View`] is a reduced copy of them: all on one coarse grid
//! - [`Panel`] is one way to show it: composites, [`SpectralIndex`], mask, classification
//! - [`render_sheet`] puts panels on a sheet with a [`Heading`]
//! - [`Card`] and [`write_page`] make the page; [`preview_dataset`] makes page and sheets of many places
//!
//! | panel | content | source or substitute |
//! |---|---|---|
//! | `true-colour` | B04 B03 B02 | |
//! | `swir` | B12 B8A B04: bare rock and soil violet to white, vegetation green | B11 or B08 if the others are missing |
//! | `false-colour` | B08 B04 B03: vegetation red | |
//! | `ndvi` | (B08 - B04) / (B08 + B04): vegetation | Rouse et al. 1974 |
//! | `ndbi` | (B11 - B08) / (B11 + B08): built-up and bare | Zha, Gao, Ni 2003 |
//! | `ndwi` | (B03 - B08) / (B03 + B08): open water | McFeeters 1996 |
//! | `bsi` | ((B11 + B04) - (B08 + B02)) / ((B11 + B04) + (B08 + B02)): bare soil | Rikimaru, Roy, Miyatake 2002 |
//! | `mask` | mining land on a dim picture | |
//! | `classification` | the classes of the SCL and their shares | |
//!
//! # Reduction
//! A pixel of a view is the mean of the band pixels that it covers. Each counts by its covered part; missing pixels
//! do not count. The result is missing if less than half of the covered part is known. If the view's pixel is smaller
//! than a pixel of the band, the same sum over one pixel's width interpolates linearly.
//!
//! The mean uses the coarsest overview whose pixels are not larger than those of the view. Overviews are those of a
//! COG, or the resolution levels of JPEG 2000. Only a small part of a whole scene with overviews is therefore
//! decoded. Files without overviews are read whole, strip by strip. Reading every n-th row would save little, because
//! blocks are decoded whole, and would show noise.
//!
//! For classes, the pixel nearest to the centre is used.

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
pub use dataset::file_names;
pub use dataset::{DatasetPreview, DatasetPreviewOptions, preview_dataset};
pub use index::SpectralIndex;
pub use outlier::{Outlier, outlier_scores};
pub use page::{
    Card, Entry, SizedPixels, fitting, jpeg_uri, pixels_of_png, png, png_with_texts, reduced, thumbnail,
    thumbnail_side, thumbnail_uri, write_page,
};
pub use panel::Panel;
pub use sheet::{Heading, Sheet, render_sheet};
pub use stretch::{Stretch, percentile};
pub use view::{Layer, Layers, View, read_scene};
