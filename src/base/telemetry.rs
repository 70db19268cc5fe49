//! Log format and level. Logs go to stderr, one event a line; what strangers wrote cannot start a line of its own, end a
//! field or colour a terminal. Libraries speak from warning on only: at their lower levels they show requests.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, MakeWriter, time};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

/// `logfmt` or JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Logfmt,
    Json,
}

/// Installs the subscriber; once per process, later calls change nothing. `level` is error, warn, info, debug or trace;
/// anything else counts as info.
pub fn install(format: LogFormat, level: &str) {
    let _ = tracing::subscriber::set_global_default(subscriber(format, level, std::io::stderr));
}

fn subscriber<W>(format: LogFormat, level: &str, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let own = level.parse().unwrap_or(LevelFilter::INFO);
    let targets = Targets::new().with_default(own.min(LevelFilter::WARN)).with_target("forewarn", own);
    // A closed stderr must not be answered by writing to it.
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false).log_internal_errors(false);
    let lines: Box<dyn Layer<_> + Send + Sync> = match format {
        LogFormat::Logfmt => lines.event_format(Logfmt).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(targets))
}

/// `ts=… level=info target=forewarn::x msg="…" key=value`.
struct Logfmt;

impl<S, N> FormatEvent<S, N> for Logfmt
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        };
        to.write_str("ts=")?;
        time().format_time(&mut to)?;
        write!(to, " level={level} target={}", event.metadata().target())?;
        let mut fields = Fields::default();
        event.record(&mut fields);
        if let Some(message) = fields.message {
            write!(to, " msg={}", Value(&message))?;
        }
        writeln!(to, "{}", fields.rest)
    }
}

/// The message, and the other fields as ` key=value`.
#[derive(Default)]
struct Fields {
    message: Option<String>,
    rest: String,
}

impl Fields {
    fn put(&mut self, field: &Field, text: String) {
        if field.name() == "message" {
            self.message = Some(text);
        } else {
            let _ = write!(self.rest, " {}={}", field.name(), Value(&text));
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, text: &str) {
        self.put(field, text.to_owned());
    }
    fn record_error(&mut self, field: &Field, error: &(dyn std::error::Error + 'static)) {
        self.put(field, error.to_string());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

/// A value of logfmt: bare if harmless, else quoted, with everything escaped that could act on a reader or a terminal.
struct Value<'a>(&'a str);

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = |c: char| c.is_ascii_alphanumeric() || "-._/:+,@%#*[]()<>{}".contains(c);
        if !self.0.is_empty() && self.0.chars().all(bare) {
            return f.write_str(self.0);
        }
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                // Escaped: quotes, backslashes, controls, and format characters such as right-to-left marks.
                '\'' => f.write_char(c)?,
                _ => write!(f, "{}", c.escape_debug())?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing::{debug, info, warn};

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(format: LogFormat, level: &str, events: impl FnOnce()) -> String {
        let buffer = Buffer::default();
        let into = buffer.clone();
        tracing::subscriber::with_default(subscriber(format, level, move || into.clone()), events);
        String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap()
    }

    /// Without the time, which differs.
    fn logfmt(events: impl FnOnce()) -> String {
        let line = written(LogFormat::Logfmt, "info", events);
        let (ts, rest) = line.split_once(' ').unwrap();
        assert!(ts.starts_with("ts=20") && ts.ends_with('Z'), "{ts}");
        rest.to_owned()
    }

    #[test]
    fn an_event_is_one_line() {
        let line = logfmt(
            || info!(collector = "vault", tokens = 12, took = ?std::time::Duration::from_millis(5), "polled well"),
        );
        assert_eq!(
            line,
            "level=info target=forewarn::base::telemetry::tests msg=\"polled well\" collector=vault tokens=12 took=5ms\n"
        );
    }

    #[test]
    fn hostile_text_comes_out_inert() {
        let line = logfmt(|| warn!(token = "a\r\nlevel=error \"x\" \u{1b}[31m \u{202e}\0", "b\nc"));
        assert_eq!(
            line,
            "level=warn target=forewarn::base::telemetry::tests msg=\"b\\nc\" token=\"a\\r\\nlevel=error \\\"x\\\" \\u{1b}[31m \\u{202e}\\0\"\n"
        );
        let json = written(LogFormat::Json, "info", || warn!(token = "a\nb\u{1b}[31m\"", "c"));
        assert_eq!(json.lines().count(), 1);
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&read["token"], &read["message"]), (&"a\nb\u{1b}[31m\"".into(), &"c".into()));
        assert!(!json.contains('\u{1b}'));
    }

    #[test]
    fn empty_values_and_errors_are_shown() {
        let error = io::Error::other("disk full");
        let line = logfmt(|| warn!(error = &error as &dyn std::error::Error, detail = "", "x"));
        assert!(line.ends_with("msg=x error=\"disk full\" detail=\"\"\n"), "{line}");
    }

    #[test]
    fn libraries_are_silent_below_warning() {
        let shown = written(LogFormat::Logfmt, "debug", || {
            debug!("ours");
            debug!(target: "hyper", "theirs, with a header");
            warn!(target: "hyper", "theirs, a warning");
        });
        assert!(shown.contains("ours") && shown.contains("a warning") && !shown.contains("header"), "{shown}");
        let shown = written(LogFormat::Logfmt, "error", || {
            warn!("ours");
            warn!(target: "hyper", "theirs");
        });
        assert_eq!(shown, "");
    }
}
