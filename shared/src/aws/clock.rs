//! The time, which a use case reads and waits for.

use std::time::Duration;

use jiff::Timestamp;

/// A clock: the machine's own, or one that a test moves.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's.
    #[default]
    System,
    /// A test's.
    #[cfg(test)]
    Moved(super::mocked::MovedClock),
}

impl Clock {
    /// Reads the time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            #[cfg(test)]
            Self::Moved(clock) => clock.now(),
        }
    }

    /// Waits.
    pub async fn sleep(&self, pause: Duration) {
        match self {
            Self::System => tokio::time::sleep(pause).await,
            #[cfg(test)]
            Self::Moved(clock) => clock.advance(pause),
        }
    }

    /// Returns the seconds that have passed since a time.
    #[must_use]
    pub fn seconds_since(&self, then: Timestamp) -> f64 {
        self.now().duration_since(then).as_secs_f64()
    }
}
