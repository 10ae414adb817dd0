//! Which series are meant.
//!
//! A name is known if a table has it or the store holds it: other hosts may measure what this one
//! does not.

use perfwatch_core::{
    Table,
    series::{self, Pattern},
    text::escape,
};

use super::params::shown;
use crate::{
    app::App,
    config::nearest,
    error::{AppError, AppResult},
};

/// A message names at most so many of what would be accepted.
const NAMED: usize = 20;

/// The most patterns in one question.
const MAX_FIELDS: usize = 200;

/// A path has at most so many segments below its metric type.
const DEPTH: usize = 4;

/// Refuses a host that nothing is known of; this daemon's own is the default.
pub(crate) async fn check_host(app: &App, host: Option<String>) -> AppResult<String> {
    let own = app.host.get();
    let Some(host) = host.filter(|host| **host != *own) else { return Ok(own.to_string()) };
    if app.hosts.find(&host).await?.is_some() {
        return Ok(host);
    }
    // What was known a moment ago may be out of date.
    let stored = app.store.hosts().await?;
    let mut names: Vec<&str> = stored.iter().map(|host| host.name.as_str()).collect();
    if names.contains(&host.as_str()) {
        return Ok(host);
    }
    if !names.contains(&&*own) {
        names.insert(0, &own);
    }
    Err(AppError::not_found(unknown("host", &host, names)))
}

/// Every metric type of the tables and of the stored series, with the patterns of its fields.
pub(crate) async fn metric_types(app: &App, host: &str) -> AppResult<Vec<(String, Vec<String>)>> {
    let mut types: Vec<(String, Vec<String>)> = Vec::new();
    let mut add = |name: &str, field: String| match types.iter_mut().find(|(held, _)| held == name)
    {
        Some((_, fields)) => fields.push(field),
        None => types.push((name.to_owned(), vec![field])),
    };
    for table in &app.tables {
        table.columns.iter().for_each(|column| add(table.metric_type(), name(table, column.name)));
    }
    for path in app.store.series(host).await? {
        if let Some(metric_type) = foreign_type(&app.tables, &path) {
            add(&metric_type, path);
        }
    }
    Ok(types)
}

/// A column's name with a `*` for the row.
fn name(table: &Table, column: &str) -> String {
    let row = if table.row.is_some() { ".*" } else { "" };
    format!("{}{row}.{column}", table.name)
}

/// The metric type of a stored path that is in none of the tables.
fn foreign_type(tables: &[&'static Table], path: &str) -> Option<String> {
    let pattern = Pattern::parse(path).ok()?;
    let foreign = !in_tables(tables, &pattern);
    foreign.then(|| series::segments(path).ok()?.into_iter().next()).flatten()
}

fn in_tables(tables: &[&'static Table], pattern: &Pattern) -> bool {
    let columns = tables.iter().flat_map(|table| table.columns.iter().map(move |c| (table, c)));
    columns.into_iter().any(|(table, column)| pattern.could_match(table, column))
}

/// The patterns of the wanted fields of a metric type; all of them where none is wanted.
pub(crate) async fn patterns(
    app: &App,
    host: &str,
    metric_type: &str,
    fields: &[String],
) -> AppResult<Vec<Pattern>> {
    if fields.len() > MAX_FIELDS {
        return Err(AppError::invalid(format!(
            "fields: at most {MAX_FIELDS} are answered at once"
        )));
    }
    let mut stored = Stored { app, host, paths: None };
    if !app.tables.iter().any(|table| table.metric_type() == metric_type) {
        stored.check_type(metric_type).await?;
    }
    if fields.is_empty() {
        return Ok(everything(metric_type));
    }
    let mut patterns = Vec::new();
    for field in fields {
        patterns.push(stored.resolve(metric_type, field).await?);
    }
    Ok(patterns)
}

fn everything(metric_type: &str) -> Vec<Pattern> {
    let below = (1..=DEPTH).map(|depth| format!("{metric_type}{}", ".*".repeat(depth)));
    below.filter_map(|text| Pattern::parse(&text).ok()).collect()
}

/// The series in the store, looked up when a name is in no table.
struct Stored<'a> {
    app: &'a App,
    host: &'a str,
    paths: Option<Vec<Vec<String>>>,
}

impl Stored<'_> {
    async fn paths(&mut self) -> AppResult<&[Vec<String>]> {
        if self.paths.is_none() {
            let paths = self.app.store.series(self.host).await?;
            self.paths =
                Some(paths.iter().filter_map(|path| series::segments(path).ok()).collect());
        }
        Ok(self.paths.as_deref().unwrap_or_default())
    }

    async fn check_type(&mut self, metric_type: &str) -> AppResult<()> {
        let known = self.paths().await?;
        if known.iter().any(|path| path.first().is_some_and(|first| first == metric_type)) {
            return Ok(());
        }
        let mut names: Vec<&str> =
            self.app.tables.iter().map(|table| table.metric_type()).collect();
        names.dedup();
        Err(AppError::invalid(unknown("metric_type", metric_type, names)))
    }

    /// The pattern of a field, named in full or below its metric type.
    async fn resolve(&mut self, metric_type: &str, field: &str) -> AppResult<Pattern> {
        let pattern =
            Pattern::parse(field).map_err(|error| AppError::invalid(format!("fields: {error}")))?;
        let in_full =
            field.strip_prefix(metric_type).is_some_and(|rest| rest.starts_with(['.', '[']));
        let full = in_full.then(|| pattern.clone());
        let readings: Vec<Pattern> = full.into_iter().chain([pattern.below(metric_type)]).collect();
        if let Some(known) = readings.iter().find(|pattern| in_tables(&self.app.tables, pattern)) {
            return Ok(known.clone());
        }
        let paths = self.paths().await?;
        let known = readings.iter().find(|pattern| paths.iter().any(|path| pattern.matches(path)));
        known.cloned().ok_or_else(|| self.unknown_field(metric_type, field))
    }

    fn unknown_field(&self, metric_type: &str, field: &str) -> AppError {
        let tables = self.app.tables.iter().filter(|table| table.metric_type() == metric_type);
        let names: Vec<String> = tables
            .flat_map(|table| table.columns.iter().map(|column| name(table, column.name)))
            .filter_map(|name| name.split_once('.').map(|(_, below)| below.to_owned()))
            .collect();
        AppError::invalid(unknown("fields", field, names.iter().map(String::as_str)))
    }
}

/// Names the parameter, what was likely meant, and some of what is known.
fn unknown<'a>(parameter: &str, wanted: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let near = nearest(wanted, known.iter().copied());
    let near = near.map_or_else(String::new, |near| format!("did you mean `{}`? ", escape(near)));
    let named = known.iter().take(NAMED).map(|name| escape(name)).collect::<Vec<_>>().join(", ");
    let more = match known.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let wanted = shown(wanted);
    format!("{parameter}: `{wanted}` is not known; {near}known are {named}{more}")
}
