//! The same work on many items, on several threads: [`map()`].

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::Result;

/// Applies `work` to each item on as many threads as the calling rayon pool has. Returns the results in the order of the
/// items, or the error of the first item that failed.
///
/// Unlike a parallel iterator, each thread finishes one item before it starts the next. A worker of a rayon pool that waits
/// inside an item runs further items on the same stack. With thousands of items that wait, for decoding or for rows to be
/// compressed, the stack overflows.
///
/// # Panics
/// If `work` panics.
pub fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> Result<R> + Sync) -> Result<Vec<R>> {
    let threads = rayon::current_num_threads().min(items.len());
    if threads < 2 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    // The position of the first item that failed, with its error. Items behind it are not started.
    let failed = Mutex::new(None);
    let run = || {
        let mut done = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(i) else { break };
            match work(item) {
                Ok(result) => done.push((i, result)),
                Err(error) => {
                    next.fetch_max(items.len(), Ordering::Relaxed);
                    let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                    if failed.as_ref().is_none_or(|(first, _)| i < *first) {
                        *failed = Some((i, error));
                    }
                    break;
                }
            }
        }
        done
    };
    let mut results: Vec<(usize, R)> = std::thread::scope(|scope| {
        // Fewer threads do the same work. This thread works too.
        let started: Vec<_> = (1..threads)
            .map_while(|i| std::thread::Builder::new().name(format!("work {i}")).spawn_scoped(scope, run).ok())
            .collect();
        let mut results = run();
        for thread in started {
            results.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        results
    });
    if let Some((_, error)) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    results.sort_unstable_by_key(|(i, _)| *i);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        assert_eq!(map(&items, |i| Ok(i * 2)).unwrap(), items.iter().map(|i| i * 2).collect::<Vec<_>>());
        assert_eq!(map(&[] as &[usize], |i| Ok(*i)).unwrap(), [0; 0]);
    }

    #[test]
    fn the_first_error_is_returned() {
        let items: Vec<usize> = (0..1000).collect();
        let work = |i: &usize| if *i >= 7 { Err(Error::segmenter(i.to_string())) } else { Ok(*i) };
        // Items 7 and later fail. Another thread may start a later one before item 7 has failed, but not return it.
        assert!(map(&items, work).unwrap_err().to_string().contains('7'));
    }
}
