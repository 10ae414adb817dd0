//! The points of a series in one window, and how much they vary.

/// The quantile that spikes are seen in.
const HIGH: f64 = 0.95;

/// What the median absolute deviation of a normal distribution is multiplied with to be its
/// standard deviation.
const MAD_TO_SIGMA: f64 = 1.4826;

/// How many standard deviations lie between the 5th and the 95th percentile of a normal
/// distribution.
const SIGMAS_WITHIN: f64 = 3.29;

/// Points that follow one another more closely than this are taken to follow as closely as this:
/// few points do not tell one from the other.
const MOST_ALIKE: f64 = 0.98;

/// The stretches of a window whose 95th percentiles are compared with one another.
const STRETCHES: usize = 8;

/// What 95 of 100 of these points lie at or below: one of them (nearest rank); nothing of none.
/// They are left in another order; none may be NaN.
pub fn p95(points: &mut [f64]) -> Option<f64> {
    (!points.is_empty()).then(|| select(points, HIGH))
}

/// The points of a series in one window.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// By size.
    sorted: Vec<f64>,
    noise: f64,
    p95_noise: f64,
}

impl Sample {
    /// Takes points in the order of time; there must be one, and none may be NaN.
    pub(super) fn new(points: Vec<f64>) -> Self {
        let fewer = slowness(&points);
        let p95_noise = p95_noise(&points) * fewer;
        let mut sorted = points;
        sorted.sort_unstable_by(f64::total_cmp);
        let noise = noise(&sorted) * fewer;
        Self { sorted, noise, p95_noise }
    }

    pub(super) fn len(&self) -> usize {
        self.sorted.len()
    }

    pub(super) fn median(&self) -> f64 {
        quantile(&self.sorted, 0.5)
    }

    pub(super) fn p95(&self) -> f64 {
        quantile(&self.sorted, HIGH)
    }

    /// How far the points lie from one another, as a standard deviation.
    pub(super) fn noise(&self) -> f64 {
        self.noise
    }

    /// How far the 95th percentiles of the window's stretches lie from one another.
    pub(super) fn p95_noise(&self) -> f64 {
        self.p95_noise
    }

    /// Cliff's delta: the share of pairs in which `later` is higher, less that in which it is
    /// lower.
    pub(super) fn cliffs_delta(&self, later: &Self) -> f64 {
        let (mut lower, mut upto) = (0, 0);
        let mut balance = 0_i64;
        for value in &later.sorted {
            lower += count_while(&self.sorted, lower, |point| point < value);
            upto += count_while(&self.sorted, upto, |point| point <= value);
            // So many points before lie below this one, and so many above.
            balance += lower as i64 - (self.len() - upto) as i64;
        }
        balance as f64 / (self.len() as f64 * later.len() as f64)
    }
}

fn count_while(sorted: &[f64], from: usize, wanted: impl Fn(&f64) -> bool) -> usize {
    let rest = sorted.get(from..).unwrap_or_default();
    rest.iter().take_while(|point| wanted(point)).count()
}

/// The smallest value that at least this share of the values lies at or below: one of them, so it
/// has their decimals.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted.get(rank(sorted.len(), share)).copied().unwrap_or_default()
}

fn rank(count: usize, share: f64) -> usize {
    ((count as f64 * share).ceil() as usize).saturating_sub(1)
}

/// The median absolute deviation, or what the inner nine tenths span if that is more: of a series
/// that rests most of the time, the former is 0.
fn noise(sorted: &[f64]) -> f64 {
    let median = quantile(sorted, 0.5);
    let span = quantile(sorted, HIGH) - quantile(sorted, 1.0 - HIGH);
    let mut deviations: Vec<f64> = sorted.iter().map(|value| (value - median).abs()).collect();
    let deviation = select(&mut deviations, 0.5);
    (MAD_TO_SIGMA * deviation).max(span / SIGMAS_WITHIN)
}

/// By how much the noise within a window falls short of the noise between windows, because each
/// point is like the one before it: 1 where points have nothing to do with one another. A series
/// that is an average of many minutes hardly moves within a few, and is elsewhere in the next.
///
/// It is the square root of how many neighbouring points tell as much as one would alone,
/// `(1 + r) / (1 - r)`, for a first-order autocorrelation `r` of what is left when the straight
/// line through the points is taken away: what grows steadily is to be told.
fn slowness(points: &[f64]) -> f64 {
    let rest = without_trend(points);
    let square: f64 = rest.iter().map(|value| value * value).sum();
    let product: f64 = rest.windows(2).map(|pair| pair.iter().product::<f64>()).sum();
    if square <= 0.0 {
        return 1.0;
    }
    let alike = (product / square).clamp(0.0, MOST_ALIKE);
    ((1.0 + alike) / (1.0 - alike)).sqrt()
}

/// How far points lie from the straight line through them.
fn without_trend(points: &[f64]) -> Vec<f64> {
    let count = points.len().max(1) as f64;
    let middle = (count - 1.0) / 2.0;
    let mean = points.iter().sum::<f64>() / count;
    let places = || (0..points.len()).map(|at| at as f64 - middle);
    let squares: f64 = places().map(|place| place * place).sum();
    let products: f64 = places().zip(points).map(|(place, value)| place * (value - mean)).sum();
    let slope = if squares > 0.0 { products / squares } else { 0.0 };
    places().zip(points).map(|(place, value)| value - mean - slope * place).collect()
}

/// The standard deviation of the 95th percentiles of the window's stretches. Neighbouring points
/// are alike, so no formula for independent ones says how far a percentile strays; this does.
fn p95_noise(points: &[f64]) -> f64 {
    let length = points.len().div_ceil(STRETCHES).max(1);
    let highs: Vec<f64> =
        points.chunks(length).map(|stretch| select(&mut stretch.to_vec(), HIGH)).collect();
    let mean = highs.iter().sum::<f64>() / highs.len().max(1) as f64;
    let squares: f64 = highs.iter().map(|high| (high - mean).powi(2)).sum();
    (squares / highs.len().saturating_sub(1).max(1) as f64).sqrt()
}

/// The quantile of values in any order.
fn select(values: &mut [f64], share: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let rank = rank(values.len(), share);
    *values.select_nth_unstable_by(rank, f64::total_cmp).1
}
