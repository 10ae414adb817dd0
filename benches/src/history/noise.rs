//! Chance that is the same at every run.

/// A generator of numbers that look random (SplitMix64).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The same numbers for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, not including, 1.
    pub fn share(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether something happens that does so in this share of cases.
    pub fn happens(&mut self, share: f64) -> bool {
        self.share() < share
    }

    /// About a normal distribution around 0 with a deviation of 1: the sum of four dice.
    pub fn normal(&mut self) -> f64 {
        let sum: f64 = (0..4).map(|_| self.share()).sum();
        (sum - 2.0) * 3.0_f64.sqrt()
    }

    /// How long one waits for what comes once a while, in units of the mean.
    pub fn wait(&mut self) -> f64 {
        -(1.0 - self.share()).ln()
    }
}

/// A value that wanders around 0 with a deviation of about 1 and forgets where it was.
#[derive(Clone, Debug)]
pub struct Wander {
    at: f64,
    keeps: f64,
}

impl Wander {
    /// One that forgets within about so many ticks.
    pub fn over(ticks: f64) -> Self {
        Self { at: 0.0, keeps: (-1.0 / ticks).exp() }
    }

    /// Where it is a tick later.
    pub fn next(&mut self, chance: &mut Chance) -> f64 {
        self.at = self.at * self.keeps + chance.normal() * (1.0 - self.keeps * self.keeps).sqrt();
        self.at
    }
}
