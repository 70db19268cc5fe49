//! Standard output and standard error for people: a closed pipe is success, colours only on a terminal.

use std::io::Write;

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
