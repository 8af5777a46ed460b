//! SegFormer on the CPU.
//!
//! [`SegFormer`] runs the network of a model folder in float32 or bfloat16. Its kernels are compiled for each generation of
//! vector instructions and chosen at run time ([`Isa`]). It differs from a general runtime as follows:
//!
//! - Tokens and maps are both channels-last, so nothing is ever transposed.
//! - A block of the encoder is three passes over its tokens. Each pass keeps its intermediate values in the L2 cache:
//!   1. keys and values;
//!   2. queries, scores, softmax, context and their projection;
//!   3. the feed-forward network with its convolution. Wide layers and maps of few rows need two passes here, so that several
//!      threads can share the work.
//! - Weights are packed once, into the panels that the matrix products read. Convolutions gather a few rows at a time.
//! - The decoder is folded into one projection per stage. Upsampling, sum, ReLU and classifier are one pass.
//! - The path at full resolution, for networks that have one, folds its batch norms into its convolutions.
//! - Buffers are allocated with the first patch of a shape and reused for the following patches.
//! - A batch of fewer patches than threads runs patch by patch, each on all threads. A larger batch runs one patch per thread.
//!
//! [`ChangeHead`] runs the change head of a model: a few convolutions over two dates, in float32.
//!
//! [`training`] has the same kernels for the training of `minesegsat-nn`.
#![warn(clippy::unwrap_used, clippy::print_stdout)]

mod arena;
mod attention;
mod change_head;
mod convolution;
mod decoder;
mod detail;
mod feed_forward;
mod layers;
mod network;
mod profile;
mod segformer;
mod simd;
mod taps;
pub mod training;

pub use change_head::ChangeHead;
pub use minesegsat_model::{Error, Precision, Result};
pub use profile::{Operation, Profile, ProfileRow};
pub use segformer::{Options, SegFormer};
pub use simd::{ISA_VARIABLE, Isa, Tap};
pub use taps::bilinear_taps;

pub(crate) use simd::Aligned;
