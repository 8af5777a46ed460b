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

/// How a network is run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Type of the operands of products.
    pub precision: Precision,
    /// Instructions.
    pub isa: Isa,
    /// Whether the time of every operation is taken.
    pub profile: bool,
}

impl Options {
    /// The newest instructions, float32, no profile. Fails where the variable that forces instructions names none that the
    /// processor has.
    pub fn new() -> Result<Self> {
        Ok(Self { precision: Precision::Fp32, isa: Isa::detect()?, profile: false })
    }
}

/// A SegFormer, ready to answer. Can be used by many threads at once.
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
    /// Buffers of the patches that are not on their way just now, for all threads and for one.
    shared: Mutex<Vec<Arena<T>>>,
    single: Mutex<Vec<Arena<T>>>,
}

impl SegFormer {
    /// A network of these dimensions, with weights by their names in the PyTorch code.
    ///
    /// The processor must have the instructions; bfloat16 is worked out from float32, slowly, where it has none for it.
    pub fn new(config: &SegFormerConfig, weights: &Weights, options: Options) -> Result<Self> {
        // As a value that the processor has been asked for.
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

    /// How it is run.
    pub const fn options(&self) -> Options {
        self.options
    }

    /// Logits. Where there are as many patches as threads, or more, each goes through the network on one thread.
    ///
    /// # Shapes
    /// - `patches`: `[N, in_channels, H, W]`, row-major; H and W are multiples of 32 times the input's stride, or at least as large
    /// - output `[N, num_classes, H, W]`
    ///
    /// # Panics
    /// Where there are not as many values as the shape says, or too few for one token of the last stage.
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

    /// Where the time of all patches since the last call went, if that was asked for.
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
        let one = |(patch, logits): (&[f32], &mut [f32])| {
            let idle = || pool.lock().unwrap_or_else(PoisonError::into_inner);
            let mut arena = idle()
                .pop()
                .filter(|arena| arena.scratch.len() == threads_of_each)
                .unwrap_or_else(|| Arena::new(threads_of_each, options.profile));
            self.network.forward(patch, [height, width], &mut arena, logits);
            idle().push(arena);
        };
        if spread {
            // On a thread of the pool: from another, each of some hundred parallel sections would wait for threads to wake up.
            rayon::scope(|_| work.for_each(one));
        } else {
            work.collect::<Vec<_>>().into_par_iter().with_max_len(1).for_each(one);
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
