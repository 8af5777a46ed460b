//! Telling somebody: webhooks, mail and files, each finding once.

/// Tables of alerts in a register, for its migrations.
pub(crate) const SCHEMA: &str = "";
