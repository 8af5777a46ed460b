//! Search for a runtime's library.

use std::env::consts::{DLL_EXTENSION, DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};

use super::{Library, probe};
use crate::{Error, Result, RuntimeKind};

/// Finds the library of a runtime: the given path, else the path in the environment, else the system's library path. Opens it and
/// checks its version.
pub(super) fn find(kind: RuntimeKind, given: Option<&Path>) -> Result<Library> {
    if let Some(given) = given {
        return find_at(kind, given, "the given path");
    }
    if let Some(path) = std::env::var_os(kind.variable()).filter(|path| !path.is_empty()) {
        return find_at(kind, Path::new(&path), kind.variable());
    }
    let mut tried = vec!["no path is given".to_owned(), format!("{} is not set", kind.variable())];
    // The variable that Intel's `setupvars.sh` sets.
    if kind == RuntimeKind::OpenVino
        && let Some(root) = std::env::var_os("INTEL_OPENVINO_DIR").filter(|path| !path.is_empty())
    {
        let folder = Path::new(&root).join("runtime/lib/intel64");
        match in_folder(kind, &folder) {
            Some(file) => return checked(kind, file),
            None => tried.push(format!("INTEL_OPENVINO_DIR: {} holds no such file", folder.display())),
        }
    }
    let name = format!("{DLL_PREFIX}{}{DLL_SUFFIX}", kind.stem());
    match probe::version(kind, Path::new(&name)) {
        Ok(version) => checked_version(kind, PathBuf::from(name), version),
        Err(probe::Failure::NotOpened(_)) => {
            tried.push(format!("`{name}` is not on the system's library path"));
            Err(Error::LibraryNotFound { kind, tried })
        }
        Err(probe::Failure::NotIt(reason)) => Err(Error::library(kind, name, reason)),
    }
}

/// Opens the library at a path, which is its file or its folder.
fn find_at(kind: RuntimeKind, path: &Path, source: &str) -> Result<Library> {
    let missing = |what: String| Err(Error::LibraryNotFound { kind, tried: vec![format!("{source}: {what}")] });
    // The loader would search elsewhere for a name without a folder.
    let Ok(path) = std::path::absolute(path) else { return missing(format!("`{}` is not a path", path.display())) };
    if path.is_dir() {
        return match in_folder(kind, &path) {
            Some(file) => checked(kind, file),
            None => missing(format!(
                "{} holds no file that is named `{DLL_PREFIX}{}{DLL_SUFFIX}`, with or without a version",
                path.display(),
                kind.stem()
            )),
        };
    }
    if !path.exists() {
        return missing(format!("{} does not exist", path.display()));
    }
    checked(kind, path)
}

/// Finds the library in a folder: the plain name, else the last name with a version.
fn in_folder(kind: RuntimeKind, folder: &Path) -> Option<PathBuf> {
    let plain = format!("{DLL_PREFIX}{}{DLL_SUFFIX}", kind.stem());
    if folder.join(&plain).is_file() {
        return Some(folder.join(plain));
    }
    // `libonnxruntime.so.1.32.0`, `libonnxruntime.1.32.0.dylib`.
    let start = format!("{DLL_PREFIX}{}.", kind.stem());
    let entries = std::fs::read_dir(folder).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let versions = names.filter(|name| {
        let version = name.strip_prefix(&start).map(|rest| rest.replace(DLL_EXTENSION, ""));
        version.is_some_and(|version| version.chars().all(|c| c == '.' || c.is_ascii_digit()))
    });
    versions.max().map(|name| folder.join(name))
}

fn checked(kind: RuntimeKind, path: PathBuf) -> Result<Library> {
    match probe::version(kind, &path) {
        Ok(version) => checked_version(kind, path, version),
        Err(probe::Failure::NotOpened(error)) => Err(Error::library(kind, path, "").caused_by(error)),
        Err(probe::Failure::NotIt(reason)) => Err(Error::library(kind, path, reason)),
    }
}

fn checked_version(kind: RuntimeKind, path: PathBuf, version: String) -> Result<Library> {
    match numbers(&version) {
        Some(found) if found >= kind.oldest() => Ok(Library { path, version: short(&version) }),
        Some(_) => Err(Error::library(kind, path, format!("it is version {}", short(&version)))),
        None => Err(Error::library(kind, path, format!("`{version}` is not a valid version"))),
    }
}

/// The first two numbers of a version.
pub(super) fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split(['.', '-']).map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

/// A version without its build information: `2026.4.1-22065-7dd2b1ab4d1-releases/2026/4` is 2026.4.1.
fn short(version: &str) -> String {
    version.split('-').next().unwrap_or(version).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert_eq!(numbers("1.32.0"), Some((1, 32)));
        assert_eq!(numbers("2026.4.1-22065-7dd2b1ab4d1-releases/2026/4"), Some((2026, 4)));
        assert_eq!(short("2026.4.1-22065-7dd2b1ab4d1-releases/2026/4"), "2026.4.1");
        for odd in ["", "custom", "1", "v1.2"] {
            assert_eq!(numbers(odd), None, "{odd}");
        }
        let message = |version: &str| {
            checked_version(RuntimeKind::OnnxRuntime, "lib.so".into(), version.to_owned()).unwrap_err().to_string()
        };
        assert_eq!(
            message("1.16.3"),
            "ONNX Runtime cannot be used: lib.so: it is version 1.16.3; version 1.17 or newer is accepted, such as the one \
             that `pip install onnxruntime` puts into `site-packages/onnxruntime/capi`"
        );
        assert!(message("custom").contains("`custom` is not a valid version"));
        assert!(checked_version(RuntimeKind::OnnxRuntime, "lib.so".into(), "1.17.0".to_owned()).is_ok());
    }

    #[test]
    fn a_folder_is_searched_for_the_library() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let find = || in_folder(RuntimeKind::OnnxRuntime, folder.path());
        for other in ["libonnxruntime_providers_shared.so", "libonnxruntime.so.txt", "onnxruntime.py"] {
            std::fs::write(at(other), "").unwrap();
        }
        assert_eq!(find(), None);
        let name = |version: &str| {
            if cfg!(target_os = "macos") {
                format!("{DLL_PREFIX}onnxruntime.{version}{DLL_SUFFIX}")
            } else {
                format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}.{version}")
            }
        };
        std::fs::write(at(&name("1.31.0")), "").unwrap();
        std::fs::write(at(&name("1.32.0")), "").unwrap();
        assert_eq!(find(), Some(at(&name("1.32.0"))));
        let plain = format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}");
        std::fs::write(at(&plain), "").unwrap();
        assert_eq!(find(), Some(at(&plain)));
    }

    #[test]
    fn a_library_that_is_none_is_refused_with_what_was_tried() {
        let folder = tempfile::tempdir().unwrap();
        for kind in RuntimeKind::ALL {
            let message = |path: &Path| find(kind, Some(path)).unwrap_err().to_string();
            let missing = message(&folder.path().join("none.so"));
            assert!(missing.starts_with(&format!("{kind} is not found: the given path: ")), "{missing}");
            assert!(missing.ends_with("none.so does not exist"), "{missing}");
            let empty = message(folder.path());
            assert!(empty.contains("holds no file that is named"), "{empty}");
            let text = folder.path().join("text.so");
            std::fs::write(&text, "no library").unwrap();
            let error = find(kind, Some(&text)).unwrap_err();
            let cause = std::error::Error::source(&error).unwrap();
            assert!(cause.is::<libloading::Error>());
            let refused = error.to_string();
            assert!(refused.contains("text.so: ") && refused.contains("or newer is accepted"), "{refused}");
            // The system says why, in the cause of the cause.
            let told = minesegsat_core::with_causes(&error);
            assert!(told.len() > refused.len() && told.starts_with(&refused), "{told}");
        }
    }

    /// Compiles a library from C source.
    fn made_of(folder: &Path, name: &str, lines: &str) -> Option<PathBuf> {
        let (source, library) = (folder.join(format!("{name}.c")), folder.join(format!("{name}.so")));
        std::fs::write(&source, lines).unwrap();
        let made =
            std::process::Command::new("cc").args(["-shared", "-fPIC", "-w", "-o"]).args([&library, &source]).status();
        made.is_ok_and(|status| status.success()).then_some(library)
    }

    #[test]
    fn a_library_of_the_wrong_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let onnxruntime = |version: &str| {
            format!(
                "static const char *version(void) {{ return \"{version}\"; }}
                 static const void *api(unsigned number) {{ return 0; }}
                 static const struct {{ const void *(*api)(unsigned); const char *(*version)(void); }} base = {{ api, version }};
                 const void *OrtGetApiBase(void) {{ return &base; }}"
            )
        };
        let openvino = |version: &str| {
            let others: String =
                probe::OPENVINO_FUNCTIONS[1..].iter().map(|name| format!("void {name}() {{}}\n")).collect();
            format!("int ov_get_openvino_version(const char **text) {{ text[0] = \"{version}\"; return 0; }}\n{others}")
        };
        for (kind, name, lines, reason) in [
            (RuntimeKind::OnnxRuntime, "old_ort", onnxruntime("1.16.3"), "it is version 1.16.3; version 1.17 or newer"),
            (RuntimeKind::OnnxRuntime, "odd_ort", onnxruntime("nightly"), "`nightly` is not a valid version"),
            (
                RuntimeKind::OnnxRuntime,
                "empty_ort",
                onnxruntime("1.30.0"),
                "version 1.30.0 without the interface of 1.17",
            ),
            (
                RuntimeKind::OnnxRuntime,
                "null_ort",
                "void *OrtGetApiBase(void) { return 0; }".to_owned(),
                "returns null",
            ),
            (
                RuntimeKind::OpenVino,
                "old_ov",
                openvino("2025.0.0-1-a"),
                "it is version 2025.0.0; version 2025.1 or newer",
            ),
            (RuntimeKind::OpenVino, "odd_ov", openvino("custom_main"), "`custom_main` is not a valid version"),
        ] {
            let Some(library) = made_of(folder.path(), name, &lines) else {
                minesegsat_testing::reference::skip("there is no C compiler");
                return;
            };
            let message = find(kind, Some(&library)).unwrap_err().to_string();
            assert!(message.contains(reason), "{message}");
        }
    }

    #[test]
    fn a_library_of_something_else_is_refused() {
        // All test machines have the C library.
        for kind in RuntimeKind::ALL {
            if cfg!(target_os = "linux")
                && let Err(probe::Failure::NotIt(reason)) = probe::version(kind, Path::new("libc.so.6"))
            {
                assert!(reason.starts_with("it has no function `"), "{reason}");
            }
        }
    }
}
