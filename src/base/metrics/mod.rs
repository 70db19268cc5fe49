//! The service's own series, in the `prometheus` registry; IO counts on these handles.
//!
//! Closed enums stand at zero for every configured collector and channel from the start, so that a first failure is an
//! increase. What is not known yet (the first evaluation, the first load) has no series: never 0, never 1970.

use std::sync::Arc;

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};

use crate::domain::At;
use crate::domain::delivery::Class;
use crate::domain::key::{ChannelId, CollectorId};
use crate::domain::reason::{FailureReason, RejectReason, StoreOperation};

pub mod table;

use table::Row;

const VALID: &str = "the table of own series holds valid names, each once";

/// Handles on every own series; cheap to clone as `Arc`.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    errors: IntCounterVec,
    rejects: IntCounterVec,
    attempts: IntCounterVec,
    store_errors: IntCounterVec,
    restarts: IntCounterVec,
    evaluated: IntGaugeVec,
    reload_ok: IntGaugeVec,
    reloaded: IntGaugeVec,
}

impl Metrics {
    /// `tzdata` is the version of the bundled zone data.
    pub fn new(version: &str, revision: &str, tzdata: &str) -> Arc<Self> {
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self())).expect(VALID);
        gauge(&registry, &table::BUILD).with_label_values(&[version, revision, tzdata]).set(1);
        let metrics = Self {
            requests: counter(&registry, &table::COLLECTOR_REQUESTS),
            errors: counter(&registry, &table::COLLECTOR_ERRORS),
            rejects: counter(&registry, &table::COLLECTOR_REJECTS),
            attempts: counter(&registry, &table::DELIVERY_ATTEMPTS),
            store_errors: counter(&registry, &table::STORE_ERRORS),
            restarts: counter(&registry, &table::TASK_RESTARTS),
            evaluated: gauge(&registry, &table::EVALUATED),
            reload_ok: gauge(&registry, &table::RELOAD_OK),
            reloaded: gauge(&registry, &table::RELOADED),
            registry,
        };
        metrics.reload_ok.with_label_values::<&str>(&[]).set(0);
        for operation in StoreOperation::ALL {
            metrics.store_errors.with_label_values(&[operation.as_str()]);
        }
        Arc::new(metrics)
    }
    /// Zero-fills closed enums for these collectors and channels, and drops series of those that are gone.
    pub fn watch(&self, collectors: &[CollectorId], channels: &[ChannelId]) {
        for collector in collectors {
            zero(&self.errors, collector.as_str(), FailureReason::ALL.iter().map(|reason| reason.as_str()));
            zero(&self.rejects, collector.as_str(), RejectReason::ALL.iter().map(|reason| reason.as_str()));
        }
        for channel in channels {
            zero(&self.attempts, channel.as_str(), Class::ALL.iter().map(|class| class.as_str()));
        }
        let known = |name: &str| collectors.iter().any(|id| id.as_str() == name);
        for family in [&self.requests, &self.errors, &self.rejects] {
            retain(family, known);
        }
        retain(&self.attempts, |name| channels.iter().any(|id| id.as_str() == name));
    }
    /// An HTTP answer: `forewarn_collector_requests_total{collector,code}`.
    pub fn request(&self, collector: &CollectorId, code: u16) {
        self.requests.with_label_values(&[collector.as_str(), code.to_string().as_str()]).inc();
    }
    pub fn collector_error(&self, collector: &CollectorId, reason: FailureReason) {
        self.errors.with_label_values(&[collector.as_str(), reason.as_str()]).inc();
    }
    pub fn reject(&self, collector: &CollectorId, reason: RejectReason) {
        self.rejects.with_label_values(&[collector.as_str(), reason.as_str()]).inc();
    }
    pub fn attempt(&self, channel: &ChannelId, class: Class) {
        self.attempts.with_label_values(&[channel.as_str(), class.as_str()]).inc();
    }
    pub fn store_error(&self, operation: StoreOperation) {
        self.store_errors.with_label_values(&[operation.as_str()]).inc();
    }
    /// `forewarn_evaluation_last_success_timestamp_seconds`.
    pub fn evaluated(&self, at: At) {
        self.evaluated.with_label_values::<&str>(&[]).set(at.timestamp());
    }
    /// A configuration was taken, or refused and the old one kept.
    pub fn reloaded(&self, ok: bool, at: At) {
        self.reload_ok.with_label_values::<&str>(&[]).set(i64::from(ok));
        if ok {
            self.reloaded.with_label_values::<&str>(&[]).set(at.timestamp());
        }
    }
    /// A task of this name panicked or was restarted.
    pub fn task_restarted(&self, task: &str) {
        self.restarts.with_label_values(&[task]).inc();
    }
    /// Text format 0.0.4, own and process families.
    pub fn render(&self) -> String {
        let mut text = String::new();
        let families = self.registry.gather();
        // The encoder fails only on an empty family, which `gather` leaves out.
        if let Err(error) = TextEncoder::new().encode_utf8(&families, &mut text) {
            tracing::error!(%error, "cannot render the service's own series");
        }
        text
    }
}

fn counter(registry: &Registry, row: &Row) -> IntCounterVec {
    let family = IntCounterVec::new(Opts::new(row.name, row.help), row.labels).expect(VALID);
    registry.register(Box::new(family.clone())).expect(VALID);
    family
}

fn gauge(registry: &Registry, row: &Row) -> IntGaugeVec {
    let family = IntGaugeVec::new(Opts::new(row.name, row.help), row.labels).expect(VALID);
    registry.register(Box::new(family.clone())).expect(VALID);
    family
}

fn zero<'a>(family: &IntCounterVec, subject: &str, values: impl Iterator<Item = &'a str>) {
    for value in values {
        family.with_label_values(&[subject, value]);
    }
}

/// Keeps the series whose collector or channel is `known`.
fn retain(family: &IntCounterVec, known: impl Fn(&str) -> bool) {
    for metric in family.collect().iter().flat_map(|family| family.get_metric()) {
        let labels = metric.get_label();
        let gone = labels.iter().any(|label| matches!(label.name(), "collector" | "channel") && !known(label.value()));
        if gone {
            let pairs = labels.iter().map(|label| (label.name(), label.value())).collect();
            // Another thread may have removed it meanwhile: then there is nothing to do.
            let _ = family.remove::<&str, std::hash::RandomState>(&pairs);
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn own(text: &str) -> String {
        text.lines().filter(|line| !line.contains("process_")).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn everything_closed_stands_at_zero_and_what_is_unknown_is_absent() {
        let metrics = Metrics::new("0.1.0", "abc", "2026d");
        metrics.watch(&["vault".into()], &["chat".into()]);
        let text = metrics.render();
        for reason in FailureReason::ALL {
            assert!(
                text.contains(&format!(
                    "forewarn_collector_errors_total{{collector=\"vault\",reason=\"{reason}\"}} 0\n"
                ))
            );
        }
        for reason in RejectReason::ALL {
            assert!(
                text.contains(&format!(
                    "forewarn_collector_rejects_total{{collector=\"vault\",reason=\"{reason}\"}} 0\n"
                ))
            );
        }
        for class in Class::ALL {
            assert!(
                text.contains(&format!("forewarn_delivery_attempts_total{{channel=\"chat\",class=\"{class}\"}} 0\n"))
            );
        }
        for operation in StoreOperation::ALL {
            assert!(text.contains(&format!("forewarn_store_errors_total{{operation=\"{operation}\"}} 0\n")));
        }
        assert!(text.contains("forewarn_build_info{revision=\"abc\",tzdata=\"2026d\",version=\"0.1.0\"} 1\n"));
        assert!(text.contains("forewarn_config_last_reload_successful 0\n"));
        assert!(!text.contains("forewarn_evaluation_last_success_timestamp_seconds"));
        assert!(!text.contains("forewarn_config_last_reload_success_timestamp_seconds"));
        assert!(text.contains("process_resident_memory_bytes"));
    }

    #[test]
    fn counts_and_instants_are_rendered_as_plain_numbers() {
        let metrics = Metrics::new("0.1.0", "abc", "2026d");
        let at = DateTime::from_timestamp(1_795_513_200, 0).unwrap();
        metrics.evaluated(at);
        metrics.reloaded(true, at);
        metrics.reloaded(false, at + chrono::TimeDelta::seconds(60));
        metrics.request(&"vault".into(), 200);
        metrics.request(&"vault".into(), 200);
        metrics.task_restarted("poller vault");
        let text = own(&metrics.render());
        assert!(text.contains("forewarn_evaluation_last_success_timestamp_seconds 1795513200"));
        assert!(text.contains("forewarn_config_last_reload_successful 0"));
        assert!(text.contains("forewarn_config_last_reload_success_timestamp_seconds 1795513200"));
        assert!(text.contains("forewarn_collector_requests_total{code=\"200\",collector=\"vault\"} 2"));
        assert!(text.contains("forewarn_task_restarts_total{task=\"poller vault\"} 1"));
    }

    #[test]
    fn a_removed_collector_takes_its_series_along() {
        let metrics = Metrics::new("0.1.0", "abc", "2026d");
        metrics.watch(&["vault".into(), "old".into()], &["chat".into(), "gone".into()]);
        metrics.request(&"old".into(), 500);
        metrics.collector_error(&"vault".into(), FailureReason::Tls);
        metrics.watch(&["vault".into()], &["chat".into()]);
        let text = own(&metrics.render());
        assert!(!text.contains("\"old\"") && !text.contains("\"gone\""));
        assert!(text.contains("forewarn_collector_errors_total{collector=\"vault\",reason=\"tls\"} 1"));
    }
}
