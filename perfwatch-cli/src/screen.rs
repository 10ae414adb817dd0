//! Where output goes, and what it may look like there.

use std::io::{self, IsTerminal, Write};

use anyhow::{Error, Result};

use crate::text;

/// The width of a page where no terminal tells its own.
const USUAL_WIDTH: usize = 80;

/// Standard output or a buffer, with what it can show.
pub struct Screen {
    out: Box<dyn Write>,
    terminal: bool,
    colour: bool,
    width: usize,
}

impl Screen {
    /// Standard output: decorated on a terminal that did not ask for none (`NO_COLOR`), plain in a
    /// pipe.
    pub fn stdout() -> Self {
        let terminal = io::stdout().is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let size = terminal_size::terminal_size_of(io::stdout()).filter(|_| terminal);
        Self {
            out: Box::new(io::stdout()),
            terminal,
            colour: terminal && !no_color && !dumb,
            width: size.map_or(USUAL_WIDTH, |(width, _)| usize::from(width.0).max(40)),
        }
    }

    /// How many columns fit.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Whether what is too wide would break.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// How to decorate.
    pub(crate) fn ink(&self) -> Ink {
        Ink { colour: self.colour }
    }

    /// Writes text that holds nothing a terminal would obey but our own decoration.
    pub(crate) fn write(&mut self, text: &str) -> Result<()> {
        self.out.write_all(text.as_bytes())?;
        Ok(self.out.flush()?)
    }

    /// Writes text that came from elsewhere. A pipe gets it as it is; on a terminal, control
    /// characters are shown, not obeyed.
    pub(crate) fn write_foreign(&mut self, text: &str) -> Result<()> {
        if !self.terminal {
            return self.write(text);
        }
        let lines: Vec<_> = text.split('\n').map(text::escape).collect();
        self.write(&lines.join("\n"))
    }

    /// Tells an error and its causes on standard error, in one line.
    pub fn complain(error: &Error) {
        let said = format!("{error:#}");
        if !said.is_empty() {
            // Nobody is left to tell if this fails.
            let _ = writeln!(io::stderr(), "perfwatch: {}", text::escape(&said));
        }
    }
}

/// Decorates text, or leaves it as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ink {
    colour: bool,
}

impl Ink {
    /// No decoration.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { colour: false };

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.paint("31", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
