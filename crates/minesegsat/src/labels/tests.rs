//! Tests of reading, checking and burning as a whole, on files that they write.

mod fixtures;
mod formats;
mod masks;
mod reading;
mod repairs;
