//! True masks of a batch: [`Target`].

use burn::tensor::{Device, Tensor, TensorData};

/// Masks of a batch, in the form that losses need.
#[derive(Debug, Clone)]
pub struct Target {
    /// `[N, C, H, W]`: 1 for pixels of the class, 0 for other and ignored pixels. With one output, `C` is 1 and stands for all
    /// classes but background.
    pub(super) one_hot: Tensor<4>,
    /// `[N, 1, H, W]`: 1 for valid pixels, 0 for ignored ones.
    pub(super) valid: Tensor<4>,
    /// The masks.
    pub(super) classes: Vec<u8>,
    /// Mask value of ignored pixels.
    pub(super) ignore: u8,
    pub(super) shape: [usize; 4],
}

impl Target {
    /// Converts the masks of a batch.
    ///
    /// # Shapes
    /// - `masks`: `[N, H, W]`, row-major
    /// - `shape`: `[N, C, H, W]` of the logits
    ///
    /// Pixels with the value `ignore` are ignored, as are values without an output. With one output, all values but 0 are mines.
    pub fn new(masks: &[u8], shape: [usize; 4], ignore: u8, device: &Device) -> Self {
        let [n, outputs, h, w] = shape;
        assert_eq!(masks.len(), n * h * w, "masks [N, H, W] of logits {shape:?}");
        let plane = h * w;
        let classes: Vec<u8> = masks
            .iter()
            .map(|&class| if outputs > 1 && usize::from(class) >= outputs { ignore } else { class })
            .collect();
        let mut one_hot = vec![0.0_f32; n * outputs * plane];
        let mut valid = vec![0.0_f32; n * plane];
        for (i, &class) in classes.iter().enumerate() {
            if class == ignore {
                continue;
            }
            valid[i] = 1.0;
            let (image, pixel) = (i / plane, i % plane);
            if outputs == 1 {
                one_hot[i] = f32::from(u8::from(class != 0));
            } else {
                one_hot[(image * outputs + usize::from(class)) * plane + pixel] = 1.0;
            }
        }
        Self {
            one_hot: Tensor::from_data(TensorData::new(one_hot, [n, outputs, h, w]), device),
            valid: Tensor::from_data(TensorData::new(valid, [n, 1, h, w]), device),
            classes,
            ignore,
            shape,
        }
    }

    /// Number of valid pixels, at least 1.
    pub(super) fn count(&self) -> f64 {
        self.classes.iter().filter(|&&class| class != self.ignore).count().max(1) as f64
    }
}
