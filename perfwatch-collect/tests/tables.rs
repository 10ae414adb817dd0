//! The built-in tables, tested as data.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests may")]

use std::collections::HashSet;

use perfwatch_collect::{MetricsAggregator, Roots};
use perfwatch_core::{Per, Table, Unit, prometheus};

fn tables() -> Vec<&'static Table> {
    MetricsAggregator::new(&Roots::default()).tables()
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn is_sentence(help: &str) -> bool {
    help.starts_with(|c: char| c.is_uppercase()) && help.ends_with('.') && help.len() > 10
}

#[test]
fn the_eight_metric_types_are_there_in_order() {
    let mut types: Vec<_> = tables().iter().map(|table| table.metric_type()).collect();
    types.dedup();
    let eight = [
        "cpu",
        "memory",
        "network",
        "disk",
        "perf_events",
        "memory_bandwidth",
        "pressure",
        "power",
    ];
    assert_eq!(types[..8], eight);
    assert_eq!(types[8..], ["monitor"]);
}

#[test]
fn names_are_legal_and_unique() {
    let mut seen = HashSet::new();
    for table in tables() {
        assert!(table.name.split('.').all(is_name), "{}", table.name);
        assert!(table.name.split('.').count() <= 2, "{}: JSON nests two levels", table.name);
        assert!(table.row.is_none_or(is_name), "{}", table.name);
        for column in table.columns {
            assert!(is_name(column.name), "{}.{}", table.name, column.name);
            let unique = seen.insert(format!("{}.{}", table.name, column.name));
            assert!(unique, "{}.{} stands twice", table.name, column.name);
        }
    }
}

#[test]
fn tables_with_fields_in_common_begin_with_them() {
    let tables = tables();
    let names = |name: &str, count: usize| -> Vec<&str> {
        let table = tables.iter().find(|table| table.name == name).unwrap();
        table.fields[..count].iter().map(|field| field.name).collect()
    };
    assert_eq!(names("cpu", 10), names("cpu.cores", 10));
    assert_eq!(names("network", 8), names("network.interfaces", 8));
}

#[test]
fn a_column_and_a_table_below_do_not_share_a_name() {
    let tables = tables();
    for table in tables.iter().filter(|table| table.part().is_none()) {
        let below = |name| {
            tables
                .iter()
                .any(|other| other.metric_type() == table.name && other.part() == Some(name))
        };
        assert!(!table.columns.iter().any(|column| below(column.name)), "{}", table.name);
    }
}

#[test]
fn help_is_a_sentence() {
    for table in tables() {
        assert!(is_sentence(table.help), "{}: {}", table.name, table.help);
        for column in table.columns {
            assert!(is_sentence(column.help), "{}.{}: {}", table.name, column.name, column.help);
        }
        for field in table.fields {
            assert!(is_sentence(field.help), "{}.{}: {}", table.name, field.name, field.help);
        }
    }
}

#[test]
fn codes_are_words_of_gauges_and_stand_in_the_help() {
    let mut coded = 0;
    for table in tables() {
        for field in table.fields.iter().filter(|field| !field.codes.is_empty()) {
            let mut seen = HashSet::new();
            for code in field.codes {
                assert!(seen.insert(code.value) && code.value >= 0, "{}: {code:?}", field.name);
                let said = format!("{} {}", code.value, code.word);
                assert!(field.help.contains(&said), "{}: {said}", field.name);
            }
            assert!(!field.kind.is_counter() && field.unit == Unit::Count, "{}", field.name);
            coded += 1;
        }
    }
    assert!(coded >= 1);
}

#[test]
fn every_counter_is_seen_as_a_rate_or_in_a_formula() {
    for table in tables() {
        for (index, field) in table.fields.iter().enumerate() {
            let in_formula =
                table.derived.iter().any(|derived| derived.fields().any(|id| id.0 == index));
            let seen = !field.kind.is_counter() || field.unit.rate().is_some() || in_formula;
            assert!(seen, "{}.{} is counted and never shown", table.name, field.name);
        }
    }
}

#[test]
fn formulas_divide_like_by_like() {
    for table in tables() {
        for derived in table.derived {
            let counters = |ids: &[perfwatch_core::FieldId]| -> Vec<bool> {
                ids.iter().map(|id| table.fields[id.0].kind.is_counter()).collect()
            };
            let mut kinds = counters(derived.sum);
            match derived.per {
                Per::Second => kinds.push(true),
                Per::Fields(fields) => kinds.extend(counters(fields)),
            }
            kinds.dedup();
            assert_eq!(
                kinds.len(),
                1,
                "{}.{} mixes growth and level",
                table.name,
                derived.view_name
            );
        }
    }
}

#[test]
fn exported_names_follow_the_exporter_conventions() {
    let units = [
        "milliseconds",
        "microseconds",
        "megahertz",
        "percent",
        "kilobytes",
        "microjoules",
        "hours",
    ];
    let abbreviations = ["s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "m", "h", "d"];
    let mut seen = HashSet::new();
    for table in tables() {
        for field in table.fields {
            let name = prometheus::metric_name(table, field);
            assert!(seen.insert(name.clone()), "{name} stands twice");
            assert_eq!(name.ends_with("_total"), field.kind.is_counter(), "{name}");
            let words: Vec<_> = name.split('_').collect();
            assert!(!words.iter().any(|word| units.contains(word)), "{name}: not a base unit");
            assert!(!words.iter().any(|word| abbreviations.contains(word)), "{name}: abbreviated");
            for end in ["_count", "_sum", "_bucket", "_info"] {
                assert!(!name.ends_with(end), "{name}: {end} has a meaning of its own");
            }
        }
    }
}

#[test]
fn counters_have_units_that_count() {
    for table in tables() {
        for field in table.fields.iter().filter(|field| field.kind.is_counter()) {
            let counts = matches!(
                field.unit,
                Unit::Bytes
                    | Unit::Count
                    | Unit::CpuTime
                    | Unit::Milliseconds
                    | Unit::Microseconds
                    | Unit::Microjoules
            );
            assert!(counts, "{}.{}: {:?}", table.name, field.name, field.unit);
        }
    }
}
