//! One patch of 512 x 512 pixels and 12 bands through a network on the CPU: `cargo bench -p minesegsat-nn`.

use divan::Bencher;
use minesegsat_core::Segmenter;
use minesegsat_nn::{
    Device, EngineOptions, ImportOptions, Model, ModelSegmenter, NetworkConfig, Precision, random_model,
};

fn main() {
    divan::main();
}

#[divan::bench(args = ["b0", "paper"], sample_count = 10)]
fn segment_512(bencher: Bencher<'_, '_>, variant: &str) {
    segment(bencher, variant, Precision::Fp32);
}

/// Falls back to float32 if the processor lacks bfloat16 instructions.
#[divan::bench(args = ["b0", "paper"], sample_count = 10)]
fn segment_512_bf16(bencher: Bencher<'_, '_>, variant: &str) {
    segment(bencher, variant, Precision::Bf16);
}

fn segment(bencher: Bencher<'_, '_>, variant: &str, precision: Precision) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let model = folder.path().join(variant);
    let config = NetworkConfig::named(variant, 12, 1).expect("a name");
    random_model(&config, 0, &model, &ImportOptions::default()).expect("a model");
    let options = EngineOptions { precision, ..EngineOptions::default() };
    let model = Model::open_with(&model, &Device::flex(), options).expect("the model opens");
    let segmenter = ModelSegmenter::new(model);
    let patch: Vec<f32> = (0..12 * 512 * 512).map(|i| (i * 7919 % 1009) as f32 / 1009.0).collect();
    let mut probabilities = vec![0.0; 512 * 512];
    bencher.bench_local(|| segmenter.segment(&patch, [1, 12, 512, 512], &mut probabilities));
}
