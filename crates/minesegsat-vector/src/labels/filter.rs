//! Selection of features by attributes: [`Filter`].

mod parse;

use std::cmp::Ordering;
use std::{fmt, str::FromStr};

use serde_json::Value;

use super::Attributes;
use super::classes::text_of;
use minesegsat_core::{Error, Result};

/// A filter over attributes, in a subset of CQL2 text, the filter language of the OGC (<https://docs.ogc.org/is/21-065r2>):
/// `COUNTRY_NAME = 'South Africa' AND (AREA > 1.5 OR part IN ('pit', 'waste rock'))`.
///
/// ```text
/// expression  = term { "or" term }
/// term        = factor { "and" factor }
/// factor      = "not" factor | "(" expression ")" | comparison
/// comparison  = name ( "=" | "<>" | "<" | "<=" | ">" | ">=" ) value
///             | name [ "not" ] "in" "(" value { "," value } ")"
///             | name [ "not" ] "between" value "and" value
///             | name [ "not" ] "like" pattern
///             | name "is" [ "not" ] "null"
/// ```
///
/// A name is a word, or any text in double quotes. A value is a text in single quotes, a number, `true` or `false`. A
/// quotation mark inside its own quotes is doubled. In a pattern `%` stands for any characters, `_` for one, and `\` makes
/// the next character literal. Keywords may be in lower or upper case. A name must equal the attribute's name. If no
/// attribute has exactly this name, case is ignored, unless several attributes match then.
///
/// These short forms are not CQL2, but are accepted too: names and texts of one or more words without quotes
/// (`mine type = open pit`), names in single and texts in double quotes, `!=` and `==`.
///
/// A value without quotes that is a number compares as a number, also with an attribute that is a numeric text. Other values
/// compare as texts, character by character. Missing values follow SQL: a comparison with a missing value is neither true
/// nor false, and neither is its negation, so the filter leaves the feature out. `is null` finds missing values.
///
/// Parsed by [`FromStr`]. [`Display`](fmt::Display) prints the filter as it was written.
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
    Like(String, Pattern),
    IsNull(String),
}

/// The right-hand side of `like`.
#[derive(Debug, Clone, PartialEq)]
struct Pattern(Vec<Piece>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// `%`: any number of characters.
    Any,
    /// `_`: one character.
    One,
    Char(char),
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

/// A value as the user wrote it.
#[derive(Debug, Clone, PartialEq)]
struct Literal {
    text: String,
    /// The numeric value; `None` for texts in quotes.
    number: Option<f64>,
}

impl Filter {
    /// Whether the filter matches a feature. Absent attributes are missing values.
    pub fn matches(&self, attributes: &Attributes) -> bool {
        self.expression.holds(attributes) == Some(true)
    }

    /// The filter with the exact names of the attributes, or the first name that is not an attribute.
    pub fn resolve(&self, names: &[String]) -> std::result::Result<Self, String> {
        let mut resolved = self.clone();
        resolved.expression.for_each_name(&mut |name| {
            *name = find_name(names, name).ok_or_else(|| name.clone())?.to_owned();
            Ok(())
        })?;
        Ok(resolved)
    }
}

/// The attribute with this name: an exact match, otherwise the only match that ignores case.
pub fn find_name<'a>(names: &'a [String], wanted: &str) -> Option<&'a str> {
    if let Some(name) = names.iter().find(|name| *name == wanted) {
        return Some(name);
    }
    let mut alike = names.iter().filter(|name| name.to_lowercase() == wanted.to_lowercase());
    let found = alike.next()?;
    alike.next().is_none().then_some(found.as_str())
}

impl Expression {
    /// `None` if missing values leave the result unknown.
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
            Self::Like(name, pattern) => text_of(value(name)).map(|text| pattern.matches(&text)),
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
            Self::Compare(name, ..) | Self::In(name, _) | Self::Like(name, _) | Self::IsNull(name) => f(name),
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
            // A number in quotes is a number if the attribute is.
            let theirs = literal.number.or_else(|| literal.text.trim().parse().ok());
            number.as_f64().zip(theirs)
        }
        Value::String(text) => text.trim().parse().ok().zip(literal.number),
        Value::Bool(value) => {
            // GIS programs write booleans as words, letters and digits.
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

impl Pattern {
    fn parse(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            pieces.push(match c {
                '%' => Piece::Any,
                '_' => Piece::One,
                '\\' => Piece::Char(chars.next().unwrap_or(c)),
                c => Piece::Char(c),
            });
        }
        Self(pieces)
    }

    fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let (mut at, mut next) = (0, 0);
        // The last `%`, and the start of the text after it. On a mismatch the `%` matches one more character.
        let mut retry = None;
        while at < text.len() {
            match self.0.get(next) {
                Some(Piece::Any) => {
                    next += 1;
                    retry = Some((next, at));
                    continue;
                }
                Some(Piece::One) => {}
                Some(Piece::Char(c)) if *c == text[at] => {}
                _ => {
                    let Some((after, began)) = retry else { return false };
                    retry = Some((after, began + 1));
                    (next, at) = (after, began + 1);
                    continue;
                }
            }
            (next, at) = (next + 1, at + 1);
        }
        self.0[next..].iter().all(|piece| *piece == Piece::Any)
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
                    "{problem}; write comparisons such as `COUNTRY = 'Canada'`, `AREA >= 1.5`, `part in ('pit', 'waste \
                     rock')`, `year between 2016 and 2024`, `name like 'Red%'` and `name is not null`, joined by `and`, \
                     `or`, `not` and parentheses"
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
