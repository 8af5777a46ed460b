//! SegFormers on the CPU.
//!
//! [`SegFormer`] runs the network of a model folder in float32 or bfloat16, with kernels that are compiled for each generation of a
//! processor's vector instructions and chosen at run time ([`Isa`]). What a general runtime does not do:
//!
//! - tokens and maps are both channels-last, so that nothing is ever transposed;
//! - a block of the encoder is three passes over its tokens, each of which keeps everything between in the second-level cache:
//!   keys and values; queries, scores, softmax, context and their projection; feed-forward network with its convolution
//!   (in two passes where layers are wide or maps low, so that several threads share the work);
//! - weights are packed once into the panels that the products read; convolutions gather some rows at a time;
//! - the decoder is folded into one projection per stage, and enlarging, sum, ReLU and classifier are one pass;
//! - buffers are made with the first patch of a shape, and none after it;
//! - one patch is spread over all threads; of many patches, each takes a thread.
#![warn(clippy::unwrap_used, clippy::print_stdout)]

mod aligned;
mod arena;
mod attention;
mod convolution;
mod decoder;
mod feed_forward;
mod layers;
mod network;
mod profile;
mod segformer;
mod simd;

pub use decoder::bilinear_taps;
pub use minesegsat_model::{Error, Precision, Result};
pub use profile::{Operation, Profile, ProfileRow};
pub use segformer::{Options, SegFormer};
pub use simd::{ISA_VARIABLE, Isa, Tap};

pub(crate) use aligned::Aligned;
