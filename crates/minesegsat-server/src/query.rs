//! Query parameters: unknown and repeated parameters are errors.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::problem::Problem;

/// The query parameters of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    raw: String,
}

impl Query {
    pub(crate) fn parse(raw: &str) -> Self {
        let pairs = url::form_urlencoded::parse(raw.as_bytes());
        Self {
            pairs: pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect(),
            raw: raw.to_owned(),
        }
    }

    /// Refuses parameters that are not in `known`, and repeated ones.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Problem> {
        for (at, (name, value)) in self.pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let accepted = if known.is_empty() {
                    "this path has no parameters".to_owned()
                } else {
                    format!(
                        "parameters of this path are {}",
                        known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
                    )
                };
                return Err(Problem::argument("parameter", name, &accepted));
            }
            if self.pairs[..at].iter().any(|(earlier, _)| earlier == name) {
                return Err(Problem::argument(name, value, "given only once"));
            }
        }
        Ok(())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// `limit`, at least 1. Values above `max` are reduced to it, as OGC API Features requires.
    pub(crate) fn limit(&self, default: usize, max: usize) -> Result<usize, Problem> {
        let accepted = format!("a whole number from 1 to {max}");
        let Some(text) = self.get("limit") else { return Ok(default.min(max)) };
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number {
            return Err(Problem::argument("limit", text, &accepted));
        }
        // A number too large for `usize` is above the maximum.
        match text.parse().unwrap_or(usize::MAX) {
            0 => Err(Problem::argument("limit", text, &accepted)),
            limit => Ok(limit.min(max)),
        }
    }

    /// The query with changed parameters. `None` removes a parameter.
    pub(crate) fn with(&self, changes: &[(&str, Option<&str>)]) -> String {
        let mut out = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.pairs {
            if !changes.iter().any(|(changed, _)| changed == name) {
                out.append_pair(name, value);
            }
        }
        for (name, value) in changes {
            if let Some(value) = value {
                out.append_pair(name, value);
            }
        }
        out.finish()
    }

    /// The query as received.
    pub(crate) fn raw(&self) -> &str {
        &self.raw
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_repeated_parameters_are_refused() {
        let query = Query::parse("limit=10&bbox=1,2,3,4");
        assert!(query.only(&["limit", "bbox"]).is_ok());
        let error = query.only(&["limit"]).unwrap_err().detail;
        assert!(error.contains("`bbox`") && error.contains("`limit`"), "{error}");
        assert!(Query::parse("limit=1&limit=2").only(&["limit"]).is_err());
    }

    #[test]
    fn limits_are_at_least_one_and_at_most_the_maximum() {
        let limit = |text: &str| Query::parse(text).limit(10, 100);
        assert_eq!(limit("").unwrap(), 10);
        assert_eq!(limit("limit=7").unwrap(), 7);
        assert_eq!(limit("limit=10000").unwrap(), 100);
        assert_eq!(limit("limit=99999999999999999999999").unwrap(), 100);
        for bad in ["limit=0", "limit=-1", "limit=x", "limit=", "limit=1.5", "limit=%2B1"] {
            assert!(limit(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_next_page_keeps_the_rest_of_the_query() {
        let query = Query::parse("bbox=1%2C2%2C3%2C4&offset=10&f=json");
        assert_eq!(query.with(&[("offset", Some("20"))]), "bbox=1%2C2%2C3%2C4&f=json&offset=20");
        assert_eq!(query.with(&[("offset", None), ("f", None)]), "bbox=1%2C2%2C3%2C4");
    }
}
