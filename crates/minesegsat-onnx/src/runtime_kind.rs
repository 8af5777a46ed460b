//! The supported runtimes: [`RuntimeKind`].

use std::fmt;
use std::str::FromStr;

/// The supported runtimes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimeKind {
    /// [ONNX Runtime](https://onnxruntime.ai), 1.17 or newer.
    OnnxRuntime,
    /// [OpenVINO](https://docs.openvino.ai), 2025.1 or newer.
    OpenVino,
}

impl RuntimeKind {
    /// All runtimes.
    pub const ALL: [Self; 2] = [Self::OnnxRuntime, Self::OpenVino];

    /// Name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnnxRuntime => "onnxruntime",
            Self::OpenVino => "openvino",
        }
    }

    /// Environment variable with the path of the library's file or folder.
    pub const fn variable(self) -> &'static str {
        match self {
            Self::OnnxRuntime => "ORT_DYLIB_PATH",
            Self::OpenVino => "OPENVINO_DYLIB_PATH",
        }
    }

    /// Name of the library's file without the platform's prefix and extension.
    pub(crate) const fn stem(self) -> &'static str {
        match self {
            Self::OnnxRuntime => "onnxruntime",
            Self::OpenVino => "openvino_c",
        }
    }

    /// The oldest supported version.
    pub(crate) const fn oldest(self) -> (u32, u32) {
        match self {
            Self::OnnxRuntime => (1, 17),
            Self::OpenVino => (2025, 1),
        }
    }

    /// The accepted versions, and where to get one.
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
            .ok_or_else(|| format!("`{text}` is not a runtime; expected onnxruntime or openvino"))
    }
}
