//! Inference with an installed ONNX runtime: [`RuntimeSegmenter`], [`verify_with`].

mod library;
mod onnxruntime;
mod openvino;
mod probe;

use std::fmt;
use std::path::{Path, PathBuf};

use minesegsat_core::Segmenter;
use minesegsat_model::{
    Array, Forward, ModelCard, Precision, VerifyReport, Weights, answer_patches, check_views, verify_by,
};
use prost::Message;

use crate::{Error, OUTPUT, Result, RuntimeKind};

/// A runtime with a loaded model.
trait Runtime: Send + Sync {
    /// Computes the logits, `[N, classes, H, W]`, of patches `[N, C, H, W]`, both row-major.
    fn logits(&self, patches: &[f32], shape: [usize; 4]) -> Result<Vec<f32>>;
}

/// A library that was opened and whose version is known.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Library {
    path: PathBuf,
    version: String,
}

/// A [`Segmenter`] that runs a model with an installed runtime.
///
/// Patches run one at a time, each on as many threads as the calling `rayon` pool has. A batch would only need more memory,
/// and this way the result of a patch cannot depend on the rest of its batch.
pub struct RuntimeSegmenter {
    card: ModelCard,
    temperature: f32,
    kind: RuntimeKind,
    library: Library,
    runtime: Box<dyn Runtime>,
}

impl RuntimeSegmenter {
    /// Opens a model folder and loads its network into a runtime.
    ///
    /// `library` is the runtime's file or its folder. Default: the environment variable [`RuntimeKind::variable`], then the
    /// system's library path. ONNX Runtime runs in float32 only. OpenVINO uses bfloat16 only if the processor supports it.
    pub fn open(
        folder: impl AsRef<Path>,
        kind: RuntimeKind,
        library: Option<&Path>,
        precision: Precision,
    ) -> Result<Self> {
        if kind == RuntimeKind::OnnxRuntime && precision != Precision::Fp32 {
            return Err(minesegsat_model::Error::Argument {
                name: "precision",
                value: precision.name().to_owned(),
                accepted: "ONNX Runtime runs in fp32; bf16 is for the engines native and openvino".to_owned(),
            }
            .into());
        }
        let folder = folder.as_ref();
        let card = ModelCard::read(folder)?;
        let library = library::find(kind, library)?;
        let weights = Weights::read(folder, &card)?;
        let model = crate::export::export(&card, &weights)?.encode_to_vec();
        drop(weights);
        let threads = rayon::current_num_threads();
        let runtime: Box<dyn Runtime> = match kind {
            RuntimeKind::OnnxRuntime => Box::new(onnxruntime::OnnxRuntime::new(&library, &model, threads)?),
            RuntimeKind::OpenVino => Box::new(openvino::OpenVino::new(&library, &model, threads, precision)?),
        };
        tracing::info!("{kind} {} from {}", library.version, library.path.display());
        Ok(Self { temperature: card.temperature, card, kind, library, runtime })
    }

    /// Replaces the card's number of views.
    pub fn with_views(mut self, views: usize) -> Result<Self> {
        check_views(views).map_err(|_| minesegsat_model::Error::Argument {
            name: "views",
            value: views.to_string(),
            accepted: "1, 2, 4 or 8".to_owned(),
        })?;
        self.card.views = views;
        Ok(self)
    }

    /// Replaces the card's temperature.
    pub fn with_temperature(self, temperature: f32) -> Self {
        Self { temperature, ..self }
    }

    /// The model's card.
    pub const fn card(&self) -> &ModelCard {
        &self.card
    }

    /// The runtime and its version: `ONNX Runtime 1.32.0`.
    pub fn engine(&self) -> String {
        format!("{} {}", self.kind, self.library.version)
    }

    /// Computes the logits of patches, one at a time.
    fn logits(&self, patches: &[f32], [batch, channels, height, width]: [usize; 4]) -> Result<Vec<f32>> {
        let one = [1, channels, height, width];
        let expected = self.card.architecture.num_classes() * height * width;
        let mut logits = Vec::with_capacity(batch * expected);
        for patch in patches.chunks_exact(channels * height * width) {
            let answer = self.runtime.logits(patch, one)?;
            if answer.len() != expected {
                let reason = format!("{} values, expected {expected}", answer.len());
                return Err(Error::runtime(self.kind, "answered with the wrong shape", reason));
            }
            logits.extend(answer);
        }
        Ok(logits)
    }
}

impl fmt::Debug for RuntimeSegmenter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeSegmenter")
            .field("card", &self.card)
            .field("library", &self.library)
            .finish_non_exhaustive()
    }
}

impl Segmenter for RuntimeSegmenter {
    fn in_channels(&self) -> usize {
        self.card.architecture.in_channels()
    }

    fn size_divisor(&self) -> usize {
        self.card.architecture.size_divisor()
    }

    fn segment(&self, patches: &[f32], shape: [usize; 4], probabilities: &mut [f32]) -> minesegsat_core::Result<()> {
        let logits = |patches: &[f32], shape| self.logits(patches, shape);
        answer_patches(&self.card, self.temperature, patches, shape, probabilities, logits)
    }
}

/// Runs a recorded input through a runtime and compares the logits with the recorded ones. `against` is as for
/// [`verify_by`].
pub fn verify_with(
    folder: impl AsRef<Path>,
    kind: RuntimeKind,
    (library, precision): (Option<&Path>, Precision),
    against: Option<&Path>,
    tolerance: f32,
) -> Result<VerifyReport> {
    let folder = folder.as_ref();
    let segmenter = RuntimeSegmenter::open(folder, kind, library, precision)?;
    verify_by(folder, &segmenter.card, against, tolerance, |input: Array| {
        let [batch, channels, height, width] = [0, 1, 2, 3].map(|i| input.shape[i]);
        let values = segmenter.logits(&input.values, [batch, channels, height, width])?;
        let shape = vec![batch, segmenter.card.architecture.num_classes(), height, width];
        Ok(Forward { input, outputs: [(OUTPUT.to_owned(), Array { shape, values })].into() })
    })
}
