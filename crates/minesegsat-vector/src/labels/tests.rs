//! Tests of reading, checking and burning, on files that the tests write.

mod fixtures;
mod formats;
mod masks;
mod reading;
mod repairs;
