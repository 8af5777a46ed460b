//! Concurrent reading, prediction and writing, with bounded queues between them.
//!
//! One thread reads patches, several threads run the network, and the calling thread blends and writes. Patches are
//! restored to their order before blending, so the result does not depend on thread timing.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use minesegsat_core::familiarity::{Familiarity, cells};
use minesegsat_core::{Error, Result, Segmenter, patch_grid::PatchGrid, resample::SignedWindow};
use minesegsat_scene::patch::{Patch, PatchReader, Validity};

/// Inputs of a run.
pub(crate) struct Pipeline<'a> {
    pub reader: &'a PatchReader,
    pub segmenter: &'a dyn Segmenter,
    pub grid: &'a PatchGrid,
    /// What the model has learned from, and the channels that the scene lacks.
    pub familiarity: Option<(&'a Familiarity, &'a [usize])>,
    /// Corner of the covered window on the scene's grid, (col, row).
    pub corner: (usize, usize),
    pub batch_size: usize,
    pub workers: usize,
    pub cancel: &'a AtomicBool,
}

/// Busy time of each part.
#[derive(Debug, Default)]
pub(crate) struct Busy {
    read_ns: AtomicU64,
    infer_ns: AtomicU64,
    /// Time with at least one thread in the network.
    infer_wall: Mutex<WallClock>,
}

#[derive(Debug, Default)]
struct WallClock {
    running: usize,
    since: Option<Instant>,
    total: Duration,
}

impl Busy {
    pub(crate) fn read(&self) -> Duration {
        Duration::from_nanos(self.read_ns.load(Ordering::Relaxed))
    }

    /// Wall time while the network was running.
    pub(crate) fn infer(&self) -> Duration {
        self.infer_wall.lock().map_or(Duration::ZERO, |clock| clock.total)
    }

    fn infer_started(&self) {
        if let Ok(mut clock) = self.infer_wall.lock() {
            clock.running += 1;
            clock.since.get_or_insert_with(Instant::now);
        }
    }

    fn infer_ended(&self) {
        if let Ok(mut clock) = self.infer_wall.lock() {
            clock.running -= 1;
            if clock.running == 0
                && let Some(since) = clock.since.take()
            {
                clock.total += since.elapsed();
            }
        }
    }
}

/// A patch in the queue.
struct Job {
    sequence: usize,
    patch: Patch,
}

/// The prediction of a patch. It has no probabilities if no pixel can be assessed.
pub(crate) struct Prediction {
    pub row: usize,
    pub col: usize,
    pub probability: Option<Vec<f32>>,
    pub validity: Vec<u8>,
    /// Distance of each visible cell of the patch, by row and column of cells, see [`Familiarity::distance`].
    pub unlike: Vec<([usize; 2], f32)>,
}

type Message = Result<(usize, Prediction)>;

impl Pipeline<'_> {
    /// Calls `sink` with the prediction of every patch, in the order of the grid.
    pub(crate) fn run(&self, busy: &Busy, mut sink: impl FnMut(Prediction) -> Result<()>) -> Result<()> {
        let stop = AtomicBool::new(false);
        let (job_sender, job_receiver) = sync_channel::<Vec<Job>>(self.workers);
        let (answer_sender, answer_receiver) = sync_channel::<Message>(self.workers * self.batch_size + 1);
        let job_receiver = Mutex::new(job_receiver);
        std::thread::scope(|scope| {
            let answers = answer_sender.clone();
            let (stop, job_receiver) = (&stop, &job_receiver);
            scope.spawn(move || {
                if let Err(error) = self.read_all(busy, stop, &job_sender, &answers) {
                    // The receiver is gone only if the run has already failed.
                    let _ = answers.send(Err(error));
                }
            });
            for _ in 0..self.workers {
                let answers = answer_sender.clone();
                scope.spawn(move || {
                    let result = self.answer_all(busy, stop, job_receiver, &answers);
                    let failed = result.is_err();
                    if let Err(error) = result {
                        let _ = answers.send(Err(error));
                    }
                    // A failed worker must not leave the queue full, or the reader would wait for ever.
                    if failed || stop.load(Ordering::Relaxed) {
                        while job_receiver.lock().is_ok_and(|jobs| jobs.recv().is_ok()) {}
                    }
                });
            }
            drop(answer_sender);
            let result = self.in_order(&answer_receiver, &mut sink);
            if result.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            // Waiting senders then find the channel closed.
            drop(answer_receiver);
            result
        })
    }

    fn in_order(&self, answers: &Receiver<Message>, sink: &mut impl FnMut(Prediction) -> Result<()>) -> Result<()> {
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        for message in answers {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            let (sequence, answer) = message?;
            waiting.insert(sequence, answer);
            while let Some(answer) = waiting.remove(&next) {
                sink(answer)?;
                next += 1;
            }
        }
        if next == self.grid.len() {
            Ok(())
        } else {
            Err(Error::segmenter(format!("a thread ended after {next} of {} patches", self.grid.len())))
        }
    }

    fn distances(&self, patch: &Patch) -> Vec<([usize; 2], f32)> {
        let Some((familiarity, absent)) = self.familiarity else { return Vec::new() };
        let size = self.grid.patch_size;
        let is_visible = |at: usize| patch.validity[at] == Validity::Assessable as u8;
        let cells = cells(&patch.data, (size, size), is_visible, |channel| absent.contains(&channel));
        cells.into_iter().filter_map(|(at, features)| Some((at, familiarity.distance(&features)?))).collect()
    }

    fn stopped(&self, stop: &AtomicBool) -> bool {
        stop.load(Ordering::Relaxed) || self.cancel.load(Ordering::Relaxed)
    }

    fn patch_position(&self, sequence: usize) -> (usize, usize) {
        (sequence / self.grid.cols(), sequence % self.grid.cols())
    }

    fn read_all(
        &self,
        busy: &Busy,
        stop: &AtomicBool,
        jobs: &SyncSender<Vec<Job>>,
        answers: &SyncSender<Message>,
    ) -> Result<()> {
        let mut batch = Vec::with_capacity(self.batch_size);
        for sequence in 0..self.grid.len() {
            if self.stopped(stop) {
                return if self.cancel.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) };
            }
            let started = Instant::now();
            let (row, col) = self.patch_position(sequence);
            let window = self.grid.window(row, col);
            let on_scene = SignedWindow {
                col: window.col + self.corner.0 as i64,
                row: window.row + self.corner.1 as i64,
                ..window
            };
            let patch = self.reader.read(on_scene)?;
            busy.read_ns.fetch_add(started.elapsed().as_nanos() as u64, Ordering::Relaxed);
            if patch.validity.iter().all(|&v| v != Validity::Assessable as u8) {
                let answer = Prediction { row, col, probability: None, validity: patch.validity, unlike: Vec::new() };
                if answers.send(Ok((sequence, answer))).is_err() {
                    return Ok(());
                }
                continue;
            }
            batch.push(Job { sequence, patch });
            if batch.len() == self.batch_size && jobs.send(std::mem::take(&mut batch)).is_err() {
                return Ok(());
            }
        }
        if !batch.is_empty() {
            let _ = jobs.send(batch);
        }
        Ok(())
    }

    fn answer_all(
        &self,
        busy: &Busy,
        stop: &AtomicBool,
        jobs: &Mutex<Receiver<Vec<Job>>>,
        answers: &SyncSender<Message>,
    ) -> Result<()> {
        let size = self.grid.patch_size;
        let pixels = size * size;
        let channels = self.segmenter.in_channels();
        loop {
            let received = jobs.lock().map_err(|_| Error::segmenter("a worker thread panicked".to_owned()))?.recv();
            let Ok(batch) = received else { return Ok(()) };
            if self.stopped(stop) {
                return Ok(());
            }
            let started = Instant::now();
            busy.infer_started();
            let mut probability = vec![0.0; batch.len() * pixels];
            let shape = [batch.len(), channels, size, size];
            let answered = if let [job] = batch.as_slice() {
                self.segmenter.segment(&job.patch.data, shape, &mut probability)
            } else {
                let data: Vec<f32> = batch.iter().flat_map(|job| job.patch.data.iter().copied()).collect();
                self.segmenter.segment(&data, shape, &mut probability)
            };
            busy.infer_ended();
            busy.infer_ns.fetch_add(started.elapsed().as_nanos() as u64, Ordering::Relaxed);
            answered?;
            for (job, probability) in batch.into_iter().zip(probability.chunks_exact(pixels)) {
                if !probability.iter().all(|p| (0.0..=1.0).contains(p)) {
                    return Err(Error::segmenter(
                        "it answered with values outside of 0 to 1 (weights damaged, or input outside of its range)"
                            .to_owned(),
                    ));
                }
                let (row, col) = self.patch_position(job.sequence);
                let probability = Some(probability.to_vec());
                let unlike = self.distances(&job.patch);
                let answer = Prediction { row, col, probability, validity: job.patch.validity, unlike };
                if answers.send(Ok((job.sequence, answer))).is_err() {
                    return Ok(());
                }
            }
        }
    }
}
