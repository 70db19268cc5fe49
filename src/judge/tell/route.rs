//! Routes: which channels hear of an episode.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::domain::key::ChannelId;
use crate::judge::evaluate::rules::{MatchSection, Problem};

/// One entry of `routes:`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteSection {
    #[serde(rename = "match")]
    pub matches: Option<MatchSection>,
    pub except: Option<MatchSection>,
    pub to: Vec<String>,
    #[serde(rename = "continue")]
    pub continues: Option<bool>,
}

/// One entry of `teams:`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeamSection {
    pub channels: Vec<String>,
    pub fallback: Option<Vec<String>>,
}

/// What a channel's section says to routing.
#[derive(Clone, Debug, Default)]
pub struct ChannelRules {
    /// Mail addresses; empty for channels without recipients.
    pub recipients: Vec<String>,
    pub fallback: Option<ChannelId>,
}

pub struct Routes {
    _private: (),
}

impl Routes {
    pub fn compile(
        _routes: Option<&[RouteSection]>,
        _teams: &BTreeMap<String, TeamSection>,
        _channels: BTreeMap<ChannelId, ChannelRules>,
    ) -> Result<Routes, Vec<Problem>> {
        todo!()
    }
    /// Channels for an episode with these facts, with recipients; in order, each once.
    pub fn pick(&self, _told: &super::Told) -> Vec<(ChannelId, String)> {
        todo!()
    }
    /// Would a critical finding of this token reach anybody (for `unowned`)?
    pub fn carries_critical(&self, _facts: &crate::domain::delivery::Facts) -> bool {
        todo!()
    }
    pub fn channels(&self) -> &BTreeMap<ChannelId, ChannelRules> {
        todo!()
    }
    pub fn fallback(&self, _channel: &ChannelId) -> Option<&ChannelId> {
        todo!()
    }
    /// Sentences for `check-config`: routes that nothing reaches, severities that nobody hears.
    pub fn warnings(&self) -> Vec<Problem> {
        todo!()
    }
}
