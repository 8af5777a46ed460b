//! Errors as Python exceptions with hints.

use minesegsat::nn::Error as NetworkError;
use minesegsat::onnx::Error as RuntimeError;
use minesegsat::{Error, OpenModelError, Setting, with_causes};
use pyo3::PyErr;

/// The classes of `minesegsat/errors.py`.
mod classes {
    pyo3::import_exception!(minesegsat.errors, MinesegsatError);
    pyo3::import_exception!(minesegsat.errors, ArgumentError);
    pyo3::import_exception!(minesegsat.errors, CrsError);
    pyo3::import_exception!(minesegsat.errors, FileError);
    pyo3::import_exception!(minesegsat.errors, InUseError);
    pyo3::import_exception!(minesegsat.errors, ModelError);
    pyo3::import_exception!(minesegsat.errors, OutputExistsError);
    pyo3::import_exception!(minesegsat.errors, RemoteError);
    pyo3::import_exception!(minesegsat.errors, SceneError);
}

/// Everything that can go wrong behind a function of this module.
#[derive(Debug)]
pub(crate) enum Failure {
    Core(Error),
    Model(OpenModelError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Core(error.into())
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        std::io::Error::from(error).into()
    }
}

impl From<OpenModelError> for Failure {
    fn from(error: OpenModelError) -> Self {
        match error {
            OpenModelError::BuiltIn(NetworkError::Core(error)) | OpenModelError::Runtime(RuntimeError::Core(error)) => {
                Self::Core(error)
            }
            error => Self::Model(error),
        }
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Core(error) => of_core(&error),
            Failure::Model(error) => {
                let hint = match &error {
                    OpenModelError::Runtime(RuntimeError::LibraryNotFound { kind, .. }) => {
                        let name = kind.name();
                        Some(format!(
                            "install it with `pip install {name}`, and pass library=FOLDER; {}",
                            kind.accepted()
                        ))
                    }
                    _ => None,
                };
                classes::ModelError::new_err((with_causes(&error), hint))
            }
        }
    }
}

/// The exception for an error of the libraries.
fn of_core(error: &Error) -> PyErr {
    let arguments = (with_causes(error), hint(error));
    match error {
        Error::Scene { .. } | Error::MissingBands { .. } => classes::SceneError::new_err(arguments),
        Error::Http { .. } | Error::HttpStatus { .. } | Error::ObjectStore { .. } | Error::Download { .. } => {
            classes::RemoteError::new_err(arguments)
        }
        Error::Argument { .. } | Error::UnknownBand(_) => classes::ArgumentError::new_err(arguments),
        Error::OutputExists { .. } => classes::OutputExistsError::new_err(arguments),
        Error::FolderInUse { .. } | Error::RegisterInUse { .. } => classes::InUseError::new_err(arguments),
        Error::Segmenter { .. } => classes::ModelError::new_err(arguments),
        Error::Crs { .. } => classes::CrsError::new_err(arguments),
        Error::Io(_)
        | Error::Raster { .. }
        | Error::RasterWrite { .. }
        | Error::Input { .. }
        | Error::Vector { .. }
        | Error::Database { .. }
        | Error::Sample { .. } => classes::FileError::new_err(arguments),
        _ => classes::MinesegsatError::new_err(arguments),
    }
}

/// What helps, in the words of Python.
fn hint(error: &Error) -> Option<String> {
    let text = match error {
        Error::OutputExists { .. } => "pass overwrite=True to replace it, or another output",
        Error::Argument { name: "shift between the dates", .. } => {
            "pass registration=\"measure\" to compare them as they are"
        }
        Error::MissingBands { missing, .. } => {
            let band = missing.first().map_or("B8A", |band| band.id());
            return Some(format!(
                "use a model that needs fewer bands, or open the scene with substitute={{\"{band}\": \"B08\"}}"
            ));
        }
        _ => match error.setting()? {
            Setting::Bands => "pass bands=[\"B02\", \"B03\", ...] in the order of the file",
            Setting::Offset => "pass offset=0 if there is no offset in the numbers, otherwise offset=-1000",
            Setting::Scale => "pass scale= and offset=, the conversion to reflectance",
            Setting::Tile => "pass tile=NAME to select the tile",
            _ => return None,
        },
    };
    Some(text.to_owned())
}
