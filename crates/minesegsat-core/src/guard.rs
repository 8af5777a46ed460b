//! A panic of a library that reads files becomes an error that names the file.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, Location, PanicHookInfo, catch_unwind};

thread_local! {
    /// Number of guards around the code that this thread runs.
    static GUARDS: Cell<u32> = const { Cell::new(0) };
    /// Place of the last panic behind a guard.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `read`, which calls a library that may panic on damaged files. A panic becomes the error that `error` makes of its
/// description, for example `its reader failed: index out of bounds (parquet-60.1.0/src/util/bit_util.rs:392)`.
///
/// What `read` changes must be dropped after an error, because it may be half done. Threads that `read` starts are not guarded.
pub fn guard<T, E>(read: impl FnOnce() -> Result<T, E>, error: impl FnOnce(String) -> E) -> Result<T, E> {
    GUARDS.set(GUARDS.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(read));
    GUARDS.set(GUARDS.get() - 1);
    result.unwrap_or_else(|payload| {
        let place = PLACE.take().map_or_else(String::new, |place| format!(" ({place})"));
        Err(error(format!("its reader failed: {}{place}", message(&*payload))))
    })
}

/// Makes panics silent behind a [`guard`]. Describes all others to `report` in one line. For the start of a program.
pub fn report_panics(report: impl Fn(&str) + Send + Sync + 'static) {
    std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        let place = info.location().map(short_place);
        if GUARDS.get() > 0 {
            PLACE.set(place);
        } else {
            let place = place.map_or_else(String::new, |place| format!(" ({place})"));
            report(&format!("{}{place}", message(info.payload())));
        }
    }));
}

/// The text of a panic, on one line.
fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it gave no reason").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// File and line without the folder in which crates are stored.
fn short_place(place: &Location<'_>) -> String {
    let file = place.file();
    let stored = file.split_once("/registry/src/").and_then(|(_, rest)| rest.split_once('/'));
    format!("{}:{}", stored.map_or(file, |(_, file)| file), place.line())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_and_the_guard_ends() {
        let values: Vec<u8> = Vec::new();
        let at = std::hint::black_box(3);
        let failed: Result<u8, String> = guard(|| Ok(values[at]), |reason| format!("cannot read a.parquet: {reason}"));
        let text = failed.unwrap_err();
        assert!(text.starts_with("cannot read a.parquet: its reader failed: index out of bounds"), "{text}");
        assert_eq!(guard(|| Err("its own error"), |_| "a panic"), Err::<u8, _>("its own error"));
        assert_eq!(guard(|| Ok::<_, String>(7), |reason| reason), Ok(7));
        assert_eq!(GUARDS.get(), 0);
    }
}
