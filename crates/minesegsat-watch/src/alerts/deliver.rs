//! Sends due deliveries and schedules retries.

use minesegsat_core::job::Job;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Finding;
use super::config::{AlertConfig, Channel, ChannelKind};
use super::file::FileChannel;
use super::mail::Mail;
use super::outbox::sql_error;
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

impl Sender {
    fn send(
        &self,
        finding: &Finding,
        site_url: Option<&str>,
        now: Timestamp,
        job: Job<'_>,
    ) -> Result<Result<(), Failure>> {
        match self {
            Self::Webhook(webhook) => webhook.send(finding, site_url, now, job),
            Self::Mail(mail) => Ok(mail.send(finding, site_url, now)),
            Self::File(file) => Ok(file.send(finding, site_url)),
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
    let chosen = config.channels.iter().filter(|known| channel.is_none_or(|name| name == known.name));
    let mut tested = Vec::new();
    for channel in chosen {
        let sent = match channel.sender() {
            Ok(sender) => sender.send(&finding, None, now, job)?.map_err(|failure| failure.reason),
            Err(error) => Err(error.to_string()),
        };
        tested.push((channel.name.clone(), sent.err()));
    }
    Ok(tested)
}

/// A delivery that is due.
struct Due {
    id: String,
    /// The finding as stored JSON.
    finding: String,
    attempts: u32,
    refusals: u32,
}

/// Sends the deliveries that are due at `now` (the current time outside tests), and stores the results.
///
/// The connection must not be in a transaction: each delivery is marked immediately, so it is repeated only if the run is
/// killed in between. A channel that cannot send from this machine (no secret, or not in the configuration) uses up no
/// attempts: its alerts wait, and the report names the problem. Ends with [`Error::Interrupted`] soon after `job` is
/// cancelled; deliveries made until then are marked.
pub fn deliver(connection: &Connection, config: &AlertConfig, now: Timestamp, job: Job<'_>) -> Result<DeliveryReport> {
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
        let mut failures = 0;
        for delivery in due {
            job.check()?;
            let sent = match serde_json::from_str::<Finding>(&delivery.finding) {
                Ok(finding) => sender.send(&finding, config.site_url(&finding).as_deref(), clock(), job)?,
                Err(error) => {
                    let reason = format!("the stored finding cannot be read: {error}");
                    Err(Failure { kind: FailureKind::Refused, reason })
                }
            };
            let Err(failure) = sent else {
                mark_delivered(connection, &delivery, channel, clock())?;
                report.delivered += 1;
                failures = 0;
                continue;
            };
            let Failure { kind, reason } = &failure;
            tracing::warn!(alert = delivery.id, channel = channel.name, "alert was not delivered: {reason}");
            report.failed += 1;
            report.died += usize::from(mark_failed(connection, &delivery, channel, &failure, clock())?);
            report.problems.insert(channel.name.clone(), reason.clone());
            failures = if matches!(kind, FailureKind::Refused | FailureKind::Gone) { 0 } else { failures + 1 };
            if let FailureKind::Later(pause) = *kind {
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

/// Due deliveries of a channel, fewest attempts first, so that failing deliveries do not block new ones.
fn due(connection: &Connection, channel: &str, now: Timestamp) -> Result<Vec<Due>> {
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
        Ok(Due { id: row.get(0)?, finding: row.get(1)?, attempts: row.get(2)?, refusals: row.get(3)? })
    });
    due.and_then(Iterator::collect).map_err(&sql)
}

fn mark_delivered(connection: &Connection, delivery: &Due, channel: &Channel, now: Timestamp) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE alert_deliveries SET attempts = attempts + 1, last_error = NULL, delivered_s = ?3
             WHERE alert = ?1 AND channel = ?2",
        )
        .and_then(|mut update| update.execute(params![delivery.id, channel.name, now.as_second()]))
        .map_err(sql_error(connection))?;
    Ok(())
}

/// Stores a failure and the time of the next attempt. Returns whether the delivery is dead.
fn mark_failed(
    connection: &Connection,
    delivery: &Due,
    channel: &Channel,
    failure: &Failure,
    now: Timestamp,
) -> Result<bool> {
    let (attempts, now_s) = (delivery.attempts + 1, now.as_second());
    let refusals = if failure.kind == FailureKind::Refused { delivery.refusals + 1 } else { 0 };
    let dead = failure.kind == FailureKind::Gone || refusals >= REFUSALS || attempts >= ATTEMPTS;
    let mut pause_s = pause_s(&delivery.id, &channel.name, attempts);
    if let FailureKind::Later(asked) = failure.kind {
        pause_s = pause_s.max(seconds(asked));
    }
    // A delivery that another process made in the meantime stays delivered.
    connection
        .prepare_cached(
            "UPDATE alert_deliveries
             SET attempts = ?3, refusals = ?4, next_attempt_s = ?5, last_error = ?6, dead_since_s = ?7
             WHERE alert = ?1 AND channel = ?2 AND delivered_s IS NULL",
        )
        .and_then(|mut update| {
            update.execute(params![
                delivery.id,
                channel.name,
                attempts,
                refusals,
                now_s + pause_s,
                failure.reason,
                dead.then_some(now_s)
            ])
        })
        .map_err(sql_error(connection))?;
    Ok(dead)
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

/// Pause after an attempt, in seconds. Its variation is a hash of the alert, so it is the same in every run.
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
