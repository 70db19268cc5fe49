//! Standard output and standard error for people: a closed pipe is success, colours only on a terminal, `NO_COLOR` and
//! `CLICOLOR_FORCE` respected.

use std::io::{IsTerminal, Write};

/// Where a table goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Screen {
    /// Columns of the terminal; `None` for a pipe or a file, where nothing is cut or broken.
    pub width: Option<usize>,
}

impl Screen {
    /// Standard output as it is now.
    pub fn of_stdout() -> Self {
        let terminal = std::io::stdout().is_terminal();
        Self { width: terminal.then(super::print::table::terminal_width).flatten() }
    }
}

/// Writes `text` to standard output. A reader that went away has read enough.
pub fn say(text: &str) {
    let mut out = anstream::stdout().lock();
    // Nothing sensible can be done about a standard output that fails.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Writes `text` and a newline to standard error.
pub fn complain(text: &str) {
    let mut err = anstream::stderr().lock();
    let _ = writeln!(err, "{text}");
}
