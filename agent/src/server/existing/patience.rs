//! An archive may index an instance after it has answered the C-STORE. So it is asked again.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use super::found::Found;
use crate::failure::Failure;

/// The pause before the second question. Most servers have indexed an instance when they answer its C-STORE.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause. An archive answers other people's questions too.
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// A server is not asked again if nothing new appeared for this long. Archives that index in the background do so every
/// few seconds.
const MAX_STILL: Duration = Duration::from_secs(10);
/// A server is not asked again after this time, even if something new appears with each question.
const MAX_TIME: Duration = Duration::from_secs(300);

/// The limits of asking again.
pub(super) struct Patience {
    first_pause: Duration,
    max_pause: Duration,
    max_still: Duration,
    max_time: Duration,
}

impl Patience {
    pub const fn usual() -> Self {
        Self { first_pause: FIRST_PAUSE, max_pause: MAX_PAUSE, max_still: MAX_STILL, max_time: MAX_TIME }
    }

    /// Asks until every acknowledged instance is found. Logs the time until the last one was findable. A question that
    /// fails is asked again as if nothing new had appeared.
    ///
    /// # Errors
    /// Those of the last question.
    pub fn ask<'a>(
        &self,
        acknowledged: &BTreeSet<&str>,
        mut question: impl FnMut() -> Result<Found<'a>, Failure>,
    ) -> Result<Found<'a>, Failure> {
        let started = Instant::now();
        let (mut most, mut news, mut pause) = (0, started, self.first_pause);
        let mut asked = 0_u32;
        loop {
            asked += 1;
            let answer = question();
            if let Ok(found) = &answer {
                let missing = acknowledged.iter().filter(|uid| !found.has(uid)).count();
                if missing == 0 {
                    tracing::info!(asked, after_ms = crate::clock::milliseconds(started.elapsed()), "all findable");
                    return answer;
                }
                if found.len() > most {
                    (most, news) = (found.len(), Instant::now());
                }
                tracing::debug!(missing, "asking again");
            }
            if news.elapsed() >= self.max_still || started.elapsed() >= self.max_time {
                return answer;
            }
            thread::sleep(pause.min(self.max_still.saturating_sub(news.elapsed())));
            pause = (pause * 2).min(self.max_pause);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::found::fixture::instances;
    use super::*;

    const QUICK: Patience = Patience {
        first_pause: Duration::from_millis(1),
        max_pause: Duration::from_millis(1),
        max_still: Duration::from_millis(300),
        max_time: Duration::from_secs(60),
    };

    /// Asks a server that knows one instance more with each question, up to a number of them.
    fn ask(acknowledged: &[&str], most: usize, failing: usize) -> (usize, Result<usize, Failure>) {
        let sent = instances(5);
        let mut asked = 0;
        let found = QUICK.ask(&acknowledged.iter().copied().collect(), || {
            asked += 1;
            if asked <= failing {
                return Err(Failure::DatasetFailed("busy".to_owned()));
            }
            let mut found = Found::new(&sent);
            for number in 1..=(asked - failing).min(most) {
                found.add(&format!("2.25.{number}"), "").expect("sent");
            }
            Ok(found)
        });
        (asked, found.map(|found| found.len()))
    }

    #[test]
    fn a_server_is_asked_until_it_has_everything_that_it_acknowledged() {
        assert_eq!(ask(&["2.25.1", "2.25.4"], 5, 0).1.expect("found"), 4);
        let (asked, found) = ask(&["2.25.1"], 5, 0);
        assert_eq!((asked, found.expect("found")), (1, 1));
        assert_eq!(ask(&[], 5, 0).0, 1);
    }

    #[test]
    fn a_server_that_lacks_an_instance_is_asked_no_more_after_a_while() {
        let (asked, found) = ask(&["2.25.5"], 2, 0);
        assert!(asked > 2);
        assert_eq!(found.expect("found"), 2);
    }

    #[test]
    fn a_question_that_fails_is_asked_again_and_its_last_failure_is_reported() {
        assert_eq!(ask(&["2.25.1"], 5, 3).1.expect("found"), 1);
        assert_eq!(ask(&["2.25.1"], 5, usize::MAX).1.expect_err("a failure").to_string(), "dataset: busy");
    }
}
