//! Sends due deliveries and schedules retries.

use minesegsat_core::job::Job;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Finding;
use super::config::{AlertConfig, Channel, ChannelKind};
use super::file::FileChannel;
use super::mail::Mail;
use super::outbox::sql_error;
use super::sites::Sites;
use super::webhook::Webhook;
use minesegsat_core::{Error, Result};

/// Attempts before a delivery is dead. The pauses between them total at least 74.5 h: 511 minutes while they double, then
/// eleven pauses of six hours.
pub const ATTEMPTS: u32 = 21;
/// Consecutive refusals before a delivery is dead. This takes at least 8.5 h from the first attempt, because receivers also
/// refuse while they are being set up.
const REFUSALS: u32 = 10;
/// Pause after the first attempt, in seconds.
const FIRST_PAUSE_S: f64 = 60.0;
/// Longest pause before variation is added, in seconds.
const LONGEST_PAUSE_S: f64 = 6.0 * 3600.0;
/// Largest share of a pause that is added as variation, so that retries do not coincide.
const VARIATION: f64 = 0.25;
/// Longest pause that a receiver may ask for, in seconds.
const LONGEST_ASKED_S: i64 = 24 * 3600;
/// Horizon of retries, in seconds. A later retry was stored while the clock was wrong, so it is due now.
const HORIZON_S: i64 = LONGEST_ASKED_S + 3600;
/// Consecutive failures before a channel is skipped until the next call, because each may take a full timeout.
const FAILURES_IN_A_ROW: u32 = 3;
/// Most findings of one mail.
const MOST_IN_A_MAIL: usize = 200;

/// Why an alert was not delivered. The reason contains no secrets.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    pub(super) reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum FailureKind {
    /// A temporary failure: a retry may succeed.
    Passing,
    /// A temporary failure: the receiver asked for this pause.
    Later(Duration),
    /// The receiver refused the message; its configuration or ours must change.
    Refused,
    /// The receiver no longer exists.
    Gone,
}

/// What a call of [`deliver`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DeliveryReport {
    /// Deliveries made.
    pub delivered: usize,
    /// Failed attempts, including final ones.
    pub failed: usize,
    /// Deliveries that became dead.
    pub died: usize,
    /// Deliveries still to be made.
    pub pending: usize,
    /// All dead deliveries, including earlier ones.
    pub dead: usize,
    /// The last problem of each channel, by channel name.
    pub problems: BTreeMap<String, String>,
}

/// A channel, ready to send.
enum Sender {
    Webhook(Webhook),
    Mail(Box<Mail>),
    File(FileChannel),
}

impl Channel {
    /// Checks that its secrets are present and well-formed.
    pub(super) fn check(&self) -> Result<()> {
        self.sender().map(|_| ())
    }

    fn sender(&self) -> Result<Sender> {
        let sender = match &self.kind {
            ChannelKind::Webhook(webhook) => webhook.open().map(Sender::Webhook),
            ChannelKind::Mail(mail) => mail.open().map(|mail| Sender::Mail(Box::new(mail))),
            ChannelKind::File(file) => Ok(Sender::File(file.clone())),
        };
        sender.map_err(|reason| Error::input(format!("the alert channel `{}`", self.name), reason))
    }
}

/// What is sent at once: the findings of a mail, or one finding.
pub(super) struct Content<'a> {
    /// Id of the message.
    pub(super) id: String,
    pub(super) findings: &'a [Finding],
    /// Whether a mail may have pictures.
    pub(super) has_pictures: bool,
    pub(super) config: &'a AlertConfig,
    pub(super) sites: &'a dyn Sites,
}

impl Sender {
    /// Most findings that are sent at once.
    const fn most_findings(&self) -> usize {
        match self {
            Self::Mail(_) => MOST_IN_A_MAIL,
            Self::Webhook(_) | Self::File(_) => 1,
        }
    }

    fn send(&self, content: &Content<'_>, now: Timestamp, job: Job<'_>) -> Result<Result<(), Failure>> {
        let url = |finding: &Finding| content.config.site_url(finding);
        match (self, content.findings) {
            (Self::Mail(mail), _) => Ok(mail.send(content, now)),
            (Self::Webhook(webhook), [finding, ..]) => webhook.send(finding, url(finding).as_deref(), now, job),
            (Self::File(file), [finding, ..]) => Ok(file.send(finding, url(finding).as_deref())),
            (Self::Webhook(_) | Self::File(_), []) => Ok(Ok(())),
        }
    }
}

/// Sends a test message through each channel of a configuration, or through the one with a name. Returns each channel with the reason
/// of its failure, if it failed. Nothing is stored.
pub fn test(
    config: &AlertConfig,
    channel: Option<&str>,
    now: Timestamp,
    job: Job<'_>,
) -> Result<Vec<(String, Option<String>)>> {
    let finding = Finding::test("test".parse()?, now);
    let findings = std::slice::from_ref(&finding);
    let content = Content { id: finding.id(), findings, has_pictures: false, config, sites: &() };
    let chosen = config.channels.iter().filter(|known| channel.is_none_or(|name| name == known.name));
    let mut tested = Vec::new();
    for channel in chosen {
        let sent = match channel.sender() {
            Ok(sender) => sender.send(&content, now, job)?.map_err(|failure| failure.reason),
            Err(error) => Err(error.to_string()),
        };
        tested.push((channel.name.clone(), sent.err()));
    }
    Ok(tested)
}

/// A delivery that is due.
struct Due {
    /// Id of the alert.
    id: String,
    attempts: u32,
    refusals: u32,
}

/// Id of a message: that of its only alert, or a hash of the ids of its alerts.
fn message_id(members: &[Due]) -> String {
    if let [only] = members {
        return only.id.clone();
    }
    let mut ids: Vec<&str> = members.iter().map(|delivery| delivery.id.as_str()).collect();
    ids.sort_unstable();
    let hash = Sha256::digest(ids.join(" ").as_bytes());
    format!("alerts_{}", minesegsat_core::hex::encode(&hash[..16]))
}

/// Sends the deliveries that are due at `now` (the current time outside tests), and stores the results. A mail has all findings that
/// are due, also those that failed before; `sites` tells what mails say of their sites.
///
/// The connection must not be in a transaction: the deliveries of a message are marked immediately, so they are repeated only if the
/// run is killed in between. A channel that cannot send from this machine (no secret, or not in the configuration) uses up no
/// attempts: its alerts wait, and the report names the problem. Ends with [`Error::Interrupted`] soon after `job` is
/// cancelled; deliveries made until then are marked.
pub fn deliver(
    connection: &Connection,
    config: &AlertConfig,
    sites: &dyn Sites,
    now: Timestamp,
    job: Job<'_>,
) -> Result<DeliveryReport> {
    let started = Instant::now();
    // Receivers compare a message's time with their clock, and this call may take minutes.
    let clock = || now.checked_add(started.elapsed()).unwrap_or(now);
    let mut report = DeliveryReport::default();
    for channel in &config.channels {
        let due = due(connection, &channel.name, now)?;
        if due.is_empty() {
            continue;
        }
        let sender = match channel.sender() {
            Ok(sender) => sender,
            Err(error) => {
                tracing::warn!(channel = channel.name, waiting = due.len(), "{error}");
                report.problems.insert(channel.name.clone(), error.to_string());
                continue;
            }
        };
        let mut fail = |members: &[Due], failure: &Failure| -> Result<()> {
            let (id, reason) = (message_id(members), &failure.reason);
            tracing::warn!(
                alert = id,
                channel = channel.name,
                count = members.len(),
                "alert was not delivered: {reason}"
            );
            report.failed += members.len();
            report.died += mark_failed(connection, &id, members, channel, failure, clock())?;
            report.problems.insert(channel.name.clone(), reason.clone());
            Ok(())
        };
        let (mut members, mut findings) = (Vec::new(), Vec::new());
        for (delivery, json) in due {
            match serde_json::from_str::<Finding>(&json) {
                Ok(finding) => {
                    members.push(delivery);
                    findings.push(finding);
                }
                Err(error) => {
                    let reason = format!("the stored finding cannot be read: {error}");
                    fail(&[delivery], &Failure { kind: FailureKind::Refused, reason })?;
                }
            }
        }
        let mut failures = 0;
        let most = sender.most_findings();
        for (members, findings) in members.chunks(most).zip(findings.chunks(most)) {
            job.check()?;
            // A server may refuse a mail for its size.
            let has_pictures = members.iter().all(|delivery| delivery.refusals == 0);
            let content = Content { id: message_id(members), findings, has_pictures, config, sites };
            let Err(failure) = sender.send(&content, clock(), job)? else {
                mark_delivered(connection, members, channel, clock())?;
                report.delivered += members.len();
                failures = 0;
                continue;
            };
            fail(members, &failure)?;
            let kind = failure.kind;
            failures = if matches!(kind, FailureKind::Refused | FailureKind::Gone) { 0 } else { failures + 1 };
            if let FailureKind::Later(pause) = kind {
                postpone(connection, channel, pause, clock())?;
                break;
            }
            if failures == FAILURES_IN_A_ROW {
                break;
            }
        }
    }
    summarize(connection, config, &mut report)?;
    Ok(report)
}

/// Due deliveries of a channel with their findings as stored JSON, fewest attempts first, so that failing deliveries do not block new
/// ones.
fn due(connection: &Connection, channel: &str, now: Timestamp) -> Result<Vec<(Due, String)>> {
    let sql = sql_error(connection);
    let mut select = connection
        .prepare_cached(
            "SELECT f.id, f.finding, d.attempts, d.refusals
             FROM alert_deliveries d JOIN alert_findings f ON f.id = d.alert
             WHERE d.channel = ?1 AND d.delivered_s IS NULL AND d.dead_since_s IS NULL
                 AND (d.next_attempt_s <= ?2 OR d.next_attempt_s > ?2 + ?3)
             ORDER BY d.attempts, f.rowid",
        )
        .map_err(&sql)?;
    let due = select.query_map(params![channel, now.as_second(), HORIZON_S], |row| {
        Ok((Due { id: row.get(0)?, attempts: row.get(2)?, refusals: row.get(3)? }, row.get(1)?))
    });
    due.and_then(Iterator::collect).map_err(&sql)
}

/// Runs `mark` in one transaction, so that the deliveries of a message are marked together or not at all.
fn in_transaction<T>(connection: &Connection, mark: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
    let sql = sql_error(connection);
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(&sql)?;
    let made = mark(&transaction).map_err(&sql)?;
    transaction.commit().map_err(&sql)?;
    Ok(made)
}

fn mark_delivered(connection: &Connection, members: &[Due], channel: &Channel, now: Timestamp) -> Result<()> {
    in_transaction(connection, |transaction| {
        let mut update = transaction.prepare_cached(
            "UPDATE alert_deliveries SET attempts = attempts + 1, last_error = NULL, delivered_s = ?3
             WHERE alert = ?1 AND channel = ?2",
        )?;
        for delivery in members {
            update.execute(params![delivery.id, channel.name, now.as_second()])?;
        }
        Ok(())
    })
}

/// Stores a failure of the message with this id, and the time of the next attempt. Returns how many deliveries are dead.
fn mark_failed(
    connection: &Connection,
    id: &str,
    members: &[Due],
    channel: &Channel,
    failure: &Failure,
    now: Timestamp,
) -> Result<usize> {
    let now_s = now.as_second();
    in_transaction(connection, |transaction| {
        // A delivery that another process made in the meantime stays delivered.
        let mut update = transaction.prepare_cached(
            "UPDATE alert_deliveries
             SET attempts = ?3, refusals = ?4, next_attempt_s = ?5, last_error = ?6, dead_since_s = ?7
             WHERE alert = ?1 AND channel = ?2 AND delivered_s IS NULL",
        )?;
        let mut died = 0;
        for delivery in members {
            let attempts = delivery.attempts + 1;
            let refusals = if failure.kind == FailureKind::Refused { delivery.refusals + 1 } else { 0 };
            let is_dead = failure.kind == FailureKind::Gone || refusals >= REFUSALS || attempts >= ATTEMPTS;
            // The id of the message, so that its deliveries are due together again.
            let mut pause_s = pause_s(id, &channel.name, attempts);
            if let FailureKind::Later(asked) = failure.kind {
                pause_s = pause_s.max(seconds(asked));
            }
            update.execute(params![
                delivery.id,
                channel.name,
                attempts,
                refusals,
                now_s + pause_s,
                failure.reason,
                is_dead.then_some(now_s)
            ])?;
            died += usize::from(is_dead);
        }
        Ok(died)
    })
}

/// Postpones a channel's deliveries by the pause that its receiver asked for.
fn postpone(connection: &Connection, channel: &Channel, pause: Duration, now: Timestamp) -> Result<()> {
    let now_s = now.as_second();
    connection
        .execute(
            "UPDATE alert_deliveries SET next_attempt_s = ?2
             WHERE channel = ?1 AND delivered_s IS NULL AND dead_since_s IS NULL
                 AND (next_attempt_s < ?2 OR next_attempt_s > ?3)",
            params![channel.name, now_s + seconds(pause), now_s + HORIZON_S],
        )
        .map_err(sql_error(connection))?;
    Ok(())
}

/// The pause that a receiver asked for, in seconds, up to the longest allowed.
fn seconds(pause: Duration) -> i64 {
    // Rounded up, so that the retry is never early.
    (pause.as_secs_f64().ceil() as i64).min(LONGEST_ASKED_S)
}

/// Pause after an attempt, in seconds. Its variation is a hash of the message's id, so it is the same in every run.
fn pause_s(id: &str, channel: &str, attempts: u32) -> i64 {
    let whole = (FIRST_PAUSE_S * f64::from(attempts.saturating_sub(1).min(30)).exp2()).min(LONGEST_PAUSE_S);
    let hash = Sha256::digest(format!("{id}/{channel}/{attempts}"));
    let part = f64::from(u16::from_be_bytes([hash[0], hash[1]])) / f64::from(u16::MAX);
    (whole * (1.0 + VARIATION * part)) as i64
}

/// Counts pending and dead deliveries, and reports channels that are missing from the configuration.
fn summarize(connection: &Connection, config: &AlertConfig, report: &mut DeliveryReport) -> Result<()> {
    let sql = sql_error(connection);
    let mut select = connection
        .prepare_cached(
            "SELECT channel, count(*) FILTER (WHERE dead_since_s IS NULL), count(dead_since_s)
             FROM alert_deliveries WHERE delivered_s IS NULL GROUP BY channel",
        )
        .map_err(&sql)?;
    let rows = select.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?)));
    for row in rows.map_err(&sql)? {
        let (channel, pending, dead): (String, u32, u32) = row.map_err(&sql)?;
        report.pending += pending as usize;
        report.dead += dead as usize;
        if pending > 0 && !config.channels().any(|name| name == channel) {
            let reason = format!("the configuration has no channel of this name, and {pending} alerts wait for it");
            report.problems.insert(channel, reason);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_takes_three_days_and_no_pause_passes_the_horizon() {
        for id in ["alert_0", "alert_1", "alert_2"] {
            let pauses: Vec<i64> = (1..ATTEMPTS).map(|attempt| pause_s(id, "hook", attempt)).collect();
            assert!((60..=75).contains(&pauses[0]), "{pauses:?}");
            assert!(pauses.iter().sum::<i64>() >= 72 * 3600, "{pauses:?}");
            assert!(pauses.iter().all(|&pause| pause < HORIZON_S), "{pauses:?}");
            assert_eq!(pauses[7], pause_s(id, "hook", 8), "not random");
        }
        assert_ne!(pause_s("alert_0", "hook", 15), pause_s("alert_1", "hook", 15));
        assert_eq!(seconds(Duration::from_millis(1500)), 2);
        assert_eq!(seconds(Duration::MAX), LONGEST_ASKED_S);
    }
}
