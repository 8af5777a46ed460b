//! Choosing features by their attributes: [`Filter`].

mod parse;

use std::cmp::Ordering;
use std::{fmt, str::FromStr};

use serde_json::Value;

use super::Attributes;
use super::classes::text_of;
use crate::{Error, Result};

/// An expression over attributes: `COUNTRY_NAME = South Africa and (AREA > 1.5 or part in (pit, 'waste rock'))`.
///
/// ```text
/// expression  = term { "or" term }
/// term        = factor { "and" factor }
/// factor      = "not" factor | "(" expression ")" | comparison
/// comparison  = name ( "=" | "!=" | "<>" | "<" | "<=" | ">" | ">=" ) value
///             | name [ "not" ] "in" "(" value { "," value } ")"
///             | name "is" [ "not" ] "null"
/// ```
///
/// Names and values are bare words, several of them with spaces between too, or stand in single or double quotes, which
/// they need where they hold one of `()=!<>,'"` or a keyword; a quotation mark within is doubled. Keywords may be in
/// capitals. Names are taken as they are, or else regardless of capitals where that leaves one attribute.
///
/// Numbers compare as numbers where the attribute is one, or a text that looks like one and the value has no quotes;
/// everything else compares as text, character by character. As in SQL nothing is known of a missing value: a comparison
/// with it neither holds nor does its opposite, so that such features are left out; `is null` finds them.
///
/// Parsed by [`FromStr`], printed as it was given by [`Display`](fmt::Display).
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    text: String,
    expression: Expression,
}

#[derive(Debug, Clone, PartialEq)]
enum Expression {
    Or(Vec<Expression>),
    And(Vec<Expression>),
    Not(Box<Expression>),
    Compare(String, Operator, Literal),
    In(String, Vec<Literal>),
    IsNull(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A value as it was written.
#[derive(Debug, Clone, PartialEq)]
struct Literal {
    text: String,
    /// The number that it is; none for texts in quotes.
    number: Option<f64>,
}

impl Filter {
    /// Whether the expression holds for a feature. Attributes that it lacks are missing values.
    pub fn matches(&self, attributes: &Attributes) -> bool {
        self.expression.holds(attributes) == Some(true)
    }

    /// The expression with the names that the attributes have, or the first name that is none of them.
    pub(crate) fn resolve(&self, names: &[String]) -> std::result::Result<Self, String> {
        let mut resolved = self.clone();
        resolved.expression.for_each_name(&mut |name| {
            *name = find_name(names, name).ok_or_else(|| name.clone())?.to_owned();
            Ok(())
        })?;
        Ok(resolved)
    }
}

/// The attribute of this name: as it is, or else regardless of capitals where that leaves one.
pub(crate) fn find_name<'a>(names: &'a [String], wanted: &str) -> Option<&'a str> {
    if let Some(name) = names.iter().find(|name| *name == wanted) {
        return Some(name);
    }
    let mut alike = names.iter().filter(|name| name.to_lowercase() == wanted.to_lowercase());
    let found = alike.next()?;
    alike.next().is_none().then_some(found.as_str())
}

impl Expression {
    /// `None` where nothing is known.
    fn holds(&self, attributes: &Attributes) -> Option<bool> {
        let value = |name: &String| attributes.get(name).unwrap_or(&Value::Null);
        match self {
            Self::Or(parts) => any(parts.iter().map(|part| part.holds(attributes))),
            Self::And(parts) => {
                any(parts.iter().map(|part| part.holds(attributes).map(|holds| !holds))).map(|any| !any)
            }
            Self::Not(part) => part.holds(attributes).map(|holds| !holds),
            Self::Compare(name, operator, literal) => {
                compare(value(name), literal).map(|ordering| operator.accepts(ordering))
            }
            Self::In(name, literals) => {
                let value = value(name);
                any(literals.iter().map(|literal| compare(value, literal).map(|ordering| ordering == Ordering::Equal)))
            }
            Self::IsNull(name) => Some(value(name).is_null()),
        }
    }

    fn for_each_name(
        &mut self,
        f: &mut impl FnMut(&mut String) -> std::result::Result<(), String>,
    ) -> std::result::Result<(), String> {
        match self {
            Self::Or(parts) | Self::And(parts) => parts.iter_mut().try_for_each(|part| part.for_each_name(f)),
            Self::Not(part) => part.for_each_name(f),
            Self::Compare(name, ..) | Self::In(name, _) | Self::IsNull(name) => f(name),
        }
    }
}

/// Kleene's disjunction.
fn any(mut parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    parts
        .try_fold(Some(false), |so_far, part| match part {
            Some(true) => Err(()),
            Some(false) => Ok(so_far),
            None => Ok(None),
        })
        .unwrap_or(Some(true))
}

fn compare(value: &Value, literal: &Literal) -> Option<Ordering> {
    let number = match value {
        Value::Null => return None,
        Value::Number(number) => {
            // A number in quotes is one all the same where the attribute is.
            let theirs = literal.number.or_else(|| literal.text.trim().parse().ok());
            number.as_f64().zip(theirs)
        }
        Value::String(text) => text.trim().parse().ok().zip(literal.number),
        Value::Bool(value) => {
            // GIS programs write truth as words, letters and digits.
            let theirs = match literal.text.to_ascii_lowercase().as_str() {
                "true" | "t" | "yes" | "1" => Some(true),
                "false" | "f" | "no" | "0" => Some(false),
                _ => None,
            };
            if let Some(theirs) = theirs {
                return Some(value.cmp(&theirs));
            }
            None
        }
        _ => None,
    };
    match number {
        Some((a, b)) => a.partial_cmp(&b),
        None => text_of(value).map(|text| text.as_str().cmp(&literal.text)),
    }
}

impl Operator {
    fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl FromStr for Filter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match parse::expression(text) {
            Ok(expression) => Ok(Self { text: text.to_owned(), expression }),
            Err(problem) => Err(Error::Argument {
                name: "filter",
                value: text.to_owned(),
                accepted: format!(
                    "{problem}; write comparisons such as `COUNTRY = Canada`, `AREA >= 1.5`, `part in (pit, 'waste \
                     rock')` and `name is not null`, joined by `and`, `or`, `not` and parentheses"
                ),
            }),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
