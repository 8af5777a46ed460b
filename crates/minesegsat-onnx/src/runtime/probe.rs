//! What a library is, asked of itself: the one place of this crate with unsafe code.
//!
//! The crates that call the runtimes panic where a function is missing or a version is not understood; what is asked here
//! first is given to them only if it is sound.
#![expect(unsafe_code, reason = "libraries are opened and called by their C interfaces")]

use std::ffi::CStr;
use std::path::Path;

use libloading::{Library, Symbol};

use super::{RuntimeKind, library::numbers};

/// Why a library is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The system cannot open it.
    NotOpened(String),
    /// It is opened, and is not the runtime.
    NotIt(String),
}

/// The functions of OpenVINO's C interface that are called.
pub(super) const OPENVINO_FUNCTIONS: [&str; 27] = [
    "ov_get_openvino_version",
    "ov_version_free",
    "ov_get_last_err_msg",
    "ov_core_create",
    "ov_core_free",
    "ov_core_set_property",
    "ov_core_read_model_from_memory_buffer",
    "ov_core_compile_model",
    "ov_model_free",
    "ov_compiled_model_free",
    "ov_compiled_model_create_infer_request",
    "ov_compiled_model_inputs_size",
    "ov_compiled_model_outputs_size",
    "ov_infer_request_free",
    "ov_infer_request_get_input_tensor_by_index",
    "ov_infer_request_get_output_tensor_by_index",
    "ov_infer_request_get_output_tensor",
    "ov_infer_request_set_input_tensor",
    "ov_infer_request_infer",
    "ov_tensor_create",
    "ov_tensor_free",
    "ov_tensor_data",
    "ov_tensor_get_byte_size",
    "ov_tensor_get_element_type",
    "ov_tensor_get_size",
    "ov_shape_create",
    "ov_shape_free",
];

/// The version of the library at a path, as it says it itself. It stays open until the program ends.
pub(super) fn version(kind: RuntimeKind, path: &Path) -> Result<String, Failure> {
    // SAFETY: opening a library runs its initialisers. It is the file that the user names as the runtime, which is about to be
    // run as a whole; nothing more is trusted here than there.
    let library = unsafe { Library::new(path) }.map_err(|error| Failure::NotOpened(error.to_string()))?;
    let version = match kind {
        RuntimeKind::OnnxRuntime => onnxruntime_version(&library),
        RuntimeKind::OpenVino => openvino_version(&library),
    };
    // Closing it would run its finalisers, with threads of it perhaps still there.
    std::mem::forget(library);
    version.map_err(Failure::NotIt)
}

fn onnxruntime_version(library: &Library) -> Result<String, String> {
    type GetApiBase = unsafe extern "C" fn() -> *const ort::sys::OrtApiBase;

    let get: Symbol<'_, GetApiBase> = function(library, "OrtGetApiBase")?;
    // SAFETY: `OrtGetApiBase` of ONNX Runtime takes nothing and gives a static structure, or null; its members take nothing and
    // give a static text, or take a number and give a pointer, which is not followed. The type is that of the runtime's header.
    unsafe {
        let base = get();
        if base.is_null() {
            return Err("`OrtGetApiBase` gives nothing".to_owned());
        }
        let version = text(((*base).GetVersionString)())?;
        // An older one would complain on stderr.
        let is_new = numbers(&version).is_some_and(|found| found >= RuntimeKind::OnnxRuntime.oldest());
        if is_new && ((*base).GetApi)(ort::sys::ORT_API_VERSION).is_null() {
            return Err(format!("it is version {version} without the interface of 1.{}", ort::sys::ORT_API_VERSION));
        }
        Ok(version)
    }
}

fn openvino_version(library: &Library) -> Result<String, String> {
    type GetVersion = unsafe extern "C" fn(*mut openvino_sys::ov_version_t) -> openvino_sys::ov_status_e;
    type FreeVersion = unsafe extern "C" fn(*mut openvino_sys::ov_version_t);

    for name in OPENVINO_FUNCTIONS {
        function::<unsafe extern "C" fn()>(library, name)?;
    }
    let get: Symbol<'_, GetVersion> = function(library, "ov_get_openvino_version")?;
    let free: Symbol<'_, FreeVersion> = function(library, "ov_version_free")?;
    let mut version = openvino_sys::ov_version_t { buildNumber: std::ptr::null(), description: std::ptr::null() };
    // SAFETY: `ov_get_openvino_version` fills in the structure that it is given with texts that are there until
    // `ov_version_free` is given it. The types are those of the runtime's header.
    unsafe {
        let status = get(&raw mut version);
        if status != openvino_sys::ov_status_e::OK {
            return Err(format!("it does not tell its version: {status:?}"));
        }
        let number = text(version.buildNumber);
        free(&raw mut version);
        number
    }
}

/// A function of a library. It is called by nobody who does not know its type.
fn function<'a, T>(library: &'a Library, name: &str) -> Result<Symbol<'a, T>, String> {
    // SAFETY: looking up a name runs nothing; what is found is called above, where its type is said.
    unsafe { library.get(name.as_bytes()) }.map_err(|_| format!("it has no function `{name}`"))
}

/// Copies a text.
///
/// # Safety
/// `text` is null or points to a text that ends with a zero byte.
unsafe fn text(text: *const std::ffi::c_char) -> Result<String, String> {
    if text.is_null() {
        return Err("it does not tell its version".to_owned());
    }
    // SAFETY: by this function's contract.
    Ok(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}
