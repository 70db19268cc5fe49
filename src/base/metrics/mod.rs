//! The service's own series, in the `prometheus` registry; IO counts on these handles.

use std::sync::Arc;

use crate::domain::At;
use crate::domain::delivery::Class;
use crate::domain::key::{ChannelId, CollectorId};
use crate::domain::reason::{FailureReason, RejectReason, StoreOperation};

pub mod table;

/// Handles on every own series; cheap to clone as `Arc`.
pub struct Metrics {
    _registry: prometheus::Registry,
}

impl Metrics {
    pub fn new() -> Arc<Self> {
        todo!()
    }
    /// Zero-fills closed enums for these collectors and channels, and drops series of those that are gone.
    pub fn watch(&self, _collectors: &[CollectorId], _channels: &[ChannelId]) {
        todo!()
    }
    /// An HTTP answer: `forewarn_collector_requests_total{collector,code}`.
    pub fn request(&self, _collector: &CollectorId, _code: u16) {
        todo!()
    }
    pub fn collector_error(&self, _collector: &CollectorId, _reason: FailureReason) {
        todo!()
    }
    pub fn reject(&self, _collector: &CollectorId, _reason: RejectReason) {
        todo!()
    }
    pub fn attempt(&self, _channel: &ChannelId, _class: Class) {
        todo!()
    }
    pub fn store_error(&self, _operation: StoreOperation) {
        todo!()
    }
    /// `forewarn_evaluation_last_success_timestamp_seconds`.
    pub fn evaluated(&self, _at: At) {
        todo!()
    }
    pub fn reloaded(&self, _ok: bool, _at: At) {
        todo!()
    }
    /// A task of this name panicked or was restarted.
    pub fn task_restarted(&self, _task: &str) {
        todo!()
    }
    /// Text format 0.0.4, own and process families.
    pub fn render(&self) -> String {
        todo!()
    }
}
