//! Series whose change is known.

use std::f64::consts::TAU;

use perfwatch_core::Unit;
use proptest::prelude::*;

use super::{Change, Changes, DEFAULT_MIN_EFFECT, Figure, judge::Found, p95, read::Pair};

/// Points of an hour at 5 s.
const POINTS: usize = 720;

/// Numbers as a normal distribution has them (by Irwin and Hall), the same at each run.
struct Normal(u64);

impl Normal {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn next(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

fn points(seed: u64, value: impl Fn(usize, f64) -> f64) -> Vec<f64> {
    let mut normal = Normal(seed);
    (0..POINTS).map(|at| value(at, normal.next())).collect()
}

fn noisy(seed: u64, level: f64, noise: f64) -> Vec<f64> {
    points(seed, |_, normal| level + noise * normal)
}

fn pair(path: &str, before: Vec<f64>, after: Vec<f64>) -> Pair {
    let segments = path.split('.').map(str::to_owned).collect();
    Pair { path: path.to_owned(), segments, decimals: 0, before, after }
}

fn all(pairs: Vec<Pair>, unit: Option<Unit>) -> Changes {
    Found::of(pairs, DEFAULT_MIN_EFFECT, &|_| unit).finish(5000, 100)
}

fn compare(before: Vec<f64>, after: Vec<f64>) -> Option<Change> {
    all(vec![pair("x", before, after)], None).changes.pop()
}

/// The change as text, or `nothing`.
fn check(before: Vec<f64>, after: Vec<f64>) -> String {
    let Some(change) = compare(before, after) else { return "nothing".to_owned() };
    let (effect, delta) = (change.effect, change.cliffs_delta);
    format!("{} {effect:+.1}, delta {delta:+.2}", change.moved.name())
}

#[track_caller]
fn moved(before: Vec<f64>, after: Vec<f64>, figure: Figure, effects: std::ops::Range<f64>) {
    let said = check(before.clone(), after.clone());
    let change = compare(before, after).unwrap_or_else(|| panic!("nothing was found"));
    assert_eq!(change.moved, figure, "{said}");
    assert!(effects.contains(&change.effect), "{said}");
}

#[test]
fn a_level_shift_is_measured_in_its_own_noise() {
    moved(noisy(1, 1000.0, 50.0), noisy(2, 1400.0, 50.0), Figure::Median, 7.0..9.0);
    moved(noisy(1, 1400.0, 50.0), noisy(2, 1000.0, 50.0), Figure::Median, -9.0..-7.0);
    assert_eq!(check(noisy(1, 1000.0, 50.0), noisy(2, 1100.0, 50.0)), "nothing");
}

#[test]
fn the_same_noise_is_nothing() {
    for seed in 0..200 {
        for noise in [0.0, 1.0, 30.0, 300.0] {
            let (before, after) = (noisy(seed, 1000.0, noise), noisy(seed + 1000, 1000.0, noise));
            assert_eq!(check(before, after), "nothing", "seed {seed}, noise {noise}");
        }
    }
}

#[test]
fn more_variance_moves_the_p95() {
    moved(noisy(1, 1000.0, 20.0), noisy(2, 1000.0, 200.0), Figure::P95, 5.0..20.0);
}

#[test]
fn spikes_move_the_p95_and_nothing_else() {
    let spikes = points(2, |at, normal| {
        let spike = if at % 12 == 0 { 2000.0 } else { 0.0 };
        1000.0 + 20.0 * normal + spike
    });
    moved(noisy(1, 1000.0, 20.0), spikes, Figure::P95, 30.0..200.0);
}

#[test]
fn spikes_that_come_anyhow_are_noise() {
    let burst = |seed: u64, share: f64| {
        let mut random = Normal(seed);
        let busy: Vec<bool> = (0..POINTS).map(|_| random.uniform() < share).collect();
        points(seed, move |at, _| if busy[at] { 1_000_000.0 } else { 0.0 })
    };
    for seed in 0..100 {
        assert_eq!(check(burst(seed, 0.04), burst(seed + 500, 0.06)), "nothing", "seed {seed}");
        assert_eq!(check(burst(seed, 0.48), burst(seed + 500, 0.52)), "nothing", "seed {seed}");
    }
}

#[test]
fn a_drift_counts_by_how_far_it_went() {
    let drift = |seed, from: f64, to: f64| {
        points(seed, move |at, normal| from + (to - from) * at as f64 / POINTS as f64 + normal)
    };
    moved(drift(1, 1000.0, 1500.0), drift(2, 2000.0, 2500.0), Figure::Median, 5.0..9.0);
    // A disk that fills up by one percent within two hours.
    assert_eq!(check(drift(1, 1000.0, 1005.0), drift(2, 1005.0, 1010.0)), "nothing");
}

#[test]
fn an_average_that_lags_is_no_change() {
    // As `load_15m` is: the mean of a quarter of an hour, of which a window sees three minutes.
    let lagging = |seed: u64| {
        let mut normal = Normal(seed);
        let mut level = 1.0;
        let next = move || {
            level += (5.0 + 60.0 * normal.next() - level) / 900.0;
            (level * 100.0_f64).round() / 100.0
        };
        std::iter::repeat_with(next).skip(5000).take(540).collect::<Vec<f64>>()
    };
    let told = (0..200).filter(|&seed| {
        let points = lagging(seed);
        check(points[..180].to_vec(), points[360..].to_vec()) != "nothing"
    });
    let told = told.count();
    assert!(told <= 4, "{told} of 200");
}

#[test]
fn a_constant_that_stays_is_nothing_and_one_that_moves_is_told() {
    let constant = |value: f64| vec![value; POINTS];
    assert_eq!(check(constant(7.0), constant(7.0)), "nothing");
    assert_eq!(check(constant(0.0), constant(0.0)), "nothing");
    assert_eq!(check(constant(0.0), constant(1.0)), "median +3.0, delta +1.00");
    assert_eq!(check(constant(1.0), constant(0.0)), "median -3.0, delta -1.00");
    assert_eq!(check(constant(500.0), constant(1000.0)), "median +50.0, delta +1.00");
    assert_eq!(check(constant(1000.0), constant(1010.0)), "nothing");
}

#[test]
fn a_constant_that_comes_alive_is_told() {
    moved(vec![0.0; POINTS], noisy(1, 100.0, 20.0), Figure::Median, 250.0..350.0);
}

#[test]
fn what_grows_much_leads_though_it_got_noisier() {
    let changes = all(
        vec![
            pair("busy", noisy(1, 20.0, 5.0), noisy(2, 20_000.0, 6000.0)),
            pair("steady", noisy(3, 100.0, 5.0), noisy(4, 150.0, 5.0)),
        ],
        None,
    );
    let paths: Vec<_> = changes.changes.iter().map(|change| change.path.as_str()).collect();
    assert_eq!(paths, ["busy", "steady"]);
}

#[test]
fn few_points_are_not_judged() {
    let few = |count: usize, level: f64| vec![level; count];
    let found = all(
        vec![
            pair("few", few(7, 1.0), few(POINTS, 9.0)),
            pair("enough", few(8, 1.0), few(POINTS, 9.0)),
            pair("now.and.then", vec![], few(100, 9.0)),
            pair("new", vec![], few(POINTS / 2, 9.0)),
            pair("gone", few(POINTS, 1.0), vec![]),
        ],
        None,
    );
    assert_eq!((found.points_before, found.points_after), (POINTS, POINTS));
    assert_eq!((found.series, found.changed, found.too_few, found.below), (5, 1, 2, 0));
    assert_eq!((found.appeared, found.disappeared), (vec!["new".into()], vec!["gone".into()]));
}

#[test]
fn nothing_appears_where_nothing_was_stored() {
    let found = all(vec![pair("x", vec![], vec![1.0; POINTS])], None);
    assert_eq!((found.too_few, found.appeared.len()), (1, 0));
}

#[test]
fn quantised_noise_is_noise() {
    let percent = |seed, level: f64| points(seed, move |_, n| ((level + n) / 0.2).round() * 0.2);
    let found = all(vec![pair("x", percent(1, 0.3), percent(2, 0.5))], Some(Unit::Percent));
    assert_eq!(found.below, 1);
    // The same shift of a tenth of a percent of nearly nothing at all.
    let found = all(vec![pair("x", vec![0.0; 90], vec![0.2; 90])], Some(Unit::Percent));
    assert_eq!(found.below, 1);
    let found = all(vec![pair("x", vec![0.0; 90], vec![2.0; 90])], Some(Unit::Percent));
    assert_eq!(found.changed, 1);
}

#[test]
fn the_course_of_a_day_is_noise_to_the_next_day() {
    let day = |seed| {
        points(seed, |at, normal| {
            50.0 + 30.0 * (TAU * at as f64 / POINTS as f64).sin() + 3.0 * normal
        })
    };
    assert_eq!(check(day(1), day(2)), "nothing");
}

#[test]
fn the_greatest_come_first_and_all_are_counted() {
    let pairs = (0..30).map(|series| {
        let after = noisy(2, 1000.0 + 100.0 * series as f64, 20.0);
        pair(&format!("s{series:02}"), noisy(1, 1000.0, 20.0), after)
    });
    let found = Found::of(pairs.collect(), DEFAULT_MIN_EFFECT, &|_| None).finish(5000, 3);
    let paths: Vec<_> = found.changes.iter().map(|change| change.path.as_str()).collect();
    assert_eq!(paths, ["s29", "s28", "s27"]);
    assert_eq!((found.series, found.changed, found.below), (30, 29, 1));
}

/// Points around a level, with the now and then of real series.
fn any_points() -> impl Strategy<Value = Vec<f64>> {
    let value = (0_u32..1000, 1_u32..200, 0_u32..4);
    let series = value.prop_flat_map(|(level, noise, coarse)| {
        let point = (level..level + noise).prop_map(move |v| f64::from(v >> coarse << coarse));
        proptest::collection::vec(point, 1..200)
    });
    series.boxed()
}

proptest! {
    #[test]
    fn the_other_way_round_is_the_opposite(before in any_points(), after in any_points()) {
        let there = all(vec![pair("x", before.clone(), after.clone())], None);
        let back = all(vec![pair("x", after, before)], None);
        prop_assert_eq!((there.changed, there.below), (back.changed, back.below));
        if let (Some(there), Some(back)) = (there.changes.first(), back.changes.first()) {
            prop_assert_eq!(there.effect, -back.effect);
            prop_assert!((there.cliffs_delta + back.cliffs_delta).abs() < 1e-12);
            prop_assert_eq!((there.before, there.after), (back.after, back.before));
        }
    }

    #[test]
    fn a_window_and_itself_are_the_same(points in any_points()) {
        let found = all(vec![pair("x", points.clone(), points)], None);
        prop_assert_eq!((found.changed, found.appeared.len() + found.disappeared.len()), (0, 0));
    }

    #[test]
    fn a_unit_is_only_a_name(before in any_points(), after in any_points(), power in 0_i32..8) {
        // The least change is one whole number, so the values are made large beside it.
        let scaled = |points: &[f64], factor: f64| {
            points.iter().map(|point| (point + 100.0) * factor).collect::<Vec<_>>()
        };
        let of = |factor: f64| compare(scaled(&before, factor), scaled(&after, factor));
        let (one, other) = (of(1000.0), of(1000.0 * 2_f64.powi(power)));
        let facts = |change: &Change| (change.effect, change.moved, change.cliffs_delta);
        prop_assert_eq!(one.as_ref().map(facts), other.as_ref().map(facts));
    }
}

#[test]
fn the_95th_percentile_is_one_of_the_points() {
    let mut points: Vec<f64> = (1..=20).rev().map(f64::from).collect();
    assert_eq!(p95(&mut points), Some(19.0));
    assert_eq!(p95(&mut [7.0, 3.0]), Some(7.0), "of few it is the highest");
    assert_eq!(p95(&mut []), None);
}
