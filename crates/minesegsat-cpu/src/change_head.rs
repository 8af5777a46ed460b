//! The change head of a model: convolutions over the pixels of two dates.

use std::path::Path;

use minesegsat_core::noise_floor::NoiseFloor;
use minesegsat_core::pixel_class::Change;
use minesegsat_core::{Band, ChangeClassifier};
use minesegsat_model::{ChangeHeadConfig, ModelCard, Weights};

use crate::arena::{Scratch, for_each};
use crate::convolution::Convolution;
use crate::layers::Source;
use crate::profile::Operation;
use crate::simd::Isa;
use crate::{Aligned, Result};

/// Classes of the answer: none, stable, gain, loss.
const CLASSES: usize = 4;
const _: () = assert!(Change::None as usize == 0 && Change::Stable as usize == 1);
const _: () = assert!(Change::Gain as usize == 2 && Change::Loss as usize == 3);
/// Pixels per task of the classifier.
const PIXELS: usize = 1024;

/// The change head of a model folder, in float32. Many threads can use it at once.
#[derive(Debug)]
pub struct ChangeHead {
    config: ChangeHeadConfig,
    model_sha256: String,
    isa: Isa,
    layers: Vec<Convolution<f32>>,
    classifier: Convolution<f32>,
}

impl ChangeHead {
    /// Reads the change head of a model folder. `None` if the model has none.
    ///
    /// # Errors
    /// The file is absent, is not the one of the card, or has tensors of other shapes.
    pub fn read(folder: impl AsRef<Path>, card: &ModelCard) -> Result<Option<Self>> {
        let Some(config) = &card.change_head else { return Ok(None) };
        Self::new(config, &card.weights_sha256, &Weights::read_change_head(folder, config)?).map(Some)
    }

    /// Builds a change head from its tensors. `model_sha256` is that of the weights of the model whose maps it reads.
    ///
    /// # Errors
    /// A tensor is absent, or has another shape.
    pub fn new(config: &ChangeHeadConfig, model_sha256: &str, weights: &Weights) -> Result<Self> {
        let isa = Isa::detect()?;
        let source = Source { isa, weights };
        let layers = (0..config.layers)
            .map(|layer| {
                let channels = if layer == 0 { config.in_channels() } else { config.width };
                Convolution::read(source, &format!("layers.{layer}"), [channels, config.width], channels, [3, 1, 1])
            })
            .collect::<Result<_>>()?;
        let classifier = Convolution::read(source, "classifier", [config.width, CLASSES], config.width, [1, 1, 0])?;
        Ok(Self { config: config.clone(), model_sha256: model_sha256.to_owned(), isa, layers, classifier })
    }
}

impl ChangeClassifier for ChangeHead {
    fn bands(&self) -> &[Band] {
        &self.config.bands
    }

    fn means(&self) -> &[f32] {
        &self.config.means
    }

    fn max_absent(&self) -> usize {
        self.config.band_dropout_max
    }

    fn reach(&self) -> usize {
        self.config.layers
    }

    fn sha256(&self) -> &str {
        &self.config.sha256
    }

    fn model_sha256(&self) -> &str {
        &self.model_sha256
    }

    fn noise_floor(&self) -> Option<NoiseFloor> {
        self.config.noise_floor
    }

    fn probabilities(&self, pixels: &[f32], size: [usize; 2]) -> minesegsat_core::Result<Vec<f32>> {
        let count = size[0] * size[1];
        assert_eq!(pixels.len(), count * self.config.in_channels(), "[H, W, channels] of size {size:?}");
        let mut scratch: Vec<Scratch<f32>> = (0..rayon::current_num_threads()).map(|_| Scratch::new(false)).collect();
        let (mut from, mut into) = (Aligned::default(), Aligned::default());
        for (number, layer) in self.layers.iter().enumerate() {
            into.ensure_len(count * self.config.width);
            let input = if number == 0 { pixels } else { &from[..count * self.config.width] };
            layer.normed_relu(self.isa, input, size, &mut into[..count * self.config.width], &mut scratch);
            std::mem::swap(&mut from, &mut into);
        }
        let mut answer = vec![0.0; count * CLASSES];
        let features = &from[..count * self.config.width];
        for_each(&mut scratch, answer.chunks_mut(PIXELS * CLASSES).enumerate(), |(task, out), scratch| {
            let first = task * PIXELS;
            let pixels = first..first + out.len() / CLASSES;
            self.classifier.rows(self.isa, features, size, pixels, (Operation::Detail, scratch), |at, logits, _| {
                softmax(logits, &mut out[(at - first) * CLASSES..][..logits.len()]);
            });
        });
        Ok(answer)
    }
}

/// # Shapes
/// - `logits` and `out`: `[pixels, CLASSES]`
fn softmax(logits: &[f32], out: &mut [f32]) {
    for (logits, out) in logits.chunks_exact(CLASSES).zip(out.chunks_exact_mut(CLASSES)) {
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sum = 0.0;
        for (out, logit) in out.iter_mut().zip(logits) {
            *out = (logit - largest).exp();
            sum += *out;
        }
        for out in out {
            *out /= sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use minesegsat_model::Array;

    use super::*;

    fn config(layers: usize, width: usize) -> ChangeHeadConfig {
        ChangeHeadConfig {
            bands: vec![Band::B04, Band::B08],
            means: vec![0.0, 0.0],
            layers,
            width,
            band_dropout_max: 1,
            sha256: "ab".to_owned(),
            training: String::new(),
            noise_floor: None,
        }
    }

    /// Weights that look random and are the same everywhere.
    fn weights(config: &ChangeHeadConfig) -> Weights {
        let mut state = 1_u32;
        let mut next = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        let mut tensors = Vec::new();
        let mut add = |name: String, shape: Vec<usize>| {
            let values = (0..shape.iter().product()).map(|_| next()).collect();
            tensors.push((name, Array { shape, values }));
        };
        for layer in 0..config.layers {
            let channels = if layer == 0 { config.in_channels() } else { config.width };
            add(format!("layers.{layer}.weight"), vec![config.width, channels, 3, 3]);
            add(format!("layers.{layer}.bias"), vec![config.width]);
        }
        add("classifier.weight".to_owned(), vec![CLASSES, config.width, 1, 1]);
        add("classifier.bias".to_owned(), vec![CLASSES]);
        Weights::new(tensors)
    }

    /// The definition, in float64.
    fn reference(
        config: &ChangeHeadConfig,
        weights: &Weights,
        pixels: &[f32],
        [height, width]: [usize; 2],
    ) -> Vec<f64> {
        let convolve = |x: &[f64], name: &str, from: usize, to: usize, kernel: usize| -> Vec<f64> {
            let weight = weights.get(&format!("{name}.weight"), &[to, from, kernel, kernel]).unwrap();
            let bias = weights.get(&format!("{name}.bias"), &[to]).unwrap();
            let mut out = Vec::new();
            for (row, col) in (0..height).flat_map(|row| (0..width).map(move |col| (row, col))) {
                for o in 0..to {
                    let mut sum = f64::from(bias[o]);
                    for (ky, kx) in (0..kernel).flat_map(|ky| (0..kernel).map(move |kx| (ky, kx))) {
                        let (y, x_) = ((row + ky).wrapping_sub(kernel / 2), (col + kx).wrapping_sub(kernel / 2));
                        if y < height && x_ < width {
                            for c in 0..from {
                                let w = weight[((o * from + c) * kernel + ky) * kernel + kx];
                                sum += f64::from(w) * x[(y * width + x_) * from + c];
                            }
                        }
                    }
                    out.push(sum);
                }
            }
            out
        };
        let mut x: Vec<f64> = pixels.iter().map(|&v| f64::from(v)).collect();
        for layer in 0..config.layers {
            let from = if layer == 0 { config.in_channels() } else { config.width };
            x = convolve(&x, &format!("layers.{layer}"), from, config.width, 3);
            for v in &mut x {
                *v = v.max(0.0);
            }
        }
        let logits = convolve(&x, "classifier", config.width, CLASSES, 1);
        logits
            .chunks_exact(CLASSES)
            .flat_map(|logits| {
                let exps: Vec<f64> = logits.iter().map(|logit| logit.exp()).collect();
                let sum: f64 = exps.iter().sum();
                exps.into_iter().map(move |e| e / sum).collect::<Vec<_>>()
            })
            .collect()
    }

    #[test]
    fn probabilities_are_those_of_the_definition() {
        for (layers, width, size) in [(1, 5, [7, 9]), (3, 16, [12, 33]), (4, 32, [5, 70])] {
            let config = config(layers, width);
            let weights = weights(&config);
            let head = ChangeHead::new(&config, "cd", &weights).unwrap();
            let count = size[0] * size[1] * config.in_channels();
            let pixels: Vec<f32> = (0..count).map(|i| ((i * 37 % 101) as f32 - 50.0) / 25.0).collect();
            let found = head.probabilities(&pixels, size).unwrap();
            let expected = reference(&config, &weights, &pixels, size);
            assert_eq!(found.len(), expected.len());
            for (a, b) in found.iter().zip(&expected) {
                assert!((f64::from(*a) - b).abs() < 1e-4, "{layers} layers: {a} instead of {b}");
            }
        }
    }

    #[test]
    fn pixels_beyond_its_reach_have_no_influence() {
        let config = config(3, 16);
        let head = ChangeHead::new(&config, "cd", &weights(&config)).unwrap();
        let size = [1, 20];
        let channels = config.in_channels();
        let mut pixels = vec![0.3; size[1] * channels];
        let before = head.probabilities(&pixels, size).unwrap();
        pixels[..channels].fill(-2.0);
        let after = head.probabilities(&pixels, size).unwrap();
        let differs: Vec<usize> =
            (0..size[1]).filter(|i| before[i * CLASSES..][..CLASSES] != after[i * CLASSES..][..CLASSES]).collect();
        assert!(differs.iter().all(|&i| i <= head.reach()) && differs.contains(&0), "{differs:?}");
    }

    #[test]
    fn tensors_of_other_shapes_are_refused() {
        let stored = weights(&config(2, 8));
        let message = ChangeHead::new(&config(2, 9), "cd", &stored).unwrap_err().to_string();
        assert!(
            message.contains("tensor `layers.0.weight` has shape [8, 6, 3, 3], expected [9, 6, 3, 3]"),
            "{message}"
        );
    }
}
