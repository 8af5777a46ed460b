//! A guard around readers of other crates, which panic on some damaged files: [`guard`].

use std::cell::Cell;
use std::fmt::Display;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use minesegsat_core::{Error, Result};

thread_local! {
    /// Whether this thread runs guarded code, whose panics are not printed.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Reads a file with code that may panic. A panic becomes an error that names the file, and prints nothing.
///
/// ```
/// let error = minesegsat_io::guard("mines.parquet", || -> minesegsat_core::Result<()> { panic!("index out of bounds") });
/// assert!(error.unwrap_err().to_string().starts_with("cannot use mines.parquet: it is damaged"));
/// ```
pub fn guard<T>(location: impl Display, read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_panic(read).unwrap_or_else(|said| {
        let said: String = said.chars().filter(|c| !c.is_control()).take(200).collect();
        Err(Error::input(location.to_string(), format!("it is damaged, and its reader failed: {said}")))
    })
}

/// Runs code that may panic. The error is the message of the panic, which is not printed.
pub fn catch_panic<T>(run: impl FnOnce() -> T) -> std::result::Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_GUARDED.get() {
                before(info);
            }
        }));
    });
    let outer = IS_GUARDED.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(run));
    IS_GUARDED.set(outer);
    done.map_err(|payload| {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
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
        assert!(said.len() < 300 && !said.contains('\u{1b}') && !said.contains('\n'), "{said}");
        // Within another guard, and after a panic, results and errors pass.
        let nested = guard("outer", || guard("inner", || panic!("inner")).or(Ok(3)));
        assert_eq!(nested.unwrap(), 3);
        assert_eq!(text(guard("a", || Err(Error::input("b", "own error")))), "cannot use b: own error");
        assert!(!IS_GUARDED.get());
    }
}
