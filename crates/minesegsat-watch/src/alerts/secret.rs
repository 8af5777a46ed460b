//! Secrets in the environment or in files. They are read only when needed.

use std::env;
use std::path::{Path, PathBuf};

/// Where a secret is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SecretPlace {
    /// Name of an environment variable.
    Variable(String),
    /// A file that contains only the secret.
    File(PathBuf),
}

impl SecretPlace {
    /// Reads the keys `{key}_env` and `{key}_file` of a configuration. At most one may be given.
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
            // The value is not shown: a likely mistake is to write the secret itself here.
            (Some(name), None) if !is_variable(&name) => Err(format!(
                "`{key}_env` is not a variable name; expected letters, digits and `_`. The secret itself does not \
                 belong in this file"
            )),
            (Some(name), None) => Ok(Some(Self::Variable(name))),
        }
    }

    /// Reads the secret without surrounding white space. Errors name the variable or file, never its content.
    pub(super) fn read(&self) -> Result<String, String> {
        let text = match self {
            Self::Variable(name) => match env::var(name) {
                Ok(text) => text,
                Err(env::VarError::NotPresent) => {
                    return Err(format!("the variable `{name}` is not set; expected a secret in it"));
                }
                Err(env::VarError::NotUnicode(_)) => return Err(format!("the variable `{name}` is not UTF-8 text")),
            },
            Self::File(path) => fs_err::read_to_string(path).map_err(|error| error.to_string())?,
        };
        let text = text.trim();
        if text.is_empty() {
            return Err(format!("{} is empty; expected a secret", self.name()));
        }
        Ok(text.to_owned())
    }

    /// Name of the variable or file, for messages.
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
