//! Checks of a library before it is used: the only module of this crate with unsafe code.
//!
//! The crates that call the runtimes panic if a function is missing or if they cannot parse the version. So the library is
//! passed to them only after the checks in this module.
#![expect(unsafe_code, reason = "libraries are opened and called by their C interfaces")]

use std::ffi::CStr;
use std::path::Path;

use libloading::{Library, Symbol};

use super::library::numbers;
use crate::RuntimeKind;

/// Reason to reject a library.
#[derive(Debug)]
pub(super) enum Failure {
    /// The system cannot open it.
    NotOpened(libloading::Error),
    /// It can be opened, but it is not the runtime.
    NotIt(String),
}

/// The functions of OpenVINO's C interface that this crate needs.
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

/// The version that the library at a path reports. The library stays open until the program ends.
pub(super) fn version(kind: RuntimeKind, path: &Path) -> Result<String, Failure> {
    // SAFETY: opening a library runs its initialisers. The user names this file as the runtime, and the program is about to
    // run it anyway.
    let library = unsafe { Library::new(path) }.map_err(Failure::NotOpened)?;
    let version = match kind {
        RuntimeKind::OnnxRuntime => onnxruntime_version(&library),
        RuntimeKind::OpenVino => openvino_version(&library),
    };
    // Closing the library would run its finalisers while its threads may still run.
    std::mem::forget(library);
    version.map_err(Failure::NotIt)
}

fn onnxruntime_version(library: &Library) -> Result<String, String> {
    type GetApiBase = unsafe extern "C" fn() -> *const ort::sys::OrtApiBase;

    let get: Symbol<'_, GetApiBase> = function(library, "OrtGetApiBase")?;
    // SAFETY: `OrtGetApiBase` takes no arguments and returns a static structure or null. Its members return a static text, or
    // take a number and return a pointer, which is not followed. The type is that of the runtime's header.
    unsafe {
        let base = get();
        if base.is_null() {
            return Err("`OrtGetApiBase` returns null".to_owned());
        }
        let version = text(((*base).GetVersionString)())?;
        // An older version would print a message to stderr.
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
    // SAFETY: `ov_get_openvino_version` fills the structure with texts that live until `ov_version_free` is called. The types
    // are those of the runtime's header.
    unsafe {
        let status = get(&raw mut version);
        if status != openvino_sys::ov_status_e::OK {
            return Err(format!("it does not report its version: {status:?}"));
        }
        let number = text(version.buildNumber);
        free(&raw mut version);
        number
    }
}

/// Looks up a function of a library. The caller must use it with its correct type.
fn function<'a, T>(library: &'a Library, name: &str) -> Result<Symbol<'a, T>, String> {
    // SAFETY: looking up a name runs no code. The functions are called above, where their types are stated.
    unsafe { library.get(name.as_bytes()) }.map_err(|_| format!("it has no function `{name}`"))
}

/// Copies a text.
///
/// # Safety
/// `text` is null or points to a text that ends with a zero byte.
unsafe fn text(text: *const std::ffi::c_char) -> Result<String, String> {
    if text.is_null() {
        return Err("it does not report its version".to_owned());
    }
    // SAFETY: as the caller guarantees.
    Ok(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}
