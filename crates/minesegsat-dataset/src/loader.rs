//! Batches for training: [`Loader`].
//!
//! A batch depends only on the seed, the epoch and its position in the epoch. The number of workers, the cache and the
//! batch at which an epoch starts do not change it. Each sample of an epoch has its own random numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::augment::Augmentation;
use super::crop::{Crop, Placement, Source, Turn, random_mine};
use super::{Dataset, SampleReader, SampleRecord};
use minesegsat_core::model_description::BandNormalisation;
use minesegsat_core::noise::Dice;
use minesegsat_core::{Band, Error, Result};

/// Options of the loader.
#[derive(Debug, Clone, PartialEq)]
pub struct LoaderOptions {
    /// Width and height of the network's input in pixels. Smaller samples are padded by repeating their edge; padded
    /// pixels are ignored.
    pub patch_size: usize,
    /// Samples per batch.
    pub batch_size: usize,
    /// Seed of all random choices.
    pub seed: u64,
    /// Number of threads that read and augment samples. With 0, the calling thread does this work.
    pub num_workers: usize,
    /// Maximum number of batches made ahead; at least 1.
    pub prefetch: usize,
    /// Memory for the cache of samples in MiB. Samples that do not fit are read again each time.
    pub cache_mib: usize,
    /// Samples per epoch. `None`: every sample once. Larger than the data set: samples repeat. Smaller: epochs rotate
    /// through the data set.
    pub samples_per_epoch: Option<usize>,
    /// Probability that a crop contains a chosen pixel of a class other than background, if its sample has one.
    pub mine_centred: f64,
    /// Domains and their weights. Each epoch has samples of each domain in proportion to its weight. Empty: all samples equally
    /// often.
    pub mixture: Vec<(String, f64)>,
    /// Drop the last batch of an epoch if it is smaller than the others.
    pub drop_last: bool,
}

impl Default for LoaderOptions {
    fn default() -> Self {
        Self {
            patch_size: 256,
            batch_size: 8,
            seed: 0,
            num_workers: 1,
            prefetch: 2,
            cache_mib: 2048,
            samples_per_epoch: None,
            mine_centred: 0.0,
            mixture: Vec::new(),
            drop_last: false,
        }
    }
}

/// One training batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// `[N, C, H, W]`, normalised reflectance.
    pub data: Vec<f32>,
    /// `[N, H, W]`, classes; the set's `ignore` value marks pixels without a class.
    pub mask: Vec<u8>,
    /// Shape `[N, C, H, W]`.
    pub shape: [usize; 4],
    /// Ids of the samples, in order.
    pub ids: Vec<String>,
}

/// Makes training batches from the samples of a data set.
#[derive(Debug, Clone)]
pub struct Loader {
    maker: Arc<Maker>,
}

impl Loader {
    /// Creates a loader of some samples of a data set. Channels follow the order of `bands`, with one normalisation per
    /// band.
    pub fn new(
        dataset: Arc<Dataset>,
        samples: Vec<SampleRecord>,
        bands: &[Band],
        normalisation: &[BandNormalisation],
        augmentation: Augmentation,
        options: LoaderOptions,
    ) -> Result<Self> {
        fn refuse<T>(name: &'static str, value: impl ToString, accepted: &str) -> Result<T> {
            Err(Error::Argument { name, value: value.to_string(), accepted: accepted.to_owned() })
        }
        augmentation.check()?;
        if samples.is_empty() {
            return Err(Error::input(dataset.folder().display().to_string(), "it has no sample to load".to_owned()));
        }
        if options.patch_size == 0 {
            return refuse("patch_size", 0, "pixels, 1 or more");
        }
        if options.batch_size == 0 {
            return refuse("batch_size", 0, "samples, 1 or more");
        }
        if options.samples_per_epoch == Some(0) {
            return refuse("samples_per_epoch", 0, "1 or more; leave it out to use each sample once");
        }
        if !(0.0..=1.0).contains(&options.mine_centred) {
            return refuse("mine_centred", options.mine_centred, "a probability, 0 to 1");
        }
        let per_epoch = options.samples_per_epoch.unwrap_or(samples.len());
        if options.drop_last && per_epoch < options.batch_size {
            return refuse(
                "batch_size",
                options.batch_size,
                &format!("at most the {per_epoch} samples of an epoch, because incomplete last batches are dropped"),
            );
        }
        assert_eq!(bands.len(), normalisation.len(), "one normalisation per band");
        let parts = parts(&samples, &options.mixture, per_epoch)?;
        let absent = |sample: &SampleRecord| -> Vec<usize> {
            let present = dataset.bands_of(sample);
            (0..bands.len()).filter(|&channel| !present.contains(&bands[channel])).collect()
        };
        let absent = samples.iter().map(absent).collect();
        let ignore = dataset.card().ignore;
        let reader = SampleReader::new(dataset, bands, &vec![BandNormalisation::IDENTITY; bands.len()])?;
        let cache = Cache { limit: options.cache_mib.saturating_mul(1 << 20), state: Mutex::default() };
        let normalisation = normalisation.to_vec();
        Ok(Self {
            maker: Arc::new(Maker {
                reader,
                samples,
                parts,
                absent,
                normalisation,
                augmentation,
                options,
                ignore,
                cache,
            }),
        })
    }

    /// Number of batches per epoch.
    pub fn batches_per_epoch(&self) -> usize {
        self.maker.batches()
    }

    /// Iterates over the batches of an epoch, starting at `first_batch` (counted from 0). Workers start at once.
    pub fn epoch(&self, epoch: usize, first_batch: usize) -> Batches {
        let order = self.maker.order(epoch);
        let end = self.maker.batches();
        let next = first_batch.min(end);
        let work = Arc::new(Work {
            maker: Arc::clone(&self.maker),
            epoch,
            order,
            state: Mutex::new(State {
                next_item: next * self.maker.options.batch_size,
                delivered: next,
                ..State::default()
            }),
            made: Condvar::new(),
            wanted: Condvar::new(),
        });
        let needed = self.maker.options.num_workers.min((end - next) * self.maker.options.batch_size);
        let worker = |number: usize| {
            let work = Arc::clone(&work);
            std::thread::Builder::new().name(format!("loader {number}")).spawn(move || work.run())
        };
        // Fewer threads make the same batches. With none, the calling thread makes them.
        let workers = (0..needed).map_while(|number| worker(number).ok()).collect();
        Batches { work, workers, next, end, waited: Duration::ZERO }
    }
}

/// Iterator over the batches of an epoch, in order. Workers stop when it is dropped and after an error.
#[derive(Debug)]
pub struct Batches {
    work: Arc<Work>,
    workers: Vec<JoinHandle<()>>,
    next: usize,
    end: usize,
    waited: Duration,
}

impl Batches {
    /// Total time that the caller has waited for batches.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    fn wait_for_next(&mut self) -> Result<Batch> {
        if self.workers.is_empty() {
            let made = self.work.maker.items(self.next).map(|item| self.work.make(item)).collect();
            return self.work.maker.assemble(made);
        }
        let mut state = self.work.state();
        loop {
            if state.panicked {
                drop(state);
                self.join();
                panic!("a loader thread ended early");
            }
            if let Some(batch) = state.ready.remove(&self.next) {
                state.delivered = self.next + 1;
                self.work.wanted.notify_all();
                return batch;
            }
            state = self.work.made.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Tells the workers to stop and waits until they finish their current samples.
    fn join(&mut self) {
        self.work.state().cancelled = true;
        self.work.wanted.notify_all();
        for worker in self.workers.drain(..) {
            if let Err(panic) = worker.join()
                && !std::thread::panicking()
            {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

impl Iterator for Batches {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        if self.next == self.end {
            return None;
        }
        let started = Instant::now();
        let batch = self.wait_for_next();
        self.waited += started.elapsed();
        self.next = if batch.is_ok() { self.next + 1 } else { self.end };
        if self.next == self.end {
            self.join();
        }
        Some(batch)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // An error ends the iteration early.
        (usize::from(self.next < self.end), Some(self.end - self.next))
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        self.join();
    }
}

/// A finished sample: its crop and id.
type MadeSample = Result<(Crop, String)>;

/// State that the workers of an epoch share.
#[derive(Debug)]
struct Work {
    maker: Arc<Maker>,
    epoch: usize,
    /// Index of the sample at each position of the epoch.
    order: Vec<usize>,
    state: Mutex<State>,
    /// Signals that a batch is ready, or that no more batches will come.
    made: Condvar,
    /// Signals that a batch was taken, or that the workers must stop.
    wanted: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Position in the epoch of the next unassigned sample.
    next_item: usize,
    /// Number of batches that the caller has received.
    delivered: usize,
    /// Finished samples of incomplete batches, by batch and by position.
    parts: BTreeMap<usize, BTreeMap<usize, MadeSample>>,
    ready: BTreeMap<usize, Result<Batch>>,
    cancelled: bool,
    panicked: bool,
}

/// Tells the caller that a worker has panicked, so that it does not wait forever.
struct Alarm<'a>(&'a Work);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.state().panicked = true;
            self.0.made.notify_all();
        }
    }
}

impl Work {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let _alarm = Alarm(self);
        while let Some(item) = self.next_item() {
            let made = self.make(item);
            let batch = item / self.maker.options.batch_size;
            let mut state = self.state();
            let parts = state.parts.entry(batch).or_default();
            parts.insert(item, made);
            if parts.len() < self.maker.items(batch).len() {
                continue;
            }
            let parts = state.parts.remove(&batch).unwrap_or_default();
            drop(state);
            let whole = self.maker.assemble(parts.into_values().collect());
            self.state().ready.insert(batch, whole);
            self.made.notify_all();
        }
    }

    /// Waits until the batch of the next sample is wanted, then returns the sample's position.
    fn next_item(&self) -> Option<usize> {
        let options = &self.maker.options;
        let end = self.maker.items(self.maker.batches() - 1).end;
        let mut state = self.state();
        loop {
            if state.cancelled || state.next_item == end {
                return None;
            }
            if state.next_item / options.batch_size < state.delivered + options.prefetch.max(1) {
                state.next_item += 1;
                return Some(state.next_item - 1);
            }
            state = self.wanted.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn make(&self, item: usize) -> MadeSample {
        self.maker.make(self.epoch, item, self.order[item])
    }
}

/// Samples that are equally often in a batch.
#[derive(Debug)]
struct Part {
    /// Name of the part in the seeds of its orders.
    name: String,
    samples: Vec<usize>,
    per_epoch: usize,
}

impl Part {
    /// The samples of an epoch.
    fn order(&self, epoch: usize, seed: u64) -> impl Iterator<Item = usize> {
        let all = self.samples.len();
        let (start, end) = (epoch * self.per_epoch, (epoch + 1) * self.per_epoch);
        let rounds = (start / all..end.div_ceil(all)).flat_map(move |round| {
            let mut order = self.samples.clone();
            Dice::new(seed, &format!("order {}{round}", self.name)).shuffle(&mut order);
            order
        });
        rounds.skip(start % all).take(self.per_epoch)
    }
}

/// Divides an epoch among domains in proportion to their weights, by largest remainders.
fn parts(samples: &[SampleRecord], mixture: &[(String, f64)], per_epoch: usize) -> Result<Vec<Part>> {
    if mixture.is_empty() {
        return Ok(vec![Part { name: String::new(), samples: (0..samples.len()).collect(), per_epoch }]);
    }
    let refuse = |value: String, accepted: String| Err(Error::Argument { name: "mixture", value, accepted });
    if let Some((domain, weight)) = mixture.iter().find(|(_, weight)| !(weight.is_finite() && *weight >= 0.0)) {
        return refuse(format!("{domain} = {weight}"), "weights of 0 or more".to_owned());
    }
    let total: f64 = mixture.iter().map(|(_, weight)| weight).sum();
    if total <= 0.0 {
        return refuse("0".to_owned(), "a weight above 0 for one domain at least".to_owned());
    }
    let wanted: Vec<f64> = mixture.iter().map(|(_, weight)| weight / total * per_epoch as f64).collect();
    let mut counts: Vec<usize> = wanted.iter().map(|share| share.floor() as usize).collect();
    let mut by_remainder: Vec<usize> = (0..wanted.len()).collect();
    by_remainder.sort_by(|&a, &b| wanted[b].fract().total_cmp(&wanted[a].fract()));
    let left = per_epoch.saturating_sub(counts.iter().sum());
    by_remainder.into_iter().cycle().take(left).for_each(|domain| counts[domain] += 1);
    let mut parts = Vec::new();
    for ((domain, _), per_epoch) in mixture.iter().zip(counts).filter(|(_, count)| *count > 0) {
        let of_domain = |&index: &usize| samples[index].domain.as_deref() == Some(domain);
        let members: Vec<usize> = (0..samples.len()).filter(of_domain).collect();
        if members.is_empty() {
            let known: BTreeSet<&str> = samples.iter().filter_map(|sample| sample.domain.as_deref()).collect();
            let known: Vec<&str> = known.into_iter().collect();
            return refuse(domain.clone(), format!("domains of the training samples: {}", known.join(", ")));
        }
        parts.push(Part { name: format!("{domain} "), samples: members, per_epoch });
    }
    Ok(parts)
}

/// Makes samples. Several threads may use it at once.
#[derive(Debug)]
struct Maker {
    /// Reads unnormalised reflectance.
    reader: SampleReader,
    samples: Vec<SampleRecord>,
    parts: Vec<Part>,
    /// Channels that each sample lacks.
    absent: Vec<Vec<usize>>,
    normalisation: Vec<BandNormalisation>,
    augmentation: Augmentation,
    options: LoaderOptions,
    ignore: u8,
    cache: Cache,
}

impl Maker {
    fn per_epoch(&self) -> usize {
        self.options.samples_per_epoch.unwrap_or(self.samples.len())
    }

    fn batches(&self) -> usize {
        let (samples, size) = (self.per_epoch(), self.options.batch_size);
        if self.options.drop_last { samples / size } else { samples.div_ceil(size) }
    }

    /// Positions in the epoch of the samples of a batch.
    fn items(&self, batch: usize) -> Range<usize> {
        let size = self.options.batch_size;
        batch * size..(batch * size + size).min(self.per_epoch())
    }

    /// The samples of an epoch. Each part gives a fixed number: shuffled copies of its whole list follow each other and are cut into
    /// epochs. After any number of epochs, the counts of two samples of a part differ by at most one.
    fn order(&self, epoch: usize) -> Vec<usize> {
        let mut order: Vec<usize> = self.parts.iter().flat_map(|part| part.order(epoch, self.options.seed)).collect();
        if self.parts.len() > 1 {
            Dice::new(self.options.seed, &format!("mixture {epoch}")).shuffle(&mut order);
        }
        order
    }

    /// Makes the sample at a position of an epoch.
    fn make(&self, epoch: usize, item: usize, sample: usize) -> MadeSample {
        let seed = Dice::new(self.options.seed, &format!("sample {epoch} {item}")).bits();
        let mut crop = self.augmented_crop(seed, sample)?;
        let side = self.options.patch_size;
        let mut absent = self.absent[sample].clone();
        if let Some(([rows, columns], mut dice)) = self.augmentation.cutmix(seed, side) {
            let (own, other) = (dice.bits(), (dice.bits() % self.samples.len() as u64) as usize);
            // Both parts must have the same bands, and at least one.
            let both: BTreeSet<usize> = absent.iter().chain(&self.absent[other]).copied().collect();
            if both.len() < self.normalisation.len() {
                crop.paste(&self.augmented_crop(own, other)?, rows, columns, side);
                absent = both.into_iter().collect();
            }
        }
        for &channel in &absent {
            crop.data[channel * side * side..][..side * side].fill(0.0);
        }
        self.augmentation.channels(seed, self.reader.bands(), &absent, side * side, &mut crop.data);
        Ok((crop, self.samples[sample].id.clone()))
    }

    /// Makes an augmented, normalised crop of a sample.
    fn augmented_crop(&self, seed: u64, sample: usize) -> Result<Crop> {
        let id = &self.samples[sample].id;
        let mut crop =
            self.cut(seed, sample).map_err(|error| Error::Sample { id: id.clone(), source: Box::new(error) })?;
        let side = self.options.patch_size;
        self.augmentation.radiometric(seed, self.reader.bands(), side, self.ignore, &mut crop);
        for (channel, normalisation) in crop.data.chunks_exact_mut(side * side).zip(&self.normalisation) {
            for value in channel {
                *value = (*value - normalisation.offset) / normalisation.divisor;
            }
        }
        Ok(crop)
    }

    fn cut(&self, seed: u64, sample: usize) -> Result<Crop> {
        let side = self.options.patch_size;
        let turn = Turn::draw(&self.augmentation, seed);
        let mut dice = Dice::new(seed, "place");
        let over_mine = dice.chance(self.options.mine_centred as f32);
        let mut place = |size: (usize, usize), labels: &[u8]| {
            let mine = over_mine.then(|| random_mine(labels, size.0, self.ignore, &mut dice)).flatten();
            Placement::draw(turn, side, size, mine, &mut dice)
        };
        if let Some(source) = self.cache.get(sample) {
            return Ok(source.crop(place(source.size(), source.labels()), side));
        }
        let open = self.reader.open(&self.samples[sample])?;
        let all = open.grid().full_window();
        // Bytes of a typical sample: two per band and pixel, one for the class and one for validity.
        if self.cache.has_room(all.len() * (2 * self.normalisation.len() + 2)) {
            let source = Arc::new(Source::read(&open, all, self.ignore)?);
            self.cache.put(sample, &source);
            return Ok(source.crop(place(source.size(), source.labels()), side));
        }
        let labels = if over_mine { open.mask_values(all.into())? } else { Vec::new() };
        let size = (all.width, all.height);
        let placement = place(size, &labels);
        Ok(Source::read(&open, placement.window(side, size), self.ignore)?.crop(placement, side))
    }

    /// Joins samples into a batch in order. Returns the first error, if any.
    fn assemble(&self, samples: Vec<MadeSample>) -> Result<Batch> {
        let side = self.options.patch_size;
        let shape = [samples.len(), self.normalisation.len(), side, side];
        let mut batch = Batch {
            data: Vec::with_capacity(shape.iter().product()),
            mask: Vec::with_capacity(shape[0] * side * side),
            shape,
            ids: Vec::with_capacity(shape[0]),
        };
        for sample in samples {
            let (crop, id) = sample?;
            batch.data.extend_from_slice(&crop.data);
            batch.mask.extend_from_slice(&crop.mask);
            batch.ids.push(id);
        }
        Ok(batch)
    }
}

/// Cache of samples up to a memory limit. It never evicts: all samples are read about equally often, so evicting the
/// oldest would evict the one needed soonest.
#[derive(Debug)]
struct Cache {
    /// Maximum size in bytes.
    limit: usize,
    state: Mutex<Cached>,
}

#[derive(Debug, Default)]
struct Cached {
    samples: BTreeMap<usize, Arc<Source>>,
    bytes: usize,
    full: bool,
}

impl Cache {
    fn state(&self) -> MutexGuard<'_, Cached> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, sample: usize) -> Option<Arc<Source>> {
        self.state().samples.get(&sample).cloned()
    }

    fn has_room(&self, bytes: usize) -> bool {
        let state = self.state();
        !state.full && state.bytes + bytes <= self.limit
    }

    fn put(&self, sample: usize, source: &Arc<Source>) {
        let mut state = self.state();
        let bytes = state.bytes + source.bytes();
        if bytes > self.limit {
            state.full = true;
        } else if state.samples.insert(sample, Arc::clone(source)).is_none() {
            // Two workers may have read the same sample at the same time.
            state.bytes = bytes;
        }
    }
}

#[cfg(test)]
mod tests;
