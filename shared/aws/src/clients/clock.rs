//! The clock that a use case reads and sleeps by.

use std::time::Duration;

use jiff::Timestamp;

/// A clock: the machine's own, or a test's.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A test's clock, which moves when the code sleeps.
    #[cfg(test)]
    Moved(crate::mocked::MovedClock),
}

impl Clock {
    /// Returns the current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            #[cfg(test)]
            Self::Moved(clock) => clock.now(),
        }
    }

    /// Sleeps for a time.
    pub async fn sleep(&self, pause: Duration) {
        match self {
            Self::System => tokio::time::sleep(pause).await,
            #[cfg(test)]
            Self::Moved(clock) => clock.advance(pause),
        }
    }

    /// Returns the seconds since a time.
    #[must_use]
    pub fn seconds_since(&self, then: Timestamp) -> f64 {
        self.now().duration_since(then).as_secs_f64()
    }
}
