//! Work on many items with several threads.
//!
//! This is not rayon, for two reasons. Progress is reported on the caller's own thread, which may stop the work. The
//! items are started in their order.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Does the work on each item with up to `workers` threads. `work` also gets the item's index. After each item,
/// `progress` gets the number of finished items, on the caller's thread. Returns the results in the order of the items.
///
/// # Errors
/// Returns the first error of `work` or `progress`. No item is started after it.
pub fn in_parallel<T: Sync, R: Send, E: Send>(
    items: &[T],
    workers: usize,
    work: impl Fn(usize, &T) -> Result<R, E> + Sync,
    mut progress: impl FnMut(u32) -> Result<(), E>,
) -> Result<Vec<R>, E> {
    let next = AtomicUsize::new(0);
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..workers.max(1).min(items.len()) {
            let sender = sender.clone();
            let (next, work) = (&next, &work);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { return };
                    // After the first error, the receiver is gone.
                    if sender.send((index, work(index, item))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for (done, (index, result)) in (1..).zip(receiver) {
            results[index] = Some(result?);
            progress(done)?;
        }
        Ok(())
    })?;
    Ok(results.into_iter().flatten().collect())
}

/// Returns the number of this machine's CPUs.
#[must_use]
pub fn cpu_count() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_have_the_order_of_the_items_and_progress_counts_them() {
        let items: Vec<u64> = (0..100).collect();
        for workers in [0, 1, 3, 200] {
            let mut seen = Vec::new();
            let work = |index: usize, item: &u64| {
                // Later items finish sooner.
                thread::sleep(std::time::Duration::from_micros(200 - 2 * item));
                Ok::<_, ()>((index, item * 2))
            };
            let results = in_parallel(&items, workers, work, |done| {
                seen.push(done);
                Ok(())
            });
            let expected: Vec<_> =
                items.iter().map(|&item| (usize::try_from(item).expect("small"), item * 2)).collect();
            assert_eq!(results, Ok(expected));
            assert!(seen.into_iter().eq(1..=100), "{workers} workers");
        }
    }

    #[test]
    fn nothing_is_done_for_no_items() {
        let work = |_: usize, _: &u8| Ok::<(), ()>(());
        assert_eq!(in_parallel(&[], 4, work, |_| Err(())), Ok(Vec::new()));
    }

    #[test]
    fn the_first_error_ends_the_work() {
        let begun = AtomicUsize::new(0);
        let items = vec![(); 10_000];
        let work = |index: usize, (): &()| {
            begun.fetch_add(1, Ordering::Relaxed);
            thread::sleep(std::time::Duration::from_micros(100));
            if index == 5 { Err("the sixth") } else { Ok(()) }
        };
        assert_eq!(in_parallel(&items, 2, work, |_| Ok(())), Err("the sixth"));
        assert!(begun.load(Ordering::Relaxed) < 10_000);
    }

    #[test]
    fn progress_may_end_the_work_too() {
        let items = vec![(); 10_000];
        let work = |_: usize, (): &()| {
            thread::sleep(std::time::Duration::from_micros(100));
            Ok(())
        };
        let result = in_parallel(&items, 2, work, |done| if done == 3 { Err("too late") } else { Ok(()) });
        assert_eq!(result, Err("too late"));
    }
}
