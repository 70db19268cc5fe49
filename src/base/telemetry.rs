//! Log format, level, and the live handle on the level. Logs go to stderr.

/// `logfmt` or JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Logfmt,
    Json,
}

/// Installs the subscriber; once per process. `level` is error, warn, info, debug or trace.
pub fn install(_format: LogFormat, _level: &str) {
    todo!()
}
