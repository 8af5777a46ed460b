//! Reference numbers of OpenCV, read from `../shared/golden` or the folder that `MINESEGSAT_GOLDEN` names.

use std::path::PathBuf;

use minesegsat::resample::{Resampler, SignedWindow, round_to_u16};
use safetensors::{Dtype, SafeTensors};

fn golden(file: &str) -> Option<Vec<u8>> {
    let folder = std::env::var_os("MINESEGSAT_GOLDEN")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/golden"), PathBuf::from);
    let path = folder.join(file);
    match std::fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            println!("skipped: no reference numbers at {}: {error}", path.display());
            None
        }
    }
}

fn u16s(tensors: &SafeTensors<'_>, name: &str) -> (Vec<u16>, [usize; 2]) {
    let tensor = tensors.tensor(name).unwrap();
    assert_eq!(tensor.dtype(), Dtype::U16, "{name}");
    let values = tensor.data().chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
    (values, [tensor.shape()[0], tensor.shape()[1]])
}

#[test]
fn golden_bicubic_has_no_pixel_different_from_opencv() {
    let Some(bytes) = golden("bicubic.safetensors") else { return };
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut cases = 0;
    for name in tensors.names() {
        let Some((case, factor)) = name.split_once(".out_x") else { continue };
        let factor: usize = factor.parse().unwrap();
        let (source, [h, w]) = u16s(&tensors, &format!("{case}.in"));
        let (expected, shape) = u16s(&tensors, name);
        assert_eq!(shape, [h * factor, w * factor]);
        let resampler = Resampler::upsampling(factor, (w, h));
        let source: Vec<f32> = source.into_iter().map(f32::from).collect();
        let mut out = vec![0.0; expected.len()];
        resampler.cubic(&source, SignedWindow { col: 0, row: 0, width: w * factor, height: h * factor }, &mut out);
        let different = out.iter().zip(&expected).filter(|(a, b)| round_to_u16(**a) != **b).count();
        assert_eq!(different, 0, "{name}: {different} of {} pixels", expected.len());
        cases += 1;
    }
    assert!(cases > 0, "no case in bicubic.safetensors");
}
