//! The samples of the contract as each channel shows them, whole: Slack's text and blocks, a mail's subject and both parts.
//!
//! The expected texts are written after the contract, not after the code.

use super::{mail, slack};
use crate::deliver::message::digest::Digest;
use crate::deliver::message::samples::{self, at};
use crate::deliver::message::{ComposeCx, Message, compose, digest};
use crate::domain::delivery::Intent;
use crate::domain::key::{DeliveryId, TeamId};

fn cx() -> ComposeCx {
    ComposeCx { external_url: Some("https://forewarn.example.com".into()) }
}

fn of(intent: Intent, now: &str) -> Message {
    compose(&[intent], at(now), &cx())
}

fn six() -> Message {
    let team = TeamId::from("platform");
    let open = samples::digest_of_six();
    digest(&Digest { team: Some(&team), open: &open, quiet: samples::QUIET }, at("2026-11-30 08:00"), &cx())
}

/// The notification, then each block by its type.
fn chat(message: &Message) -> String {
    let payload = slack::payload(message);
    let block = |block: &serde_json::Value| {
        let text = block["text"]["text"].as_str().or(block["elements"][0]["text"].as_str()).unwrap();
        format!("[{}]\n{text}\n", block["type"].as_str().unwrap())
    };
    let blocks: String = payload["blocks"].as_array().unwrap().iter().map(block).collect();
    format!("{}\n{blocks}", payload["text"].as_str().unwrap())
}

fn text(message: &Message) -> String {
    let frozen = mail::freeze(message, DeliveryId(1), "example.com", at("2026-11-24 09:00"));
    format!("Subject: {}\n\n{}", frozen.subject, frozen.text)
}

/// The body without styles.
fn html(message: &Message) -> String {
    let html = mail::html(message).unwrap();
    let body = html.split("<div").nth(1).unwrap().split_once('>').unwrap().1.split("</div>").next().unwrap();
    let mut pieces = body.split(" style=\"");
    let mut out = pieces.next().unwrap().to_owned();
    pieces.for_each(|piece| out.push_str(piece.split_once('"').unwrap().1));
    out.replace("&#x2f;", "/").trim().to_owned()
}

#[test]
fn expires_soon() {
    let message = of(samples::expires_soon(), "2026-11-24 09:00");
    insta::assert_snapshot!(chat(&message), @r"
    7 days: gitlab/platform/renovate expires Tue 1 Dec 2026 00:00 UTC, breaks deploy-prod
    [section]
    *7 days* · `gitlab/platform/renovate` expires *Tue 1 Dec 2026 00:00 UTC*
    *Breaks* deploy-prod: first run after it Tue 1 Dec 02:00 UTC
    *Do* rotate it, then replace RENOVATE_TOKEN in github example/shop · <https://wiki.example.com/rotate-gitlab-token|how to> · <https://gitlab.example.com/groups/platform/-/settings/access_tokens|open in GitLab>
    *Whose* platform · last rotated 2 Sep 2026, by hand
    *Next* Fri 27 Nov 09:00 UTC (the 3-day step falls on a Saturday)
    [context]
    step 7d of 14/7/3/1 · read 4 min ago · <https://forewarn.example.com/t/gitlab/platform/renovate|R7K2>
    ");
    insta::assert_snapshot!(text(&message), @r"
    Subject: [forewarn] 7 days: gitlab/platform/renovate expires Tue 1 Dec 2026 00:00 UTC, breaks deploy-prod

    gitlab/platform/renovate expires Tue 1 Dec 2026 00:00 UTC, in 6 days 15 hours.
    Breaks  deploy-prod: first run after it Tue 1 Dec 02:00 UTC
    Do      rotate it, then replace RENOVATE_TOKEN in github example/shop
            how to   https://wiki.example.com/rotate-gitlab-token
            token    https://gitlab.example.com/groups/platform/-/settings/access_tokens
    Whose   platform; last rotated 2 Sep 2026, by hand
    Next    Fri 27 Nov 09:00 UTC (the 3-day step falls on a Saturday)
    --
    step 7d of 14/7/3/1; read from gitlab 4 min ago; https://forewarn.example.com/t/gitlab/platform/renovate; R7K2
    ");
    insta::assert_snapshot!(html(&message), @r#"
    <p><strong>7 days</strong> · <code>gitlab/platform/renovate</code> expires <strong>Tue 1 Dec 2026 00:00 UTC</strong>, in 6 days 15 hours.</p>
    <table role="presentation">
    <tr><td>Breaks</td><td>deploy-prod: first run after it Tue 1 Dec 02:00 UTC</td></tr>
    <tr><td>Do</td><td>rotate it, then replace RENOVATE_TOKEN in github example/shop · <a href="https://wiki.example.com/rotate-gitlab-token">how to</a> · <a href="https://gitlab.example.com/groups/platform/-/settings/access_tokens">open in GitLab</a></td></tr>
    <tr><td>Whose</td><td>platform · last rotated 2 Sep 2026, by hand</td></tr>
    <tr><td>Next</td><td>Fri 27 Nov 09:00 UTC (the 3-day step falls on a Saturday)</td></tr>
    </table>
    <p>step 7d of 14/7/3/1 · read from gitlab 4 min ago · <a href="https://forewarn.example.com/t/gitlab/platform/renovate">page of this token</a> · <code>R7K2</code></p>
    "#);
}

#[test]
fn revoked_with_a_deploy_in_three_hours() {
    let message = of(samples::revoked(), "2026-11-24 09:01");
    insta::assert_snapshot!(chat(&message), @r"
    REVOKED: keycloak/ci/deploy-bot, breaks deploy-prod today 12:00 UTC
    [section]
    *Revoked* · `keycloak/ci/deploy-bot` no longer works; it was good until 1 Mar 2027
    *Breaks* deploy-prod in 3 h: the run of Tue 24 Nov 12:00 UTC will fail
    *Do* issue a new one and replace its copies (2 known), or hold the run · <https://wiki.example.com/deploy-bot|how to> · <https://sso.example.com/admin/ci|open in Keycloak>
    *Whose* identity · told too: oncall (a run is ahead)
    *Next* again Wed 25 Nov 09:01 UTC, then after 3 and 7 days
    [context]
    seen working 08:46, not working 09:01 UTC; the issuer does not say who or why · <https://forewarn.example.com/t/keycloak/ci/deploy-bot|M2Q9>
    ");
    insta::assert_snapshot!(text(&message), @r"
    Subject: [forewarn] REVOKED: keycloak/ci/deploy-bot, breaks deploy-prod today 12:00 UTC

    keycloak/ci/deploy-bot no longer works; it was good until 1 Mar 2027.
    Breaks  deploy-prod in 3 h: the run of Tue 24 Nov 12:00 UTC will fail
    Do      issue a new one and replace its copies (2 known), or hold the run
            how to   https://wiki.example.com/deploy-bot
            token    https://sso.example.com/admin/ci
    Whose   identity; told too: oncall (a run is ahead)
    Next    again Wed 25 Nov 09:01 UTC, then after 3 and 7 days
    --
    seen working 08:46, not working 09:01 UTC; the issuer does not say who or why; https://forewarn.example.com/t/keycloak/ci/deploy-bot; M2Q9
    ");
    insta::assert_snapshot!(html(&message), @r#"
    <p><strong>Revoked</strong> · <code>keycloak/ci/deploy-bot</code> no longer works; it was good until 1 Mar 2027.</p>
    <table role="presentation">
    <tr><td>Breaks</td><td>deploy-prod in 3 h: the run of Tue 24 Nov 12:00 UTC will fail</td></tr>
    <tr><td>Do</td><td>issue a new one and replace its copies (2 known), or hold the run · <a href="https://wiki.example.com/deploy-bot">how to</a> · <a href="https://sso.example.com/admin/ci">open in Keycloak</a></td></tr>
    <tr><td>Whose</td><td>identity · told too: oncall (a run is ahead)</td></tr>
    <tr><td>Next</td><td>again Wed 25 Nov 09:01 UTC, then after 3 and 7 days</td></tr>
    </table>
    <p>seen working 08:46, not working 09:01 UTC; the issuer does not say who or why · <a href="https://forewarn.example.com/t/keycloak/ci/deploy-bot">page of this token</a> · <code>M2Q9</code></p>
    "#);
}

#[test]
fn closed_as_rotated() {
    let message = of(samples::rotated(), "2026-11-25 10:00");
    insta::assert_snapshot!(chat(&message), @r"
    Closed, rotated: gitlab/platform/renovate is good until Mon 1 Mar 2027 00:00 UTC (was 1 Dec 2026)
    [section]
    *Closed, rotated* · `gitlab/platform/renovate` is good until *Mon 1 Mar 2027 00:00 UTC* (was 1 Dec 2026)
    Copies: 1 of 1 replaced after the rotation · old value: revoked by the issuer
    *Next* rotation due 22 Feb 2027 (quarterly), first reminder Fri 22 Jan
    [context]
    <https://forewarn.example.com/t/gitlab/platform/renovate|R7K2>
    ");
    insta::assert_snapshot!(text(&message), @r"
    Subject: Re: [forewarn] 7 days: gitlab/platform/renovate expires Tue 1 Dec 2026 00:00 UTC, breaks deploy-prod

    Closed: rotated. gitlab/platform/renovate is good until Mon 1 Mar 2027 00:00 UTC (was 1 Dec 2026).
    Copies: 1 of 1 replaced after the rotation; old value: revoked by the issuer
    Next    rotation due 22 Feb 2027 (quarterly), first reminder Fri 22 Jan
    --
    https://forewarn.example.com/t/gitlab/platform/renovate; R7K2
    ");
    insta::assert_snapshot!(html(&message), @r#"
    <p><strong>Closed, rotated</strong> · <code>gitlab/platform/renovate</code> is good until <strong>Mon 1 Mar 2027 00:00 UTC</strong> (was 1 Dec 2026).</p>
    <table role="presentation">
    <tr><td colspan="2">Copies: 1 of 1 replaced after the rotation · old value: revoked by the issuer</td></tr>
    <tr><td>Next</td><td>rotation due 22 Feb 2027 (quarterly), first reminder Fri 22 Jan</td></tr>
    </table>
    <p><a href="https://forewarn.example.com/t/gitlab/platform/renovate">page of this token</a> · <code>R7K2</code></p>
    "#);
}

#[test]
fn a_digest_of_six() {
    let message = six();
    insta::assert_snapshot!(chat(&message), @r#"
    platform: 6 tokens, first Tue 1 Dec (Mon 30 Nov)
    [section]
    *6 tokens of platform, two this week*
    *this week*
    Tue 1 Dec 00:00 UTC · `gitlab/platform/renovate` expires; breaks deploy-prod · told Tue 24 Nov
    Fri 4 Dec 08:00 UTC · `github/nightly-bot` expires; breaks nightly
    *later*
    Mon 14 Dec · `aws/ci-deploy` rotation due (every 90d)
    Fri 18 Dec (freeze) · `gitlab/platform/deploy-eu` expires 22 Dec, inside "year end"; act before 18 Dec
    *housekeeping*
    never expires · `vault/ci-legacy` no exception written
    unused 214 days · `gitlab/platform/old-mirror` GitLab tells use to 10 min; remove it?
    2 more are quiet since last week: 1 rotated, 1 accepted. <https://forewarn.example.com/?team=platform|All>
    "#);
    insta::assert_snapshot!(text(&message), @r#"
    Subject: [forewarn] platform: 6 tokens, first Tue 1 Dec (Mon 30 Nov)

    6 tokens of platform need someone. Two of them this week.
      this week
        Tue  1 Dec 00:00 UTC   gitlab/platform/renovate     expires; breaks deploy-prod              told Tue 24 Nov
        Fri  4 Dec 08:00 UTC   github/nightly-bot           expires; breaks nightly
      later
        Mon 14 Dec             aws/ci-deploy                rotation due (every 90d)
        Fri 18 Dec (freeze)    gitlab/platform/deploy-eu    expires 22 Dec, inside "year end"; act before 18 Dec
      housekeeping
        never expires          vault/ci-legacy              no exception written
        unused 214 days        gitlab/platform/old-mirror   GitLab tells use to 10 min; remove it?
    2 more are quiet since last week: 1 rotated, 1 accepted. All: https://forewarn.example.com/?team=platform
    "#);
    insta::assert_snapshot!(html(&message), @r#"
    <p>6 tokens of platform need someone. Two of them this week.</p>
    <h2>this week</h2>
    <p><strong>Tue  1 Dec 00:00 UTC</strong> · <code>gitlab/platform/renovate</code><br>expires; breaks deploy-prod · told Tue 24 Nov</p>
    <p><strong>Fri  4 Dec 08:00 UTC</strong> · <code>github/nightly-bot</code><br>expires; breaks nightly</p>
    <h2>later</h2>
    <p><strong>Mon 14 Dec</strong> · <code>aws/ci-deploy</code><br>rotation due (every 90d)</p>
    <p><strong>Fri 18 Dec (freeze)</strong> · <code>gitlab/platform/deploy-eu</code><br>expires 22 Dec, inside &quot;year end&quot;; act before 18 Dec</p>
    <h2>housekeeping</h2>
    <p><strong>never expires</strong> · <code>vault/ci-legacy</code><br>no exception written</p>
    <p><strong>unused 214 days</strong> · <code>gitlab/platform/old-mirror</code><br>GitLab tells use to 10 min; remove it?</p>
    <table role="presentation">
    <tr><td colspan="2">2 more are quiet since last week: 1 rotated, 1 accepted. <a href="https://forewarn.example.com/?team=platform">All</a></td></tr>
    </table>
    "#);
}

#[test]
fn a_collector_fails_with_forty_tokens_behind_it() {
    let message = of(samples::blind(), "2026-11-24 09:01");
    insta::assert_snapshot!(chat(&message), @r"
    BLIND: collector gitlab, own login refused (401), 40 tokens unread since 07:46 UTC
    [section]
    *Blind* · collector `gitlab` cannot read gitlab.example.com since 07:46 UTC (1 h 15 min): its own login is refused (401)
    *Covers* 40 tokens, judged on what was read at 07:31 UTC; 2 of them end within 7 days. A revocation would go unseen
    *Do* replace the login (file gitlab-read; role Owner, scope read_api). No reload needed · <https://wiki.example.com/forewarn-login|how to>
    *Whose* sre (owner of forewarn)
    *Next* critical after 24 h, or when one of the 40 is 24 h from its deadline. This message stands for all 40
    [context]
    C1D4
    ");
    insta::assert_snapshot!(text(&message), @r"
    Subject: [forewarn] BLIND: collector gitlab, own login refused (401), 40 tokens unread since 07:46 UTC

    collector gitlab cannot read gitlab.example.com since 07:46 UTC (1 h 15 min): its own login is refused (401).
    Covers  40 tokens, judged on what was read at 07:31 UTC; 2 of them end within 7 days. A revocation would go unseen
    Do      replace the login (file gitlab-read; role Owner, scope read_api). No reload needed
            how to   https://wiki.example.com/forewarn-login
    Whose   sre (owner of forewarn)
    Next    critical after 24 h, or when one of the 40 is 24 h from its deadline. This message stands for all 40
    --
    C1D4
    ");
    insta::assert_snapshot!(html(&message), @r#"
    <p><strong>Blind</strong> · collector <code>gitlab</code> cannot read gitlab.example.com since 07:46 UTC (1 h 15 min): its own login is refused (401).</p>
    <table role="presentation">
    <tr><td>Covers</td><td>40 tokens, judged on what was read at 07:31 UTC; 2 of them end within 7 days. A revocation would go unseen</td></tr>
    <tr><td>Do</td><td>replace the login (file gitlab-read; role Owner, scope read_api). No reload needed · <a href="https://wiki.example.com/forewarn-login">how to</a></td></tr>
    <tr><td>Whose</td><td>sre (owner of forewarn)</td></tr>
    <tr><td>Next</td><td>critical after 24 h, or when one of the 40 is 24 h from its deadline. This message stands for all 40</td></tr>
    </table>
    <p><code>C1D4</code></p>
    "#);
}
