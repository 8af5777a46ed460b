//! Telling somebody: webhooks, mail and files, each finding once.
