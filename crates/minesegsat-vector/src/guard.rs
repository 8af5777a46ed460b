//! A guard around readers of other crates, which panic on some damaged files: [`guard`].

use std::fmt::Display;

use minesegsat_core::{Error, Result};

/// Reads a file with code that may panic. A panic becomes an error that names the file: see [`minesegsat_core::guard`](minesegsat_core::guard()).
///
/// ```
/// let error = minesegsat_vector::guard("mines.parquet", || -> minesegsat_core::Result<()> { panic!("index out of bounds") });
/// assert!(error.unwrap_err().to_string().starts_with("cannot use mines.parquet: it is damaged"));
/// ```
pub fn guard<T>(location: impl Display, read: impl FnOnce() -> Result<T>) -> Result<T> {
    minesegsat_core::guard(read, |reason| {
        let reason: String = reason.chars().filter(|c| !c.is_control()).take(300).collect();
        Error::input(location.to_string(), format!("it is damaged, and {reason}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_become_errors_with_the_name_of_the_file() {
        let text = |done: Result<u8>| done.unwrap_err().to_string();
        let long = format!("index out of bounds\n\u{1b}[31m{}", "x".repeat(1000));
        let said = text(guard("a.parquet", || panic!("{long}")));
        assert!(said.starts_with("cannot use a.parquet: it is damaged, and its reader failed: index out"), "{said}");
        assert!(said.len() < 400 && !said.contains('\u{1b}') && !said.contains('\n'), "{said}");
        // Within another guard, and after a panic, results and errors pass.
        let nested = guard("outer", || guard("inner", || panic!("inner")).or(Ok(3)));
        assert_eq!(nested.unwrap(), 3);
        assert_eq!(text(guard("a", || Err(Error::input("b", "own error")))), "cannot use b: own error");
    }
}
