//! The raw readings of one table at one moment.

use crate::{FieldId, Kind, MISSING, Table, decimal::Decimal};

/// Row names, kept in one buffer so that filling them again allocates nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    text: String,
    ends: Vec<usize>,
}

impl Keys {
    /// Forgets all names and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Adds a name.
    pub fn push(&mut self, key: &str) {
        self.text.push_str(key);
        self.ends.push(self.text.len());
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The name of a row, or nothing behind the last one.
    pub fn get(&self, row: usize) -> Option<&str> {
        let end = *self.ends.get(row)?;
        let start = row.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        self.text.get(start.unwrap_or(0)..end)
    }

    /// All names in row order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|row| self.get(row))
    }

    /// Makes this a copy of `other`, reusing the memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.text.clone_from(&other.text);
        self.ends.clone_from(&other.ends);
    }

    /// The row with this name, looked for from `hint` on, so that two lists in nearly the same
    /// order are matched in one pass.
    pub fn find(&self, key: &str, hint: usize) -> Option<usize> {
        let rows = self.len();
        (hint..rows).chain(0..hint.min(rows)).find(|&row| self.get(row) == Some(key))
    }
}

/// The rows and raw values of one table at one moment.
///
/// Counters hold what the source counts, in the field's unit; gauges hold the value times
/// `10^decimals` of their unit. A value not written is [`MISSING`].
#[derive(Clone, Debug)]
pub struct Block {
    table: &'static Table,
    read_at_ns: u64,
    keys: Keys,
    values: Vec<i64>,
}

impl Block {
    /// An empty block of this table.
    pub fn new(table: &'static Table) -> Self {
        Self { table, read_at_ns: 0, keys: Keys::default(), values: Vec::new() }
    }

    /// The table whose rows these are.
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// Removes all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.keys.clear();
        self.values.clear();
        self.read_at_ns = 0;
    }

    /// Makes this a copy of another block of the same table, reusing the memory.
    pub fn copy_from(&mut self, other: &Self) {
        self.read_at_ns = other.read_at_ns;
        self.keys.copy_from(&other.keys);
        self.values.clone_from(&other.values);
    }

    /// Says at which monotonic time (nanoseconds) the source was read; rates divide by the
    /// difference of two of these.
    pub fn set_read_at(&mut self, monotonic_ns: u64) {
        self.read_at_ns = monotonic_ns;
    }

    /// The monotonic time of the reading in nanoseconds; 0 before any.
    pub fn read_at(&self) -> u64 {
        self.read_at_ns
    }

    /// Adds a row; its name is empty in a table about the host.
    pub fn push_row(&mut self, key: &str) -> RowMut<'_> {
        let start = self.values.len();
        self.keys.push(key);
        self.values.resize(start + self.table.fields.len(), MISSING);
        RowMut { table: self.table, values: self.values.get_mut(start..).unwrap_or_default() }
    }

    /// The one row of a table about the host; made at the first call.
    pub fn host_row(&mut self) -> RowMut<'_> {
        if self.keys.is_empty() {
            return self.push_row("");
        }
        RowMut { table: self.table, values: &mut self.values }
    }

    /// A row pushed before, to add to it. Writing behind the last row does nothing.
    pub fn row_mut(&mut self, row: usize) -> RowMut<'_> {
        let width = self.table.fields.len();
        let values = self.values.get_mut(row * width..(row + 1) * width).unwrap_or_default();
        RowMut { table: self.table, values }
    }

    /// The row names, in order.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The raw values of a row, one per field.
    pub fn row(&self, row: usize) -> Option<&[i64]> {
        let width = self.table.fields.len();
        self.values.get(row * width..(row + 1) * width)
    }

    /// One raw value, or [`MISSING`].
    pub fn value(&self, row: usize, field: FieldId) -> i64 {
        self.row(row).and_then(|values| values.get(field.0)).copied().unwrap_or(MISSING)
    }
}

/// A row being filled.
pub struct RowMut<'a> {
    table: &'static Table,
    values: &'a mut [i64],
}

impl RowMut<'_> {
    /// Writes a whole number in the field's unit. What no 63 bits can hold is missing: the
    /// kernel shows such values for a moment where an unsigned difference went below zero.
    pub fn set(&mut self, field: FieldId, value: u64) {
        let scale = self.scale(field);
        let value = i64::try_from(value).ok().and_then(|value| value.checked_mul(scale));
        self.put(field, value.unwrap_or(MISSING));
    }

    /// Writes a number in the field's unit, rounded to the unit's decimals.
    pub fn set_f64(&mut self, field: FieldId, value: f64) {
        let Some(description) = self.table.fields.get(field.0) else { return };
        let value = match description.kind {
            Kind::Gauge => Decimal::round(value, description.unit),
            Kind::Counter | Kind::Counter32 => Decimal::round(value, crate::Unit::Count),
        };
        self.put(field, value);
    }

    /// Writes a number if there is one; leaves the field missing otherwise.
    pub fn set_opt(&mut self, field: FieldId, value: Option<u64>) {
        if let Some(value) = value {
            self.set(field, value);
        }
    }

    /// Writes yes or no.
    pub fn set_flag(&mut self, field: FieldId, value: bool) {
        self.set(field, u64::from(value));
    }

    /// Adds to what the field holds; a missing field counts as 0.
    pub fn add(&mut self, field: FieldId, value: u64) {
        let held = self.values.get(field.0).copied().unwrap_or(MISSING).max(0);
        let Some(sum) = i64::try_from(value)
            .ok()
            .and_then(|value| value.checked_mul(self.scale(field)))
            .and_then(|value| held.checked_add(value))
        else {
            return self.put(field, MISSING);
        };
        self.put(field, sum);
    }

    fn scale(&self, field: FieldId) -> i64 {
        match self.table.fields.get(field.0) {
            Some(field) if field.kind == Kind::Gauge => field.unit.scale(),
            _ => 1,
        }
    }

    fn put(&mut self, field: FieldId, value: i64) {
        if let Some(slot) = self.values.get_mut(field.0) {
            *slot = value;
        }
    }
}
