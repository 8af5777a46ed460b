//! Runtimes that read ONNX files, from libraries that the user has.

mod library;
mod onnxruntime;
mod openvino;
mod probe;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use minesegsat::Segmenter;
use minesegsat_model::{
    Array, Forward, ModelCard, Precision, VerifyReport, Weights, answer_patches, check_views, verify_by,
};
use prost::Message;

use crate::{Error, OUTPUT, Result};

/// The runtimes that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimeKind {
    /// [ONNX Runtime](https://onnxruntime.ai), 1.17 or newer.
    OnnxRuntime,
    /// [OpenVINO](https://docs.openvino.ai), 2025.1 or newer.
    OpenVino,
}

/// A runtime with a model in it.
trait Runtime: Send + Sync {
    /// Logits of patches `[N, C, H, W]`, row-major, as `[N, classes, H, W]`.
    fn logits(&self, patches: &[f32], shape: [usize; 4]) -> Result<Vec<f32>>;
}

/// A library that was found, opened and asked for its version.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Library {
    path: PathBuf,
    version: String,
}

impl RuntimeKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::OnnxRuntime, Self::OpenVino];

    /// Name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnnxRuntime => "onnxruntime",
            Self::OpenVino => "openvino",
        }
    }

    /// Name of the environment variable that says where the library is: the file, or a folder that holds it.
    pub const fn variable(self) -> &'static str {
        match self {
            Self::OnnxRuntime => "ORT_DYLIB_PATH",
            Self::OpenVino => "OPENVINO_DYLIB_PATH",
        }
    }

    /// Name of the library's file without what platforms put around it.
    const fn stem(self) -> &'static str {
        match self {
            Self::OnnxRuntime => "onnxruntime",
            Self::OpenVino => "openvino_c",
        }
    }

    /// The oldest version that is accepted.
    const fn oldest(self) -> (u32, u32) {
        match self {
            Self::OnnxRuntime => (1, 17),
            Self::OpenVino => (2025, 1),
        }
    }

    /// Which library is accepted, and who has one.
    pub fn accepted(self) -> String {
        let (major, minor) = self.oldest();
        let folder = match self {
            Self::OnnxRuntime => "onnxruntime/capi",
            Self::OpenVino => "openvino/libs",
        };
        let name = self.name();
        format!(
            "version {major}.{minor} or newer is accepted, such as the one that `pip install {name}` puts into \
             `site-packages/{folder}`"
        )
    }
}

impl fmt::Display for RuntimeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::OnnxRuntime => "ONNX Runtime",
            Self::OpenVino => "OpenVINO",
        })
    }
}

impl FromStr for RuntimeKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| format!("`{text}` is no runtime; expected onnxruntime or openvino"))
    }
}

/// A model behind the seam that makes maps, run by a runtime that the user has.
///
/// Patches go through the network one at a time, each on all threads of the calling thread pool of `rayon`: a batch would
/// only need more memory, and so a patch's answer cannot depend on what else is in its batch.
pub struct RuntimeSegmenter {
    card: ModelCard,
    temperature: f32,
    kind: RuntimeKind,
    library: Library,
    runtime: Box<dyn Runtime>,
}

impl RuntimeSegmenter {
    /// Opens a model folder and gives its network to a runtime.
    ///
    /// `library` is the runtime's file, or a folder that holds it; where it is not given, [`RuntimeKind::variable`] says, then
    /// the system's loader is asked. ONNX Runtime runs in float32 alone; OpenVINO decides itself whether the processor has bfloat16.
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

    /// The same with patches seen in another number of symmetries than the card's, to see what it would do.
    pub fn with_views(mut self, views: usize) -> Result<Self> {
        check_views(views).map_err(|_| minesegsat_model::Error::Argument {
            name: "views",
            value: views.to_string(),
            accepted: "1, 2, 4 or 8".to_owned(),
        })?;
        self.card.views = views;
        Ok(self)
    }

    /// The same with another temperature than the card's, to see what it would do.
    pub fn with_temperature(self, temperature: f32) -> Self {
        Self { temperature, ..self }
    }

    /// What the model says of itself.
    pub const fn card(&self) -> &ModelCard {
        &self.card
    }

    /// The runtime and its version: `ONNX Runtime 1.32.0`.
    pub fn engine(&self) -> String {
        format!("{} {}", self.kind, self.library.version)
    }

    /// Logits of patches, one at a time.
    fn logits(&self, patches: &[f32], [batch, channels, height, width]: [usize; 4]) -> Result<Vec<f32>> {
        let one = [1, channels, height, width];
        let expected = self.card.architecture.num_classes() * height * width;
        let mut logits = Vec::with_capacity(batch * expected);
        for patch in patches.chunks_exact(channels * height * width) {
            let answer = self.runtime.logits(patch, one)?;
            if answer.len() != expected {
                let reason = format!("{} values, expected {expected}", answer.len());
                return Err(Error::Runtime { kind: self.kind, action: "answered with the wrong shape", reason });
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

    fn segment(&self, patches: &[f32], shape: [usize; 4], probabilities: &mut [f32]) -> minesegsat::Result<()> {
        let logits = |patches: &[f32], shape| self.logits(patches, shape);
        answer_patches(&self.card, self.temperature, patches, shape, probabilities, logits)
    }
}

/// Runs the recorded input of a model folder, or another one, through a runtime and compares the logits with the recorded
/// ones. `against` is as [`verify_by`] takes it.
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
