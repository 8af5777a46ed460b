//! Takes one step of plain gradient descent: `sgd_step CHECKPOINT RECORD OUTPUT`.
//!
//! `RECORD` is a safetensors file with `input` `[N, C, H, W]` and `direction` `[N, classes, H, W]`; the loss is the sum of
//! logits times direction, the rate 1, so that the weights of `OUTPUT` differ from the checkpoint's by the gradient, and
//! its running statistics are those after one batch. `scripts/compare_networks.py` compares them with PyTorch's.

use std::{error::Error, fs, path::Path};

use burn::{
    module::Module,
    optim::{GradientsParams, SgdConfig},
    tensor::{Tensor, TensorData},
};
use minesegsat_nn::{Checkpoint, Device};
use safetensors::SafeTensors;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [checkpoint, record, output] = arguments.as_slice() else {
        return Err("usage: sgd_step CHECKPOINT RECORD OUTPUT".into());
    };
    let device = Device::flex();
    let checkpoint = Checkpoint::read(checkpoint)?;
    let network = checkpoint.load(&checkpoint.config(None)?, &device)?.train();
    let bytes = fs::read(record)?;
    let record = SafeTensors::deserialize(&bytes)?;
    let tensor = |name: &str| -> Result<Tensor<4>, Box<dyn Error>> {
        let view = record.tensor(name)?;
        let values: Vec<f32> =
            view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        Ok(Tensor::from_data(TensorData::new(values, view.shape().to_vec()), &device.clone().autodiff()))
    };
    let loss = (network.forward(tensor("input")?) * tensor("direction")?).sum();
    let gradients = GradientsParams::from_grads(loss.backward(), &network);
    let network = SgdConfig::new().init().step(1.0, network, gradients);
    Checkpoint::of_network(&network.valid(), output.as_str())?.write_safetensors(Path::new(output))?;
    Ok(())
}
