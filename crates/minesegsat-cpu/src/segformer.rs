use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use half::bf16;
use minesegsat_model::{Precision, SegFormerConfig, Weights};
use rayon::prelude::*;

use crate::arena::Arena;
use crate::layers::Source;
use crate::network::Network;
use crate::simd::{Element, peak_flops};
use crate::{Isa, Profile, Result};

/// Options for running a network.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Type of the operands of products.
    pub precision: Precision,
    /// Vector instructions.
    pub isa: Isa,
    /// Whether to measure the time of every operation.
    pub profile: bool,
}

impl Options {
    /// The newest instructions, float32, no profile. Fails if [`ISA_VARIABLE`](crate::ISA_VARIABLE) names instructions that the
    /// processor lacks.
    pub fn new() -> Result<Self> {
        Ok(Self { precision: Precision::Fp32, isa: Isa::detect()?, profile: false })
    }
}

/// A SegFormer with loaded weights. Many threads can use it at once.
#[derive(Debug)]
pub struct SegFormer {
    inner: Inner,
    in_channels: usize,
    num_classes: usize,
    options: Options,
    profile: Mutex<Option<Profile>>,
}

#[derive(Debug)]
enum Inner {
    Fp32(Runner<f32>),
    Bf16(Runner<bf16>),
}

#[derive(Debug)]
struct Runner<T: Element> {
    network: Network<T>,
    /// Idle buffers: for a patch on all threads, and for a patch on one thread.
    shared: Mutex<Vec<Arena<T>>>,
    single: Mutex<Vec<Arena<T>>>,
}

impl SegFormer {
    /// Builds a network of these dimensions from weights that are named as in the PyTorch code.
    ///
    /// Fails if the processor lacks the instructions. Without bfloat16 instructions, bfloat16 products are computed in float32,
    /// which is slow.
    pub fn new(config: &SegFormerConfig, weights: &Weights, options: Options) -> Result<Self> {
        // Parsing the name checks that the processor has the instructions.
        let isa: Isa = options.isa.name().parse()?;
        let source = Source { isa, weights };
        let inner = match options.precision {
            Precision::Fp32 => Inner::Fp32(Runner::new(Network::read(source, config)?)),
            Precision::Bf16 => Inner::Bf16(Runner::new(Network::read(source, config)?)),
        };
        Ok(Self {
            inner,
            in_channels: config.in_channels,
            num_classes: config.num_classes,
            options,
            profile: Mutex::new(None),
        })
    }

    /// The options that it runs with.
    pub const fn options(&self) -> Options {
        self.options
    }

    /// Computes logits. With at least as many patches as threads, each patch runs on one thread; otherwise on all threads.
    ///
    /// # Shapes
    /// - `patches`: `[N, in_channels, H, W]`, row-major; H and W are multiples of 32 times the input's stride, or at least as large
    /// - output `[N, num_classes, H, W]`
    ///
    /// # Panics
    /// If the number of values does not match the shape, or if a patch is too small for one token of the last stage.
    pub fn logits(&self, patches: &[f32], shape: [usize; 4]) -> Vec<f32> {
        let [batch, channels, height, width] = shape;
        assert!(channels == self.in_channels && patches.len() == shape.iter().product::<usize>(), "{shape:?}");
        let mut logits = vec![0.0; batch * self.num_classes * height * width];
        let profile = match &self.inner {
            Inner::Fp32(runner) => runner.run(patches, shape, &mut logits, self.options),
            Inner::Bf16(runner) => runner.run(patches, shape, &mut logits, self.options),
        };
        if let Some(profile) = profile {
            let mut all = self.profile.lock().unwrap_or_else(PoisonError::into_inner);
            match &mut *all {
                Some(all) => all.join(&profile),
                None => *all = Some(profile),
            }
        }
        logits
    }

    /// The profile of all patches since the last call, if [`Options::profile`] is set.
    pub fn take_profile(&self) -> Option<Profile> {
        self.profile.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<T: Element> Runner<T> {
    fn new(network: Network<T>) -> Self {
        Self { network, shared: Mutex::default(), single: Mutex::default() }
    }

    fn run(&self, patches: &[f32], shape: [usize; 4], logits: &mut [f32], options: Options) -> Option<Profile> {
        let [batch, channels, height, width] = shape;
        let threads = rayon::current_num_threads();
        if batch == 0 {
            return None;
        }
        let answer = logits.len() / batch;
        let work = patches.chunks_exact(channels * height * width).zip(logits.chunks_exact_mut(answer));
        let start = Instant::now();
        let spread = batch < threads || threads == 1;
        let (pool, threads_of_each) = if spread { (&self.shared, threads) } else { (&self.single, 1) };
        let run_patch = |(patch, logits): (&[f32], &mut [f32])| {
            let idle = || pool.lock().unwrap_or_else(PoisonError::into_inner);
            let mut arena = idle()
                .pop()
                .filter(|arena| arena.scratch.len() == threads_of_each)
                .unwrap_or_else(|| Arena::new(threads_of_each, options.profile));
            self.network.forward(patch, [height, width], &mut arena, logits);
            idle().push(arena);
        };
        if spread {
            // On a thread of the pool: from any other thread, each of some hundred parallel sections would wait for threads to wake up.
            rayon::scope(|_| work.for_each(run_patch));
        } else {
            work.collect::<Vec<_>>().into_par_iter().with_max_len(1).for_each(run_patch);
        }
        options.profile.then(|| {
            let wall_s = start.elapsed().as_secs_f64();
            let mut pool = pool.lock().unwrap_or_else(PoisonError::into_inner);
            let scratch = || pool.iter().flat_map(|arena| &arena.scratch);
            let mut profile =
                Profile::new(scratch().map(|scratch| &scratch.clock), wall_s, threads, peak_flops::<T>(options.isa));
            profile.patches = batch;
            for scratch in pool.iter_mut().flat_map(|arena| &mut arena.scratch) {
                scratch.clock = crate::profile::Clock::new(true);
            }
            profile
        })
    }
}
