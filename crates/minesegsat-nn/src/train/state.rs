//! The changing parts of a run, and the training step: [`State`].

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use burn::{
    module::Module,
    optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer},
    tensor::{Device, Tensor, TensorData},
};
use minesegsat_core::Band;
use minesegsat_dataset::Batch;

use super::{
    OptimiserConfig,
    average::WeightAverage,
    gradients::{Scale, clip_norm},
    run_state::Position,
    setting::Setting,
};
use crate::{
    AdamW, Checkpoint, Error, ModelCard, Network, Result, WEIGHTS_FILE, WeightNames, loss::Target, random::SplitMix64,
};

/// The changing parts of a run.
pub(super) struct State {
    pub(super) network: Network,
    pub(super) average: Option<WeightAverage>,
    pub(super) optimiser: ModuleOptimizer,
    pub(super) position: Position,
}

impl State {
    /// The initial state of a run, and notes about the weights that it starts from.
    pub(super) fn new(setting: &Setting<'_>) -> Result<(Self, Vec<String>)> {
        let config = setting.config;
        let device = &setting.devices[0];
        let (checkpoint, notes) = match &config.init.weights {
            None => (Checkpoint::random(&setting.network, config.seed), Vec::new()),
            Some(path) => starting_weights(path, setting)?,
        };
        let network = checkpoint.load(&setting.network, device)?.train();
        let average = (config.average.decay > 0.0).then(|| WeightAverage::new(&network, config.average.decay));
        let OptimiserConfig { betas, epsilon, weight_decay, .. } = config.optimiser;
        let optimiser = AdamW::new(betas.map(|beta| beta as f32), epsilon as f32, weight_decay as f32).into();
        let position = Position {
            step: 0,
            phase: 0,
            phase_step: 0,
            epoch: 0,
            batch: 0,
            loss_sum: 0.0,
            last_rate: 0.0,
            gradient_norm: None,
            seconds: 0.0,
            rate: setting.rate_of(0)?,
            best: None,
            waited: 0,
            log_bytes: [0, 0],
        };
        Ok((Self { network, average, optimiser, position }, notes))
    }

    /// One optimiser step with the accumulated gradients of some batches. Returns the losses of the batches.
    pub(super) fn step(&mut self, setting: &Setting<'_>, batches: Vec<Batch>) -> Result<Vec<f64>> {
        let config = setting.config;
        let step = self.position.step;
        // Dropout depends on the seed and the step only, so a resumed run drops the same values.
        let seed = SplitMix64::new(config.seed ^ step.wrapping_mul(0x9E37_79B9_7F4A_7C15)).next();
        for device in &setting.devices {
            device.seed(seed);
        }
        let warmup_steps = config.phases[self.position.phase].warmup_steps.max(1) as f64;
        let warmup = ((step - self.position.phase_step + 1) as f64 / warmup_steps).min(1.0);
        let rate = self.position.rate.rate() * warmup;
        self.position.last_rate = rate;
        let shape = batches.first().map(|batch| batch.shape);
        let network = &self.network;
        let optimiser = &mut self.optimiser;
        let gradient_norm = &mut self.position.gradient_norm;
        // Backends panic if a device is lost or out of memory.
        let result = catch_unwind(AssertUnwindSafe(|| -> Result<(Network, Vec<f64>)> {
            let mut accumulator = GradientsAccumulator::new();
            let mut losses = Vec::with_capacity(batches.len());
            let parts = batches.len() as f64;
            for batch in batches {
                let (loss, gradients) = gradients(setting, network, batch);
                losses.push(loss);
                accumulator.accumulate(network, gradients);
            }
            if losses.iter().any(|loss| !loss.is_finite()) {
                return Ok((network.clone(), losses));
            }
            let mut gradients = accumulator.grads();
            if parts > 1.0 {
                network.visit(&mut Scale { gradients: &mut gradients, factor: 1.0 / parts });
            }
            if config.optimiser.clip_norm > 0.0 {
                *gradient_norm = Some(clip_norm(network, &mut gradients, config.optimiser.clip_norm));
            }
            Ok((optimiser.step(rate, network.clone(), gradients), losses))
        }));
        let (network, losses) = result.unwrap_or_else(|panic| {
            let shape = shape.unwrap_or_default();
            Err(Error::DeviceFailed { name: config.device.clone(), reason: device_failure(&panic, shape, step + 1) })
        })?;
        self.network = network;
        Ok(losses)
    }
}

/// Loss and gradients of a batch, which the devices share.
pub(super) fn gradients(setting: &Setting<'_>, network: &Network, batch: Batch) -> (f64, GradientsParams) {
    let devices = &setting.devices;
    let [n, channels, height, width] = batch.shape;
    if devices.len() == 1 || n < devices.len() {
        return gradients_on(setting, network, &devices[0], batch);
    }
    // Parts of nearly equal size, each weighted by its number of crops.
    let mut parts = Vec::new();
    let mut first = 0;
    for (i, device) in devices.iter().enumerate() {
        let count = (n - first).div_ceil(devices.len() - i);
        let data = batch.data[first * channels * height * width..][..count * channels * height * width].to_vec();
        let mask = batch.mask[first * height * width..][..count * height * width].to_vec();
        let ids = batch.ids[first..first + count].to_vec();
        parts.push((device, Batch { data, mask, shape: [count, channels, height, width], ids }));
        first += count;
    }
    let results: Vec<(f64, GradientsParams, f64)> = std::thread::scope(|scope| {
        let threads: Vec<_> = parts
            .into_iter()
            .map(|(device, part)| {
                scope.spawn(move || {
                    let share = part.shape[0] as f64 / n as f64;
                    let copy = network.clone().fork(&device.clone().autodiff());
                    let (loss, mut gradients) = gradients_on(setting, &copy, device, part);
                    copy.visit(&mut Scale { gradients: &mut gradients, factor: share });
                    let gradients = gradients.to_device(&devices[0], &copy);
                    (loss * share, gradients, share)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut accumulator = GradientsAccumulator::new();
    let mut loss = 0.0;
    for (part, gradients, _) in results {
        loss += part;
        accumulator.accumulate(network, gradients);
    }
    (loss, accumulator.grads())
}

fn gradients_on(setting: &Setting<'_>, network: &Network, device: &Device, batch: Batch) -> (f64, GradientsParams) {
    let [n, _, height, width] = batch.shape;
    let target = Target::new(&batch.mask, [n, setting.network.num_classes(), height, width], setting.ignore, device);
    let input = Tensor::<4>::from_data(TensorData::new(batch.data, batch.shape), &device.clone().autodiff());
    let loss = setting.config.loss.forward(network.forward(input), &target);
    let value = f64::from(loss.clone().into_scalar::<f32>());
    if !value.is_finite() {
        return (value, GradientsParams::new());
    }
    (value, GradientsParams::from_grads(loss.backward(), network))
}

/// The weights of a model folder or a checkpoint, adapted to the bands and classes of the run, and notes about what was adapted.
fn starting_weights(path: &Path, setting: &Setting<'_>) -> Result<(Checkpoint, Vec<String>)> {
    let (network, bands, seed) = (&setting.network, setting.card.bands.as_slice(), setting.config.seed);
    let mut notes = Vec::new();
    let mut checkpoint;
    if path.is_dir() {
        let card = ModelCard::read(path)?;
        notes.extend(compare_normalisation(path, &card, setting)?);
        checkpoint = Checkpoint::read(path.join(WEIGHTS_FILE))?;
        checkpoint.adapt_input(Some(&card.bands), bands)?;
    } else {
        checkpoint = Checkpoint::read(path)?;
        let program = checkpoint.names_of().map(WeightNames::program);
        let is_encoder = checkpoint.complete_encoder(network, seed)?;
        if is_encoder {
            let program = program.map_or_else(String::new, |program| format!(" under the names of {program}"));
            notes.push(format!("{} holds an encoder{program}: the decoder starts with random weights", path.display()));
        }
        // Encoders and SegFormers that others publish were trained on pictures: red, green, blue.
        let is_of_pictures = checkpoint.in_channels() == Some(PICTURE.len()) && (is_encoder || program.is_some());
        if is_of_pictures && bands != PICTURE {
            notes.push(format!(
                "its 3 channels are taken as {}; other bands start from their mean, and all are scaled to the number of bands",
                Band::list(&PICTURE)
            ));
        }
        checkpoint.adapt_input(is_of_pictures.then_some(PICTURE.as_slice()), bands)?;
    }
    if checkpoint.add_detail(network, seed) {
        notes.push(format!(
            "{} has no path at full resolution: it starts with random weights and a classifier of zeros",
            path.display()
        ));
    }
    if checkpoint.adapt_classes(network.num_classes(), seed)? {
        notes.push(format!(
            "{} has another number of classes than {}: the classifier starts with random weights",
            path.display(),
            network.num_classes()
        ));
    }
    Ok((checkpoint, notes))
}

/// Channels of networks that were trained on pictures.
const PICTURE: [Band; 3] = [Band::B04, Band::B03, Band::B02];
/// Ratio of two divisors from which a note says that the normalisations differ.
const OTHER_DIVISOR: f32 = 2.0;
/// Ratio of two divisors from which one of them cannot be of reflectance.
const OTHER_SCALE: f32 = 100.0;

/// Compares the normalisation of a starting model with the run's. The network would see other values than it knows.
fn compare_normalisation(path: &Path, card: &ModelCard, setting: &Setting<'_>) -> Result<Option<String>> {
    /// Ratio, band, and offset and divisor of both.
    type Difference = (f32, Band, [(f32, f32); 2]);
    let mut worst: Option<Difference> = None;
    for (i, band) in setting.card.bands.iter().enumerate() {
        let Some(before) = card.bands.iter().position(|other| other == band) else { continue };
        let both = [card.normalisation.offset_divisor(before), setting.card.normalisation.offset_divisor(i)];
        let [(offset, divisor), (new_offset, new_divisor)] = both;
        let ratio = (divisor / new_divisor).max(new_divisor / divisor);
        // An offset that moves values by a divisor counts like a doubled divisor.
        let difference = ratio.max(1.0 + (offset - new_offset).abs() / divisor.max(new_divisor));
        if worst.is_none_or(|(worst, ..)| difference > worst) {
            worst = Some((difference, *band, both));
        }
    }
    let Some((difference, band, [(offset, divisor), (new_offset, new_divisor)])) = worst else { return Ok(None) };
    let text = format!(
        "it normalises {band} as (reflectance - {offset}) / {divisor}, this run as (reflectance - {new_offset}) / {new_divisor}"
    );
    if difference >= OTHER_SCALE && !setting.config.init.other_scale {
        let accepted = format!(
            "{text}; one of the two is not of reflectance: check the scale of the data set, or set `init.other_scale = true`"
        );
        return Err(Error::argument("init.weights", path.display().to_string(), accepted));
    }
    let note = format!("the starting model {} was trained on other values: {text}", path.display());
    Ok((difference >= OTHER_DIVISOR).then_some(note))
}

/// A message for a panic of a backend: the cause and the remedy.
fn device_failure(
    panic: &Box<dyn std::any::Any + Send>,
    [n, channels, height, width]: [usize; 4],
    step: u64,
) -> String {
    let text = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
        .unwrap_or_else(|| "it gave no reason".to_owned());
    let text = text.lines().next().unwrap_or_default();
    let lower = text.to_lowercase();
    if lower.contains("memory") || lower.contains("alloc") {
        let fits = (n / 2).max(1);
        return format!(
            "a batch of {n} x {channels} x {height} x {width} does not fit in its memory at step {step} ({text}); try \
             `data.batch_size = {fits}` with `optimiser.accumulate = {}`",
            n.div_ceil(fits)
        );
    }
    format!("it failed at step {step}: {text}; the last checkpoint is kept, and the run can be resumed from it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_device_is_told_apart_from_one_that_is_gone() {
        let full: Box<dyn std::any::Any + Send> = Box::new("out of memory".to_owned());
        let text = device_failure(&full, [8, 12, 512, 512], 1);
        assert!(
            text.contains("a batch of 8 x 12 x 512 x 512 does not fit") && text.contains("data.batch_size = 4"),
            "{text}"
        );
        let gone: Box<dyn std::any::Any + Send> = Box::new("device lost");
        assert!(device_failure(&gone, [8, 12, 512, 512], 7).starts_with("it failed at step 7: device lost"));
    }
}
