//! The small families: tokens, findings, pipelines, collectors, deliveries.
