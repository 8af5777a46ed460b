//! Reference numbers of OpenCV.

use minesegsat_core::resample::{Resampler, SignedWindow, round_to_u16};
use minesegsat_testing::reference::golden_folders;
use safetensors::{Dtype, SafeTensors};

fn u16s(tensors: &SafeTensors<'_>, name: &str) -> (Vec<u16>, [usize; 2]) {
    let tensor = tensors.tensor(name).unwrap();
    assert_eq!(tensor.dtype(), Dtype::U16, "{name}");
    let values = tensor.data().chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
    (values, [tensor.shape()[0], tensor.shape()[1]])
}

#[test]
fn golden_bicubic_has_no_pixel_different_from_opencv() {
    for folder in golden_folders() {
        let bytes = std::fs::read(folder.join("bicubic.safetensors")).unwrap();
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
}
