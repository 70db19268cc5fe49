//! What comes from outside the walks: a new configuration, a channel's health.

use std::sync::Arc;

use super::{Deciding, World};
use crate::domain::collector::ChannelHealth;
use crate::domain::delivery::Facts;
use crate::domain::episode::{Closing, Subject};
use crate::domain::key::ChannelId;
use crate::judge::evaluate;
use crate::judge::evaluate::rules::Rules;
use crate::judge::tell::episodes::{self, Happened, StepCx};
use crate::judge::tell::route::Routes;
use crate::judge::tell::{Told, Traits};

impl World {
    pub(super) fn reconfigured(&self, rules: &Arc<Rules>, routes: &Arc<Routes>, cx: &mut Deciding<'_>) {
        cx.decision.rules = Some((rules.clone(), routes.clone()));
    }

    /// A channel's breaker or its dead messages: an episode about the channel, told to its fallback.
    pub(super) fn channel(&self, health: &ChannelHealth, cx: &mut Deciding<'_>) {
        let (finding, next) = evaluate::assess_channel(health, cx.now);
        let happened = Happened { returned: finding.is_none(), ..Happened::default() };
        let found: Vec<_> = finding.into_iter().collect();
        self.channel_step(&health.id, &found, &happened, cx);
        cx.decision.channel = Some((health.clone(), next.filter(|at| *at > cx.now)));
    }

    pub(super) fn channel_gone(&self, id: &ChannelId, cx: &mut Deciding<'_>) {
        let happened = Happened { leaves: Some(Closing::Reclassified), ..Happened::default() };
        self.channel_step(id, &[], &happened, cx);
    }

    fn channel_step(
        &self,
        id: &ChannelId,
        found: &[crate::domain::finding::Finding],
        happened: &Happened,
        cx: &mut Deciding<'_>,
    ) {
        let subject = Subject::Channel(id.clone());
        let step = StepCx { subject: &subject, happened, team: None, silent: false, now: cx.now };
        let known = self.known_in(cx.decision, &subject);
        for (episode, transition) in episodes::step(&known, found, &step) {
            cx.decision.keep(episode.clone());
            if let Some(transition) = transition {
                let facts = Facts { token: format!("forewarn/{id}"), host: id.as_str().into(), ..Facts::default() };
                let told_to = match transition.is_closing() {
                    true => self.told_to.get(&episode.id).cloned().unwrap_or_default(),
                    false => Vec::new(),
                };
                cx.decision.told.push(Told {
                    episode,
                    transition,
                    facts,
                    introduction: false,
                    told_to,
                    traits: Traits::default(),
                });
            }
        }
    }
}
