//! Tables: every field's name, kind, unit and help, written once.

use crate::Unit;

/// How a field's readings relate to one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; a lower reading is a reset.
    Counter,
    /// A counter that the kernel keeps in 32 bits: it wraps.
    Counter32,
    /// May go up and down.
    Gauge,
}

impl Kind {
    /// Whether the field counts something up.
    pub const fn is_counter(self) -> bool {
        matches!(self, Self::Counter | Self::Counter32)
    }
}

/// The place of a field in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldId(pub usize);

/// What one value of a gauge stands for, where its values are no quantities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The number that is read, stored and exported.
    pub value: i64,
    /// What people read instead.
    pub word: &'static str,
}

/// One raw number of a table, as a collector reads it.
#[derive(Debug)]
pub struct Field {
    /// The quantity, without its unit.
    pub name: &'static str,
    /// How readings relate.
    pub kind: Kind,
    /// What it counts.
    pub unit: Unit,
    /// One sentence for people.
    pub help: &'static str,
    /// What the viewed value is called; unused where a view does not show the field.
    pub view_name: &'static str,
    /// What its values stand for; empty where they are quantities. The help names them too.
    pub codes: &'static [Code],
}

impl Field {
    /// What a raw value is multiplied with and divided by to be in the unit's base unit.
    pub(crate) fn base(&self) -> (f64, f64) {
        let (multiply, divide) = self.unit.base();
        let scale = if self.kind.is_counter() { 1 } else { self.unit.scale() };
        (multiply, divide * scale as f64)
    }
}

/// What a derived value is divided by.
#[derive(Debug)]
pub enum Per {
    /// The seconds between two readings.
    Second,
    /// The sum of these fields.
    Fields(&'static [FieldId]),
}

/// A named formula: the sum of some fields over time, or over the sum of others.
/// Counters enter with their growth, gauges with their level, all in base units.
#[derive(Debug)]
pub struct Derived {
    /// What the viewed value is called.
    pub view_name: &'static str,
    /// The unit of the result.
    pub unit: Unit,
    /// One sentence for people.
    pub help: &'static str,
    /// The fields above the line.
    pub sum: &'static [FieldId],
    /// What is below it.
    pub per: Per,
}

impl Derived {
    /// All fields that enter the formula.
    pub fn fields(&self) -> impl Iterator<Item = FieldId> {
        let below = match self.per {
            Per::Second => &[],
            Per::Fields(fields) => fields,
        };
        self.sum.iter().chain(below).copied()
    }
}

/// Where a column of a view comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A gauge, as it is.
    Level(FieldId),
    /// A counter's growth per second.
    Rate(FieldId),
    /// CPU time as a share of all CPU time of the row.
    Share(FieldId),
    /// The formula with this index.
    Formula(usize),
}

/// One number of a table as people see it.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name in JSON, in history and in the catalog, such as `bytes_recv_per_sec`.
    pub name: &'static str,
    /// Its unit, which also fixes its decimals.
    pub unit: Unit,
    /// One sentence for people.
    pub help: &'static str,
    /// What its values stand for; empty where they are quantities.
    pub codes: &'static [Code],
    /// How it is computed.
    pub source: Source,
}

/// The fields of one kind of thing: one row for the host, or one row per instance.
#[derive(Debug)]
pub struct Table {
    /// Dotted name; the part before the first dot is the metric type.
    pub name: &'static str,
    /// What one row is (`core`, `interface`), or nothing for a table about the host itself.
    pub row: Option<&'static str>,
    /// One sentence for people.
    pub help: &'static str,
    /// What a collector writes.
    pub fields: &'static [Field],
    /// Formulas over the fields.
    pub derived: &'static [Derived],
    /// What a view shows.
    pub columns: &'static [Column],
}

impl Table {
    /// The subject that this table belongs to, such as `cpu` for `cpu.cores`.
    pub fn metric_type(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(head, _)| head)
    }

    /// The name below the metric type (`cores` for `cpu.cores`), if there is one.
    pub fn part(&self) -> Option<&'static str> {
        self.name.split_once('.').map(|(_, tail)| tail)
    }
}

/// No table has more fields: a row is computed in an array of this size.
#[doc(hidden)]
pub const MOST_FIELDS: usize = 64;

/// How many columns a view of these fields has before the derived ones.
#[doc(hidden)]
pub const fn visible(fields: &[Field]) -> usize {
    let (mut count, mut index) = (0, 0);
    while index < fields.len() {
        if field_column(&fields[index], index).is_some() {
            count += 1;
        }
        index += 1;
    }
    count
}

const fn field_column(field: &Field, index: usize) -> Option<Column> {
    let id = FieldId(index);
    let (unit, source) = match (field.kind, field.unit, field.unit.rate()) {
        (Kind::Gauge, unit, _) => (unit, Source::Level(id)),
        (_, Unit::CpuTime, _) => (Unit::Percent, Source::Share(id)),
        (_, _, Some(rate)) => (rate, Source::Rate(id)),
        (_, _, None) => return None,
    };
    Some(Column { name: field.view_name, unit, help: field.help, codes: field.codes, source })
}

/// All columns of a view: the fields' own, then the derived ones.
#[doc(hidden)]
pub const fn columns<const N: usize>(fields: &[Field], derived: &[Derived]) -> [Column; N] {
    const EMPTY: Column =
        Column { name: "", unit: Unit::Count, help: "", codes: &[], source: Source::Formula(0) };
    let mut columns = [EMPTY; N];
    let (mut count, mut index) = (0, 0);
    while index < fields.len() {
        if let Some(column) = field_column(&fields[index], index) {
            columns[count] = column;
            count += 1;
        }
        index += 1;
    }
    let mut index = 0;
    while index < derived.len() {
        let Derived { view_name, unit, help, .. } = derived[index];
        columns[count] =
            Column { name: view_name, unit, help, source: Source::Formula(index), ..EMPTY };
        count += 1;
        index += 1;
    }
    columns
}

/// Declares a table as a module with its [`Table`] (`TABLE`) and one [`FieldId`] per field.
///
/// ```
/// perfwatch_core::metric_table! {
///     /// Network traffic, for each interface.
///     pub table interfaces: network.interfaces per interface {
///         /// Bytes received.
///         bytes_recv: Counter Bytes,
///         /// Bytes sent.
///         bytes_sent: Counter Bytes,
///     }
///     derive {
///         /// Bytes in both directions.
///         traffic: BytesPerSecond = [bytes_recv bytes_sent] / second,
///     }
/// }
/// let names: Vec<_> = interfaces::TABLE.columns.iter().map(|column| column.name).collect();
/// assert_eq!(names, ["bytes_recv_per_sec", "bytes_sent_per_sec", "traffic_bytes_per_sec"]);
/// ```
///
/// A derived value is a sum of fields over `second` or over another sum (`[a b] / [c d]`).
/// A gauge whose values are no quantities says what they stand for, here and in its help:
/// `state: Gauge Count { 1 "up", 2 "down" },`.
#[macro_export]
macro_rules! metric_table {
    (
        $(#[doc = $help:literal])+
        $visibility:vis table $module:ident: $head:ident $(. $tail:ident)? $(per $row:ident)? {
            $(
                $(#[doc = $field_help:literal])+
                $field:ident: $kind:ident $unit:ident
                    $({ $first:literal $first_word:literal $(, $code:literal $word:literal)* })?,
            )+
        }
        $( derive {
            $(
                $(#[doc = $derived_help:literal])+
                $derived:ident: $derived_unit:ident = [$($term:ident)+] / $per:tt,
            )+
        } )?
    ) => {
        $(#[doc = $help])+
        #[allow(non_upper_case_globals, missing_docs, dead_code, unreachable_pub)]
        $visibility mod $module {
            #[allow(non_camel_case_types)]
            enum Index { $($field),+ }
            $(
                $(#[doc = $field_help])+
                pub const $field: $crate::FieldId = $crate::FieldId(Index::$field as usize);
            )+
            const FIELDS: &[$crate::Field] = &[$($crate::Field {
                name: stringify!($field),
                kind: $crate::Kind::$kind,
                unit: $crate::Unit::$unit,
                help: concat!(
                    $($field_help),+
                    $(, " ", $first, " ", $first_word $(, ", ", $code, " ", $word)*, ".")?
                ).trim_ascii(),
                view_name: $crate::metric_table!(@name $field $kind $unit),
                codes: &[$(
                    $crate::Code { value: $first, word: $first_word },
                    $($crate::Code { value: $code, word: $word },)*
                )?],
            }),+];
            const _: () = assert!(FIELDS.len() <= $crate::MOST_FIELDS, "too many fields");
            const DERIVED: &[$crate::Derived] = &[$($($crate::Derived {
                view_name: $crate::metric_table!(@name $derived Gauge $derived_unit),
                unit: $crate::Unit::$derived_unit,
                help: concat!($($derived_help),+).trim_ascii(),
                sum: &[$($term),+],
                per: $crate::metric_table!(@per $per),
            }),+)?];
            static COLUMNS: [$crate::Column; $crate::visible(FIELDS) + DERIVED.len()] =
                $crate::columns(FIELDS, DERIVED);
            $(#[doc = $help])+
            pub static TABLE: $crate::Table = $crate::Table {
                name: concat!(stringify!($head) $(, ".", stringify!($tail))?),
                row: $crate::metric_table!(@row $($row)?),
                help: concat!($($help),+).trim_ascii(),
                fields: FIELDS,
                derived: DERIVED,
                columns: &COLUMNS,
            };
        }
    };
    (@row) => { None };
    (@row $row:ident) => { Some(stringify!($row)) };
    (@per second) => { $crate::Per::Second };
    (@per [$($field:ident)+]) => { $crate::Per::Fields(&[$($field),+]) };
    (@name $name:ident Gauge $unit:ident) => {
        concat!(stringify!($name), $crate::metric_table!(@suffix $unit))
    };
    (@name $name:ident $counter:ident CpuTime) => { concat!(stringify!($name), "_percent") };
    (@name $name:ident $counter:ident $unit:ident) => { concat!(stringify!($name), "_per_sec") };
    (@suffix Percent) => { "_percent" };
    (@suffix Bytes) => { "_bytes" };
    (@suffix BytesPerSecond) => { "_bytes_per_sec" };
    (@suffix EventsPerSecond) => { "_per_sec" };
    (@suffix Celsius) => { "_celsius" };
    (@suffix Megahertz) => { "_mhz" };
    (@suffix Milliseconds) => { "_ms" };
    (@suffix Microseconds) => { "_us" };
    (@suffix Seconds) => { "_seconds" };
    (@suffix Watts) => { "_watts" };
    (@suffix WattHours) => { "_wh" };
    (@suffix $plain:ident) => { "" };
}
