//! Secrets that stand in the environment or in files, and are read when they are needed.

use std::env;
use std::path::{Path, PathBuf};

/// Where a secret stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SecretPlace {
    /// Name of a variable of the environment.
    Variable(String),
    /// A file that holds nothing else.
    File(PathBuf),
}

impl SecretPlace {
    /// From the two keys of a configuration, of which one may be given.
    pub(super) fn of(
        key: &str,
        variable: Option<String>,
        file: Option<PathBuf>,
        folder: &Path,
    ) -> Result<Option<Self>, String> {
        match (variable, file) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(format!("`{key}_env` and `{key}_file` are both given; expected one of them")),
            (None, Some(file)) => Ok(Some(Self::File(folder.join(file)))),
            // The likely mistake is the secret itself, so the value is not shown.
            (Some(name), None) if !is_variable(&name) => Err(format!(
                "`{key}_env` is no name of a variable; expected letters, digits and `_`, as the secret itself does \
                 not belong in this file"
            )),
            (Some(name), None) => Ok(Some(Self::Variable(name))),
        }
    }

    /// Reads it, without the white space around it. Errors name the place, never what stands there.
    pub(super) fn read(&self) -> Result<String, String> {
        let text = match self {
            Self::Variable(name) => match env::var(name) {
                Ok(text) => text,
                Err(env::VarError::NotPresent) => {
                    return Err(format!("the variable `{name}` is not set; expected a secret in it"));
                }
                Err(env::VarError::NotUnicode(_)) => return Err(format!("the variable `{name}` holds no text")),
            },
            Self::File(path) => fs_err::read_to_string(path).map_err(|error| error.to_string())?,
        };
        let text = text.trim();
        if text.is_empty() {
            return Err(format!("{} is empty; expected a secret", self.name()));
        }
        Ok(text.to_owned())
    }

    /// The place, for messages.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Variable(name) => format!("the variable `{name}`"),
            Self::File(path) => path.display().to_string(),
        }
    }
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
