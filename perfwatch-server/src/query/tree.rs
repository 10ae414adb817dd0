//! Columns of an answer, turned into the nested objects of a live message.

use perfwatch_store::{RangeAnswer, Series};
use serde::{Serialize, Serializer, ser::SerializeMap};

/// A value with the decimals of its series; whole numbers are written as such.
#[derive(Clone, Copy)]
pub(crate) struct Number {
    pub(crate) value: Option<f64>,
    pub(crate) decimals: u8,
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            None => serializer.serialize_none(),
            Some(value) if self.decimals == 0 => serializer.serialize_i64(value as i64),
            Some(value) => serializer.serialize_f64(value),
        }
    }
}

/// The series of an answer by the segments of their paths.
pub(crate) struct Tree<'a> {
    root: Branch<'a>,
    /// With one aggregate a leaf is the number itself.
    one_aggregate: bool,
}

#[derive(Default)]
struct Branch<'a> {
    children: Vec<(&'a str, Branch<'a>)>,
    /// One per aggregate, at a leaf.
    series: Vec<&'a Series>,
}

impl<'a> Tree<'a> {
    /// The tree of all series, below the metric type.
    pub(crate) fn new(answer: &'a RangeAnswer, aggregates: usize) -> Self {
        Self::below(answer, 1, aggregates == 1)
    }

    /// The tree of all series with their metric types, of one aggregate.
    pub(crate) fn of_all(answer: &'a RangeAnswer) -> Self {
        Self::below(answer, 0, true)
    }

    fn below(answer: &'a RangeAnswer, depth: usize, one_aggregate: bool) -> Self {
        let mut root = Branch::default();
        for series in &answer.series {
            root.add(series.segments.get(depth..).unwrap_or_default(), series);
        }
        Self { root, one_aggregate }
    }

    /// The values at one timestamp, also where there is none; a series without one is left out.
    pub(crate) fn row(&'a self, row: usize) -> Point<'a> {
        Point { tree: self, branch: &self.root, row }
    }

    /// The values at one timestamp; nothing where no series has one.
    pub(crate) fn point(&'a self, row: usize) -> Option<Point<'a>> {
        self.root.has_value(row).then_some(Point { tree: self, branch: &self.root, row })
    }
}

impl<'a> Branch<'a> {
    fn add(&mut self, path: &'a [String], series: &'a Series) {
        let Some((first, rest)) = path.split_first() else {
            self.series.push(series);
            return;
        };
        // Paths come sorted, so a known name is mostly the last.
        let found = self.children.iter().rposition(|(name, _)| name == first);
        let at = found.unwrap_or_else(|| {
            self.children.push((first, Branch::default()));
            self.children.len() - 1
        });
        if let Some((_, child)) = self.children.get_mut(at) {
            child.add(rest, series);
        }
    }

    fn has_value(&self, row: usize) -> bool {
        let has = |series: &&Series| series.values.get(row).is_some_and(Option::is_some);
        self.series.iter().any(has) || self.children.iter().any(|(_, child)| child.has_value(row))
    }
}

/// The values of a tree at one timestamp.
pub(crate) struct Point<'a> {
    tree: &'a Tree<'a>,
    branch: &'a Branch<'a>,
    row: usize,
}

impl Serialize for Point<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = |series: &Series| Number {
            value: series.values.get(self.row).copied().flatten(),
            decimals: series.decimals,
        };
        if let (true, [series]) = (self.tree.one_aggregate, self.branch.series.as_slice()) {
            return number(series).serialize(serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        for series in &self.branch.series {
            map.serialize_entry(series.aggregate.name(), &number(series))?;
        }
        for (name, branch) in &self.branch.children {
            map.serialize_entry(name, &Point { tree: self.tree, branch, row: self.row })?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use perfwatch_store::{Aggregate, Tier};

    use super::*;

    fn answer(aggregates: &[Aggregate]) -> RangeAnswer {
        let paths = [("cpu.cores.0.usage_percent", 2), ("cpu.load_1m", 2), ("cpu.tasks", 0)];
        let series = paths.iter().flat_map(|&(path, decimals)| {
            aggregates.iter().map(move |&aggregate| Series {
                path: path.to_owned(),
                segments: path.split('.').map(str::to_owned).collect(),
                aggregate,
                decimals,
                values: vec![Some(1.5), None],
            })
        });
        RangeAnswer {
            step_ms: 0,
            resolution_ms: 5000,
            tier: Tier::Raw,
            timestamps_ms: vec![0, 5000],
            series: series.collect(),
            damaged: 0,
        }
    }

    fn point(aggregates: &[Aggregate], row: usize) -> String {
        let answer = answer(aggregates);
        let tree = Tree::new(&answer, aggregates.len());
        serde_json::to_string(&tree.point(row)).unwrap()
    }

    #[test]
    fn a_point_is_nested_like_a_live_message() {
        insta::assert_snapshot!(point(&[Aggregate::Avg], 0), @r#"{"cores":{"0":{"usage_percent":1.5}},"load_1m":1.5,"tasks":1}"#);
        insta::assert_snapshot!(point(&[Aggregate::Avg, Aggregate::Max], 0), @r#"{"cores":{"0":{"usage_percent":{"avg":1.5,"max":1.5}}},"load_1m":{"avg":1.5,"max":1.5},"tasks":{"avg":1,"max":1}}"#);
        assert_eq!(point(&[Aggregate::Avg], 1), "null");
    }
}
