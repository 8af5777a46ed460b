//! The folder of a run: created for a new run, checked for a resumed one.

use std::{collections::BTreeMap, path::Path};

use minesegsat_core::{Cause, output::atomic_write};

use super::{CONFIG_FILE, TrainConfig, TrainOptions};
use crate::{Error, Result};

/// Creates the folder of a new run, or checks that an existing one has this configuration. Returns whether the run is new.
pub(super) fn claim_folder(config: &TrainConfig, options: &TrainOptions) -> Result<bool> {
    let path = options.run.join(CONFIG_FILE);
    let text = config.to_toml()?;
    if path.is_file() {
        if !options.resume {
            return Err(Error::RunExists { path: options.run.clone() });
        }
        let old = fs_err::read_to_string(&path)?;
        let different = differences(&old, &text);
        if !different.is_empty() {
            return Err(run_error(
                &options.run,
                &format!(
                    "its run has another configuration: {}; it can only be resumed as it was",
                    different.join(", ")
                ),
            ));
        }
        return Ok(false);
    }
    if options.run.is_dir() && fs_err::read_dir(&options.run)?.next().is_some() {
        return Err(run_error(&options.run, "it is not empty and contains no run: choose another folder"));
    }
    fs_err::create_dir_all(&options.run)?;
    atomic_write(&path, text.as_bytes())?;
    Ok(true)
}

/// Keys whose values differ in two files, with both values.
fn differences(old: &str, new: &str) -> Vec<String> {
    fn flatten(prefix: &str, value: &toml::Value, out: &mut BTreeMap<String, String>) {
        match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                    flatten(&name, value, out);
                }
            }
            toml::Value::Array(list) if list.iter().any(toml::Value::is_table) => {
                for (i, value) in list.iter().enumerate() {
                    flatten(&format!("{prefix}.{i}"), value, out);
                }
            }
            other => {
                out.insert(prefix.to_owned(), other.to_string());
            }
        }
    }
    let flat = |text: &str| {
        let mut out = BTreeMap::new();
        if let Ok(table) = text.parse::<toml::Table>() {
            flatten("", &toml::Value::Table(table), &mut out);
        }
        out
    };
    let (old, new) = (flat(old), flat(new));
    let none = "nothing".to_owned();
    let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        // A run may resume on another device.
        .filter(|key| *key != "device" && old.get(*key) != new.get(*key))
        .map(|key| format!("`{key}` was {}, is {}", old.get(key).unwrap_or(&none), new.get(key).unwrap_or(&none)))
        .collect()
}

/// An error about the folder of a run.
pub(super) fn run_error(folder: &Path, reason: &str) -> Error {
    Error::Run { path: folder.to_owned(), reason: reason.to_owned(), source: None }
}

/// An error about the folder of a run, and the error that caused it. The reason may be empty.
pub(super) fn run_error_by(cause: impl Into<Cause>, folder: &Path, reason: &str) -> Error {
    Error::Run { path: folder.to_owned(), reason: reason.to_owned(), source: Some(cause.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_two_configurations_is_named() {
        let config = TrainConfig::default();
        let mut other = config.clone();
        other.data.batch_size = 3;
        other.device = "cuda:0".to_owned();
        other.phases[0].epochs = 9;
        let found = differences(&config.to_toml().unwrap(), &other.to_toml().unwrap());
        assert_eq!(found, ["`data.batch_size` was 8, is 3", "`phases.0.epochs` was 50, is 9"]);
    }
}
