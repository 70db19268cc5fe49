//! One row for each own series that IO counts: name, help, labels.
//!
//! The sentences are part of the contract with users. Families that mirror stored facts (`collector_up`, `deliveries`, …)
//! are rendered where those facts are known, not here.

/// One family of the registry.
pub struct Row {
    pub name: &'static str,
    pub help: &'static str,
    pub labels: &'static [&'static str],
}

pub const COLLECTOR_REQUESTS: Row = Row {
    name: "forewarn_collector_requests_total",
    help: "HTTP answers from the issuer by status code.",
    labels: &["collector", "code"],
};
pub const COLLECTOR_ERRORS: Row = Row {
    name: "forewarn_collector_errors_total",
    help: "Polls or requests that failed, by reason.",
    labels: &["collector", "reason"],
};
pub const COLLECTOR_REJECTS: Row = Row {
    name: "forewarn_collector_rejects_total",
    help: "Records that could not be understood, by reason.",
    labels: &["collector", "reason"],
};
pub const DELIVERY_ATTEMPTS: Row = Row {
    name: "forewarn_delivery_attempts_total",
    help: "Attempts to deliver, by outcome class.",
    labels: &["channel", "class"],
};
pub const STORE_ERRORS: Row =
    Row { name: "forewarn_store_errors_total", help: "Store operations that failed.", labels: &["operation"] };
pub const TASK_RESTARTS: Row = Row {
    name: "forewarn_task_restarts_total",
    help: "Tasks of this process that panicked or were started again, by task.",
    labels: &["task"],
};
pub const EVALUATED: Row = Row {
    name: "forewarn_evaluation_last_success_timestamp_seconds",
    help: "Heartbeat of the evaluator, moved at least once a minute even when nothing changes.",
    labels: &[],
};
pub const RELOAD_OK: Row = Row {
    name: "forewarn_config_last_reload_successful",
    help: "Whether the last configuration reload was taken.",
    labels: &[],
};
pub const RELOADED: Row = Row {
    name: "forewarn_config_last_reload_success_timestamp_seconds",
    help: "When the configuration in force was loaded.",
    labels: &[],
};
pub const BUILD: Row = Row {
    name: "forewarn_build_info",
    help: "Version of this build and of its time-zone data; always 1.",
    labels: &["version", "revision", "tzdata"],
};
