//! Batches for training: [`Loader`].
//!
//! A batch depends on the seed, the epoch and its place in it, on nothing else: not on the number of workers, not on what
//! is in the cache, not on the batch that an epoch was entered at. Each sample of an epoch has dice of its own.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::augment::Augmentation;
use super::crop::{Crop, Placement, Source, Turn, random_mine};
use super::{Dataset, SampleReader, SampleRecord};
use crate::noise::Dice;
use crate::patch::BandNormalisation;
use crate::{Band, Error, Result};

/// How samples are dealt out.
#[derive(Debug, Clone, PartialEq)]
pub struct LoaderOptions {
    /// Width and height of what the network sees, in pixels. Samples that are smaller are padded with their edge, ignored.
    pub patch_size: usize,
    /// Samples per batch.
    pub batch_size: usize,
    /// Decides about everything that is left to chance.
    pub seed: u64,
    /// Threads that read and change samples; with 0 it is done by whoever asks for a batch.
    pub num_workers: usize,
    /// Batches that are made ahead; at least 1.
    pub prefetch: usize,
    /// Memory for samples that were read once, in MiB. What does not fit is read anew each time.
    pub cache_mib: usize,
    /// Samples in an epoch; `None` for each one once. More than there are go around, fewer take turns over the epochs.
    pub samples_per_epoch: Option<usize>,
    /// Probability that a crop is placed over a pixel of any class but background, where its sample has one.
    pub mine_centred: f64,
    /// Leave out the last batch of an epoch where it is smaller than the others.
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
            drop_last: false,
        }
    }
}

/// What the network sees at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// `[N, C, H, W]`, normalised reflectance.
    pub data: Vec<f32>,
    /// `[N, H, W]`, classes; the set's `ignore` value where nothing is known.
    pub mask: Vec<u8>,
    /// N, C, H, W.
    pub shape: [usize; 4],
    /// The samples.
    pub ids: Vec<String>,
}

/// Makes batches of the samples of a data set.
#[derive(Debug, Clone)]
pub struct Loader {
    maker: Arc<Maker>,
}

impl Loader {
    /// A loader of `bands`, in this order, one normalisation per band, of some samples of a set.
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
            return Err(Error::Input {
                location: dataset.folder().display().to_string(),
                reason: "there is no sample to load".to_owned(),
            });
        }
        if options.patch_size == 0 {
            return refuse("patch_size", 0, "pixels, 1 or more");
        }
        if options.batch_size == 0 {
            return refuse("batch_size", 0, "samples, 1 or more");
        }
        if options.samples_per_epoch == Some(0) {
            return refuse("samples_per_epoch", 0, "1 or more, or nothing for each sample once");
        }
        if !(0.0..=1.0).contains(&options.mine_centred) {
            return refuse("mine_centred", options.mine_centred, "a probability, 0 to 1");
        }
        let per_epoch = options.samples_per_epoch.unwrap_or(samples.len());
        if options.drop_last && per_epoch < options.batch_size {
            return refuse(
                "batch_size",
                options.batch_size,
                &format!(
                    "at most the {per_epoch} samples of an epoch, as the last batch is dropped where it is not full"
                ),
            );
        }
        assert_eq!(bands.len(), normalisation.len(), "one normalisation per band");
        let ignore = dataset.card().ignore;
        let reader = SampleReader::new(dataset, bands, &vec![BandNormalisation::IDENTITY; bands.len()])?;
        let cache = Cache { limit: options.cache_mib.saturating_mul(1 << 20), state: Mutex::default() };
        let normalisation = normalisation.to_vec();
        Ok(Self { maker: Arc::new(Maker { reader, samples, normalisation, augmentation, options, ignore, cache }) })
    }

    /// Batches in each epoch.
    pub fn batches_per_epoch(&self) -> usize {
        self.maker.batches()
    }

    /// The batches of an epoch from `first_batch` on, counted from 0. Workers start at once.
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
        // Fewer threads than asked for make the same batches; without any they are made by whoever asks.
        let workers = (0..needed).map_while(|number| worker(number).ok()).collect();
        Batches { work, workers, next, end, waited: Duration::ZERO }
    }
}

/// The batches of an epoch, in order. Workers stop when it is dropped, and after an error.
#[derive(Debug)]
pub struct Batches {
    work: Arc<Work>,
    workers: Vec<JoinHandle<()>>,
    next: usize,
    end: usize,
    waited: Duration,
}

impl Batches {
    /// How long the caller has waited for batches.
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
                panic!("a thread of the loader has ended early");
            }
            if let Some(batch) = state.ready.remove(&self.next) {
                state.delivered = self.next + 1;
                self.work.wanted.notify_all();
                return batch;
            }
            state = self.work.made.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Tells the workers to stop, and waits for them to end what they are at.
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
        // An error ends it early.
        (usize::from(self.next < self.end), Some(self.end - self.next))
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        self.join();
    }
}

/// A sample as it goes into a batch.
type Made = Result<(Crop, String)>;

/// What the workers of an epoch share.
#[derive(Debug)]
struct Work {
    maker: Arc<Maker>,
    epoch: usize,
    /// Position in the list of samples, by position in the epoch.
    order: Vec<usize>,
    state: Mutex<State>,
    /// A batch is ready, or none will be.
    made: Condvar,
    /// A batch was taken, or the workers are to stop.
    wanted: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The next sample that nobody works at, by its position in the epoch.
    next_item: usize,
    /// Batches that the caller has.
    delivered: usize,
    /// Samples of batches that are not complete, by position.
    parts: BTreeMap<usize, BTreeMap<usize, Made>>,
    ready: BTreeMap<usize, Result<Batch>>,
    cancelled: bool,
    panicked: bool,
}

/// Tells the caller that a worker has panicked, so that nobody waits for it.
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

    /// The next sample to make, as soon as its batch is wanted.
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

    fn make(&self, item: usize) -> Made {
        self.maker.make(self.epoch, item, self.order[item])
    }
}

/// Makes samples. Several threads may do so at once.
#[derive(Debug)]
struct Maker {
    /// Reads reflectance as it is.
    reader: SampleReader,
    samples: Vec<SampleRecord>,
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

    /// Positions in the epoch of a batch's samples.
    fn items(&self, batch: usize) -> Range<usize> {
        let size = self.options.batch_size;
        batch * size..(batch * size + size).min(self.per_epoch())
    }

    /// The samples of an epoch. All samples in one order, then all in another, and so on, cut into epochs: after any number
    /// of epochs every sample was seen as often as every other, give or take one.
    fn order(&self, epoch: usize) -> Vec<usize> {
        let (per_epoch, all) = (self.per_epoch(), self.samples.len());
        let (start, end) = (epoch * per_epoch, (epoch + 1) * per_epoch);
        let rounds = (start / all..end.div_ceil(all)).flat_map(|round| {
            let mut order: Vec<usize> = (0..all).collect();
            Dice::new(self.options.seed, &format!("order {round}")).shuffle(&mut order);
            order
        });
        rounds.skip(start % all).take(per_epoch).collect()
    }

    /// The sample at a position in an epoch.
    fn make(&self, epoch: usize, item: usize, sample: usize) -> Made {
        let seed = Dice::new(self.options.seed, &format!("sample {epoch} {item}")).bits();
        let mut crop = self.varied(seed, sample)?;
        let side = self.options.patch_size;
        if let Some(([rows, columns], mut dice)) = self.augmentation.cutmix(seed, side) {
            let other = self.varied(dice.bits(), (dice.bits() % self.samples.len() as u64) as usize)?;
            crop.paste(&other, rows, columns, side);
        }
        self.augmentation.channels(seed, side * side, &mut crop.data);
        Ok((crop, self.samples[sample].id.clone()))
    }

    /// A crop of a sample, changed by chance, normalised.
    fn varied(&self, seed: u64, sample: usize) -> Result<Crop> {
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
        // Twelve bands of two bytes, class and validity: what most sets take.
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

    /// Puts samples together, in order; the first error if there is any.
    fn assemble(&self, samples: Vec<Made>) -> Result<Batch> {
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

/// Samples that were read, up to a limit. What is in stays: every sample is asked for about as often as every other, and
/// then throwing out the oldest would throw out what is needed soonest.
#[derive(Debug)]
struct Cache {
    /// Bytes.
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
            // Two workers may have read the same sample at once.
            state.bytes = bytes;
        }
    }
}

#[cfg(test)]
mod tests;
