//! The settings as a table for people.

use super::settings::{SETTINGS, Setting, Standard};

/// The table of all settings in Markdown, for the README.
pub fn settings_markdown() -> String {
    let head = "| in the file | flag | variable | default | what |\n|---|---|---|---|---|\n";
    SETTINGS.iter().fold(head.to_owned(), |text, setting| text + &row(setting))
}

fn row(setting: &Setting) -> String {
    let code = |text: &str| format!("`{text}`");
    let key = setting.file_key().map_or_else(|| "-".to_owned(), code);
    let flag = setting.flag().map_or_else(|| "-".to_owned(), |flag| format!("`--{flag}`"));
    let default = match setting.default {
        Standard::Value("") => "none".to_owned(),
        Standard::Value(text) => code(text),
        Standard::Words(text) => text.to_owned(),
    };
    format!("| {key} | {flag} | `{}` | {default} | {} |\n", setting.variable(), setting.help)
}
