//! Retries of work that may fail for a short time, with a delay that doubles.

use std::time::Duration;

use backon::{BlockingRetryable as _, ExponentialBuilder};

/// The longest delay between two tries.
const MAX_DELAY: Duration = Duration::from_secs(8);

/// The number of tries, and the delay between the first two.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    /// The delay before the second try. It doubles before each further try, up to 8 s.
    pub first_delay: Duration,
    /// The number of tries, including the first one.
    pub max_tries: usize,
}

/// Work that failed at every try.
#[derive(Debug)]
pub(crate) struct Failed<E> {
    /// The error of the last try.
    pub error: E,
    /// The number of tries.
    pub tries: u32,
}

/// Does the work until it succeeds, its error is not `transient`, or no try is left. The work gets the number of its
/// try.
pub(crate) fn retrying<T, E>(
    backoff: Backoff,
    transient: impl FnMut(&E) -> bool,
    mut work: impl FnMut(u32) -> Result<T, E>,
) -> Result<T, Failed<E>> {
    let delays = ExponentialBuilder::default()
        .with_min_delay(backoff.first_delay)
        .with_max_delay(MAX_DELAY)
        .with_factor(2.0)
        .with_max_times(backoff.max_tries.saturating_sub(1));
    let mut tries = 0;
    let attempt = || {
        tries += 1;
        work(tries)
    };
    let result = attempt.retry(delays).when(transient).call();
    result.map_err(|error| Failed { error, tries })
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Backoff = Backoff { first_delay: Duration::from_millis(1), max_tries: 4 };

    #[test]
    fn a_try_that_succeeds_is_the_last() {
        let result = retrying(QUICK, |_| true, |number| if number == 3 { Ok(number) } else { Err("not yet") });
        assert_eq!(result.expect("the third"), 3);
    }

    #[test]
    fn no_more_is_tried_than_allowed() {
        let failed = retrying(QUICK, |_| true, Err::<(), _>).expect_err("never");
        assert_eq!((failed.error, failed.tries), (4, 4));
    }

    #[test]
    fn an_error_that_will_not_get_better_is_not_tried_again() {
        let failed = retrying(QUICK, |error| *error != "refused", |_| Err::<(), _>("refused")).expect_err("refused");
        assert_eq!((failed.error, failed.tries), ("refused", 1));
    }

    #[test]
    fn the_delay_doubles() {
        let started = std::time::Instant::now();
        let backoff = Backoff { first_delay: Duration::from_millis(10), max_tries: 4 };
        retrying(backoff, |()| true, |_| Err::<(), _>(())).expect_err("never");
        // 10, 20 and 40 ms.
        assert!(started.elapsed() >= Duration::from_millis(70), "{:?}", started.elapsed());
    }
}
