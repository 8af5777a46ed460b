//! Short digests of samples, to notice that a data set has changed: [`fingerprints`].

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Dataset, SampleRecord, is_image};
use minesegsat_core::{Band, Result, hex, parallel};

/// Bytes that are read at each of three places of an image.
const PIECE: u64 = 4096;

/// Digests of the files of a sample, each 16 hexadecimal digits of a SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleFingerprint {
    /// The whole mask, and the meaning of its values.
    pub mask: String,
    /// Sizes of the images and of the scene classification, 4 KiB at the start, the middle and the end of each, and their
    /// conversion to reflectance. Images are not read whole, because they are a thousand times larger than masks.
    pub images: String,
}

/// Digests of samples, in their order.
pub fn fingerprints(dataset: &Dataset, samples: &[&SampleRecord], bands: &[Band]) -> Result<Vec<SampleFingerprint>> {
    parallel::map(samples, |sample| fingerprint(dataset, sample, bands))
}

fn fingerprint(dataset: &Dataset, sample: &SampleRecord, bands: &[Band]) -> Result<SampleFingerprint> {
    let mut mask = Sha256::new_with_prefix(fs_err::read(dataset.mask_file(sample))?);
    mask.update(sample.mask_values.as_ref().map_or_else(String::new, ToString::to_string));
    let mut images = Sha256::new();
    let card = dataset.card();
    let conversion = (sample.scale.unwrap_or(card.scale), sample.offset_dn.unwrap_or(card.offset_dn));
    images.update(format!("{conversion:?}"));
    if is_image(&sample.data_path) {
        images.update(format!("{:?}", dataset.bands_of(sample)));
        add_pieces(&mut images, &dataset.root().join(&sample.data_path))?;
    } else {
        for &band in bands.iter().filter(|band| dataset.bands_of(sample).contains(band)) {
            add_pieces(&mut images, &dataset.band_file(sample, band)?.0)?;
        }
    }
    if let Some(classification) = dataset.classification_file(sample) {
        add_pieces(&mut images, &classification)?;
    }
    let short = |hash: Sha256| hex::encode(&hash.finalize()[..8]);
    Ok(SampleFingerprint { mask: short(mask), images: short(images) })
}

/// Adds the size and three pieces of a file.
fn add_pieces(hash: &mut Sha256, path: &Path) -> Result<()> {
    let mut file = fs_err::File::open(path)?;
    let size = file.metadata()?.len();
    hash.update(size.to_le_bytes());
    let mut piece = Vec::with_capacity(PIECE as usize);
    for start in [0, size / 2, size.saturating_sub(PIECE)] {
        piece.clear();
        file.seek(SeekFrom::Start(start))?;
        (&mut file).take(PIECE).read_to_end(&mut piece)?;
        hash.update(&piece);
    }
    Ok(())
}
