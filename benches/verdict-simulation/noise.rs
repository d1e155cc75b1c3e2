//! Random throughputs.

use std::f64::consts::TAU;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// The noise of one trial.
pub struct Noise(ChaCha8Rng);

impl Noise {
    /// Noise from a seed. The same seed gives the same noise.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A throughput around `center`, with log-normal noise of the relative `spread`.
    pub fn around(&mut self, center: f64, spread: f64) -> f64 {
        // The Box-Muller transform.
        let (u, v): (f64, f64) = (1.0 - self.0.random::<f64>(), self.0.random());
        center * (spread * (-2.0 * u.ln()).sqrt() * (TAU * v).cos()).exp()
    }

    /// This many throughputs around `center`.
    pub fn sample(&mut self, count: usize, center: f64, spread: f64) -> Vec<f64> {
        (0..count).map(|_| self.around(center, spread)).collect()
    }
}
