//! Classes of masks: [`ClassMap`].

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::raw::RawFeature;
use super::{LabelOptions, listed};
use minesegsat_core::{Error, Result};

/// Classes of masks: the mask value of each attribute value.
///
/// Where features of several classes overlap, the class with the higher number wins, regardless of their order in the file.
/// [`LabelOptions::classes`](super::LabelOptions::classes) sets the numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassMap {
    /// The attribute. Without it there is only the class `mining`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// Names and numbers, by number. Several values of the attribute may share a number.
    pub classes: Vec<(String, u8)>,
}

/// Number of the class `mining` if there is no attribute.
const MINING: u8 = 1;
/// The highest number of a class; 255 is for ignored pixels.
const MAX_CLASS: u8 = super::IGNORE - 1;

impl ClassMap {
    /// Determines the classes of features. `attribute` is its name in the file.
    pub(super) fn new(
        path: &Path,
        options: &LabelOptions,
        attribute: Option<&str>,
        features: &[RawFeature],
    ) -> Result<Self> {
        let Some(attribute) = attribute else {
            return Ok(Self { attribute: None, classes: vec![("mining".to_owned(), MINING)] });
        };
        let fail = |reason: String| Error::vector(path, reason);
        let mut counts: BTreeMap<Key, usize> = BTreeMap::new();
        let mut without = 0;
        for feature in features {
            match feature.attributes.get(attribute).and_then(text_of) {
                Some(text) => *counts.entry(Key(text)).or_default() += 1,
                None => without += 1,
            }
        }
        if without > 0 {
            return Err(fail(format!(
                "{} no value of the class attribute `{attribute}`; leave them out with `{attribute} is not null`",
                if without == 1 { "1 feature has".to_owned() } else { format!("{without} features have") }
            )));
        }
        let classes = if options.classes.is_empty() {
            if counts.len() > usize::from(MAX_CLASS) {
                return Err(fail(format!(
                    "attribute `{attribute}` has {} values; a mask can have {MAX_CLASS} classes",
                    counts.len()
                )));
            }
            counts.keys().zip(1..).map(|(key, number)| (key.0.clone(), number)).collect()
        } else {
            let mut classes = options.classes.clone();
            for (place, (name, number)) in classes.iter().enumerate() {
                let refuse = |accepted: &str| {
                    let value = format!("{name}={number}");
                    Err(Error::Argument { name: "class", value, accepted: accepted.to_owned() })
                };
                if !(1..=MAX_CLASS).contains(number) {
                    return refuse("numbers from 1 to 254");
                }
                if classes[..place].iter().any(|(other, _)| other == name) {
                    return refuse("each value only once");
                }
            }
            let unnamed: Vec<String> = counts
                .iter()
                .filter(|(key, _)| !classes.iter().any(|(name, _)| *name == key.0))
                .map(|(key, count)| format!("`{}` ({count})", key.0))
                .collect();
            if !unnamed.is_empty() {
                return Err(fail(format!(
                    "attribute `{attribute}` has values without a class: {}; give them numbers, or leave their \
                     features out by a filter",
                    listed(&unnamed)
                )));
            }
            classes.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
            classes
        };
        Ok(Self { attribute: Some(attribute.to_owned()), classes })
    }

    /// The class of a feature with these attributes; 0 if it has no class.
    pub(super) fn class_of(&self, attributes: &super::Attributes) -> u8 {
        let Some(attribute) = &self.attribute else { return MINING };
        let text = attributes.get(attribute).and_then(text_of);
        let class = text.and_then(|text| self.classes.iter().find(|(name, _)| *name == text));
        class.map_or(super::BACKGROUND, |(_, number)| *number)
    }
}

/// A value in plain notation: texts without quotes, whole numbers without a decimal point.
pub fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(match number.as_f64() {
            Some(v) if v.fract() == 0.0 && v.abs() < 1e15 => format!("{v:.0}"),
            _ => number.to_string(),
        }),
        other => Some(other.to_string()),
    }
}

/// Sort key: numbers come first, by value; other texts follow in character order.
#[derive(Debug, PartialEq, Eq)]
struct Key(String);

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let number = |key: &Self| key.0.parse::<f64>().ok().filter(|v| v.is_finite());
        match (number(self), number(other)) {
            (Some(a), Some(b)) => a.total_cmp(&b).then_with(|| self.0.cmp(&other.0)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => self.0.cmp(&other.0),
        }
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
