//! The alert tables: findings and their deliveries.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde::Serialize;

use super::{AlertConfig, Finding};
use minesegsat_core::{Cause, Error, Result};

/// State of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryState {
    /// Waiting for its first or next attempt.
    Pending,
    /// The receiver confirmed it.
    Delivered,
    /// All attempts failed. It is kept until it is revived.
    Dead,
}

/// Delivery of an alert through a channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Delivery {
    /// Id of the alert, which is also in the message.
    pub id: String,
    /// Name of the channel.
    pub channel: String,
    /// Its state.
    pub state: DeliveryState,
    /// Attempts so far.
    pub attempts: u32,
    /// When the next attempt is due; `None` unless pending.
    pub next_attempt: Option<Timestamp>,
    /// Error of the last attempt.
    pub last_error: Option<String>,
    /// When the receiver confirmed it.
    pub delivered: Option<Timestamp>,
    /// When it became dead.
    pub dead_since: Option<Timestamp>,
    /// The finding that it reports.
    pub finding: Finding,
}

/// Stores findings, and a delivery for each channel that wants them. Returns the number of new findings. A finding whose key
/// is already stored stays unchanged and gets no new deliveries, even if a channel was added since.
///
/// Call it inside the transaction that stores the observation.
pub fn record(connection: &Connection, findings: &[Finding], config: &AlertConfig, now: Timestamp) -> Result<usize> {
    let sql = sql_error(connection);
    let mut count = 0;
    for finding in findings {
        let json = serde_json::to_string(finding).map_err(|error| failed(connection, "", error))?;
        let (id, date) = (finding.id(), finding.date.to_string());
        let is_new = connection
            .prepare_cached(
                "INSERT INTO alert_findings (id, key, site, kind, date, finding, recorded_s)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
            )
            .and_then(|mut insert| {
                let kind = finding.kind.name();
                insert.execute(params![id, finding.key(), finding.site.as_str(), kind, date, json, now.as_second()])
            })
            .map_err(&sql)?;
        count += is_new;
        for channel in config.channels.iter().filter(|channel| is_new > 0 && channel.wants(finding)) {
            connection
                .prepare_cached("INSERT INTO alert_deliveries (alert, channel, next_attempt_s) VALUES (?1, ?2, ?3)")
                .and_then(|mut insert| insert.execute(params![id, channel.name, now.as_second()]))
                .map_err(&sql)?;
        }
    }
    Ok(count)
}

/// Deliveries in the order of recording, of one state or of all states.
pub fn list(connection: &Connection, state: Option<DeliveryState>) -> Result<Vec<Delivery>> {
    let filter = match state {
        None => "TRUE",
        Some(DeliveryState::Pending) => "d.delivered_s IS NULL AND d.dead_since_s IS NULL",
        Some(DeliveryState::Delivered) => "d.delivered_s IS NOT NULL",
        Some(DeliveryState::Dead) => "d.delivered_s IS NULL AND d.dead_since_s IS NOT NULL",
    };
    let query = format!(
        "SELECT f.id, d.channel, d.attempts, d.next_attempt_s, d.last_error, d.delivered_s, d.dead_since_s, f.finding
         FROM alert_deliveries d JOIN alert_findings f ON f.id = d.alert WHERE {filter} ORDER BY f.rowid, d.channel"
    );
    let sql = sql_error(connection);
    let mut select = connection.prepare(&query).map_err(&sql)?;
    let rows = select.query_map([], |row| Ok((delivery(row)?, row.get::<_, String>(7)?))).map_err(&sql)?;
    rows.map(|row| {
        let (delivery, json) = row.map_err(&sql)?;
        let finding = serde_json::from_str(&json)
            .map_err(|error| failed(connection, &format!("tables of alerts: alert {}", delivery.0), error))?;
        Ok(delivery.with(finding))
    })
    .collect()
}

/// A row: id, channel, attempts, next attempt, last error, delivered, dead since.
struct Stored(String, String, u32, i64, Option<String>, Option<i64>, Option<i64>);

fn delivery(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored(row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
}

impl Stored {
    fn with(self, finding: Finding) -> Delivery {
        let Self(id, channel, attempts, next_s, last_error, delivered_s, dead_since_s) = self;
        let state = match (delivered_s, dead_since_s) {
            (Some(_), _) => DeliveryState::Delivered,
            (None, Some(_)) => DeliveryState::Dead,
            (None, None) => DeliveryState::Pending,
        };
        let time = |s: i64| Timestamp::from_second(s).ok();
        Delivery {
            id,
            channel,
            state,
            attempts,
            next_attempt: (state == DeliveryState::Pending).then(|| time(next_s)).flatten(),
            last_error,
            delivered: delivered_s.and_then(time),
            dead_since: dead_since_s.filter(|_| state == DeliveryState::Dead).and_then(time),
            finding,
        }
    }
}

/// Makes pending deliveries due immediately: of one channel, or all. Returns their number.
pub fn hasten(connection: &Connection, channel: Option<&str>, now: Timestamp) -> Result<usize> {
    connection
        .execute(
            "UPDATE alert_deliveries SET next_attempt_s = ?2
             WHERE delivered_s IS NULL AND dead_since_s IS NULL AND (?1 IS NULL OR channel = ?1)",
            params![channel, now.as_second()],
        )
        .map_err(sql_error(connection))
}

/// Makes dead deliveries due immediately, with their attempts reset: of one alert, of one channel, or all. Returns their
/// number.
pub fn revive(connection: &Connection, id: Option<&str>, channel: Option<&str>, now: Timestamp) -> Result<usize> {
    connection
        .execute(
            "UPDATE alert_deliveries SET dead_since_s = NULL, attempts = 0, refusals = 0, next_attempt_s = ?3
             WHERE delivered_s IS NULL AND dead_since_s IS NOT NULL
                 AND (?1 IS NULL OR alert = ?1) AND (?2 IS NULL OR channel = ?2)",
            params![id, channel, now.as_second()],
        )
        .map_err(sql_error(connection))
}

/// Maps a database error to an [`Error`] that names the file.
pub(super) fn sql_error(connection: &Connection) -> impl Fn(rusqlite::Error) -> Error + use<'_> {
    move |error| failed(connection, "tables of alerts", error)
}

fn failed(connection: &Connection, reason: &str, error: impl Into<Cause>) -> Error {
    Error::database(connection.path().unwrap_or_default(), reason, error)
}
