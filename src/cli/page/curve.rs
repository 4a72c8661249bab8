//! The convergence curve of a page: the objective of every iteration, the search's too.

use quantize::trace::{Origin, Run};

/// Iterations that are drawn at most.
const MOST_ITERATIONS: usize = 4000;

/// Of all values this share is in sight: the first ones of a start can be far off.
const IN_SIGHT: f64 = 0.97;

/// The size of the drawing, without the margins that labels take.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 220.0;

/// Lines that labels stand at, about so many.
const TICKS: f64 = 4.0;

/// What is drawn, on an area of 600 x 220 with its origin at the top left.
#[derive(Debug)]
pub struct Curve {
    /// What its values are.
    pub what: &'static str,
    pub lines: Vec<Line>,
    pub ticks: Vec<Tick>,
    pub iterations: usize,
    /// Whether runs that led nowhere are left out.
    pub thinned: bool,
    /// The value at the end.
    pub end: String,
}

/// A run of iterations.
#[derive(Debug)]
pub struct Line {
    /// As SVG takes them.
    pub points: String,
    /// Where it begins.
    pub x: f64,
    pub y: f64,
    pub kept: bool,
    pub is_start: bool,
    pub is_move: bool,
}

/// A labeled height.
#[derive(Debug)]
pub struct Tick {
    pub y: f64,
    pub text: String,
}

impl Curve {
    /// The curve of `runs` after each value is divided by `divisor`; none if nothing was iterated.
    pub fn of(runs: &[Run], what: &'static str, divisor: f64) -> Option<Self> {
        let iterations = |runs: &[&Run]| runs.iter().map(|run| run.objective.len()).sum::<usize>();
        let mut runs: Vec<&Run> = runs.iter().collect();
        let thinned = iterations(&runs) > MOST_ITERATIONS;
        if thinned {
            runs.retain(|run| run.kept);
        }
        let value = |value: &f64| value / divisor;
        let ends = runs
            .iter()
            .rfind(|run| run.kept)?
            .objective
            .last()
            .map(value)?;
        let [low, high] = range(
            runs.iter()
                .flat_map(|run| &run.objective)
                .map(value)
                .collect(),
        );
        let height = |value: f64| hundredths(HEIGHT * (high - value) / (high - low));
        let all = iterations(&runs);
        let place = |i: usize| hundredths(WIDTH * i as f64 / (all - 1).max(1) as f64);
        let mut lines = Vec::new();
        let mut before = 0;
        for run in &runs {
            let heights: Vec<f64> = run.objective.iter().map(value).map(height).collect();
            let points = heights.iter().enumerate();
            let points = points.map(|(i, y)| format!("{},{y}", place(before + i)));
            lines.push(Line {
                points: points.collect::<Vec<_>>().join(" "),
                x: place(before),
                y: heights[0].clamp(0.0, HEIGHT),
                kept: run.kept,
                is_start: run.origin == Origin::Start,
                is_move: run.origin == Origin::Move,
            });
            before += run.objective.len();
        }
        let ticks = ticks(low, high);
        let decimals = decimals(high - low) + 1;
        Some(Self {
            what,
            lines,
            ticks: ticks
                .into_iter()
                .map(|(value, text)| Tick {
                    y: height(value),
                    text,
                })
                .collect(),
            iterations: all - runs.len(),
            thinned,
            end: format!("{ends:.decimals$}"),
        })
    }
}

/// The least and the greatest of `values`, without the few that are farthest from most.
fn range(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    let cut = ((1.0 - IN_SIGHT) * last as f64) as usize;
    let middle = values[last / 2];
    let [mut low, mut high] = [values[0], values[last]];
    // What the values go to is within; what they come from is on the other side, and may be far off.
    if middle - low > high - middle {
        low = values[cut];
    } else {
        high = values[last - cut];
    }
    let margin = 0.03 * (high - low).max(1e-9 * high.abs()).max(1e-12);
    [low - margin, high + margin]
}

/// Round values between `low` and `high`, and how they are written.
fn ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    let rough = (high - low) / TICKS;
    let power = 10f64.powi(rough.log10().floor() as i32);
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    let step = step
        .into_iter()
        .find(|&step| step >= rough)
        .unwrap_or(rough);
    let decimals = decimals(high - low);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    let ticks = (first..=last).map(|i| i as f64 * step);
    ticks
        .map(|value| (value, format!("{value:.decimals$}")))
        .collect()
}

/// Decimals that tell values of such a range apart.
fn decimals(range: f64) -> usize {
    (1.0 - (range / TICKS).log10().floor()).clamp(0.0, 12.0) as usize
}

fn hundredths(x: f64) -> f64 {
    (100.0 * x).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(origin: Origin, kept: bool, objective: &[f64]) -> Run {
        Run {
            start: 0,
            origin,
            objective: objective.to_vec(),
            kept,
        }
    }

    #[test]
    fn lines_follow_each_other_from_left_to_right_and_what_is_less_is_lower() {
        let runs = [
            run(Origin::Start, true, &[9.0, 5.0, 4.0]),
            run(Origin::Move, false, &[4.5, 4.2]),
            run(Origin::Continuation, true, &[4.0, 3.0]),
        ];
        let curve = Curve::of(&runs, "inertia", 1.0).unwrap();
        assert!(curve.lines.windows(2).all(|pair| pair[0].x < pair[1].x));
        assert!(curve.lines[0].y < curve.lines[1].y && curve.lines[1].y < curve.lines[2].y);
        assert_eq!((curve.iterations, curve.end.as_str()), (4, "3.00"));
        assert!(
            curve
                .lines
                .iter()
                .map(|line| line.is_start)
                .eq([true, false, false])
        );
    }

    #[test]
    fn a_long_search_is_drawn_without_what_led_nowhere() {
        let mut runs = vec![run(Origin::Move, false, &[1.0; 100]); 100];
        runs.push(run(Origin::Continuation, true, &[2.0, 1.0]));
        let curve = Curve::of(&runs, "inertia", 1.0).unwrap();
        assert!(curve.thinned && curve.lines.len() == 1);
    }

    #[test]
    fn where_nothing_was_iterated_there_is_no_curve() {
        assert!(Curve::of(&[], "inertia", 1.0).is_none());
    }

    #[test]
    fn a_flat_curve_has_a_range() {
        for value in [0.0, 5.0, -3.0] {
            let [low, high] = range(vec![value; 4]);
            assert!(low < value && value < high, "{low} {high}");
            let curve = Curve::of(&[run(Origin::Start, true, &[value])], "inertia", 1.0);
            assert!(curve.unwrap().lines[0].y.is_finite());
        }
    }

    #[test]
    fn ticks_are_round_and_in_range() {
        let texts = ticks(4.21, 4.83).into_iter().map(|(_, text)| text);
        assert_eq!(texts.collect::<Vec<_>>(), ["4.40", "4.60", "4.80"]);
        let texts = ticks(690.0, 2110.0).into_iter().map(|(_, text)| text);
        assert_eq!(texts.collect::<Vec<_>>(), ["1000", "1500", "2000"]);
    }
}
