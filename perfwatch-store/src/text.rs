//! Numbers and names as JSON has them, exactly.

/// Appends `value / 10^decimals` with all of its decimals.
pub(crate) fn push_number(value: i64, decimals: u8, out: &mut String) {
    if decimals == 0 {
        return out.push_str(&value.to_string());
    }
    let decimals = usize::from(decimals);
    let digits = format!("{:0>1$}", value.unsigned_abs(), decimals + 1);
    let (whole, rest) = digits.split_at(digits.len() - decimals);
    if value < 0 {
        out.push('-');
    }
    out.push_str(whole);
    out.push('.');
    out.push_str(rest);
}

/// Text as JSON; what a terminal would obey is escaped too.
pub(crate) fn json(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
