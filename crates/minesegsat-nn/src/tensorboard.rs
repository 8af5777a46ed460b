//! Event files that TensorBoard opens: [`EventWriter`].
//!
//! A file is a row of records, each an `Event` in protocol buffers. The messages are declared here by field number, as those of
//! ONNX files are, so the build needs no compiler of protocol buffers.
//!
//! # A record
//! | bytes | what |
//! |---|---|
//! | 8 | length of the event, little-endian |
//! | 4 | masked CRC-32C of the length |
//! | length | the event |
//! | 4 | masked CRC-32C of the event |
//!
//! Sources: `tensorflow/core/lib/io/record_writer.h`, `tensorflow/core/util/event.proto` and
//! `tensorflow/core/framework/summary.proto`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use fs_err::{File, OpenOptions};
use prost::Message;

use minesegsat_core::{Error, Result};

/// What the first record says.
const FILE_VERSION: &str = "brain.Event:2";
/// Most files that are begun in one folder within a second.
const SAME_SECOND: u32 = 100;

/// Appends events to a file of its own. Each call is one write to the system, so that a run that is killed loses none.
#[derive(Debug)]
pub struct EventWriter {
    file: File,
    path: PathBuf,
}

impl EventWriter {
    /// Begins a new file `events.out.tfevents.<unix time>.<host>` in a folder, which is made where it is missing.
    pub fn create(folder: &Path) -> Result<Self> {
        fs_err::create_dir_all(folder)?;
        let seconds = wall_time() as u64;
        let stem = format!("events.out.tfevents.{seconds}.{}", host());
        for attempt in 0..SAME_SECOND {
            // TensorBoard reads files in the order of their names.
            let name = if attempt == 0 { stem.clone() } else { format!("{stem}.{attempt:02}") };
            let path = folder.join(name);
            match OpenOptions::new().append(true).create_new(true).open(&path) {
                Ok(file) => {
                    let mut writer = Self { file, path };
                    writer.append(Event { file_version: Some(FILE_VERSION.to_owned()), ..Event::default() })?;
                    return Ok(writer);
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::input(
            folder.display().to_string(),
            format!("{SAME_SECOND} event files were begun in it within a second"),
        ))
    }

    /// Begins a new file for a run that goes on before `step`: what earlier files have of that step and later ones was lost
    /// with the run, and TensorBoard leaves it out.
    pub fn resume(folder: &Path, step: u64) -> Result<Self> {
        let mut writer = Self::create(folder)?;
        writer.append(Event {
            step: step as i64,
            session_log: Some(SessionLog { status: START }),
            ..Event::default()
        })?;
        Ok(writer)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One number, at a step of the run.
    pub fn scalar(&mut self, tag: &str, step: u64, value: f32) -> Result<()> {
        self.scalars(step, &[(tag, value)])
    }

    /// Several numbers of one step, by tag. Tags such as `train/loss` are grouped by what stands before the slash.
    pub fn scalars(&mut self, step: u64, values: &[(&str, f32)]) -> Result<()> {
        let scalar =
            |&(tag, value): &(&str, f32)| Value { tag: tag.to_owned(), simple_value: Some(value), image: None };
        self.summary(step, values.iter().map(scalar).collect())
    }

    /// A picture: the bytes of a PNG file.
    pub fn image(&mut self, tag: &str, step: u64, png: &[u8]) -> Result<()> {
        let image = Image::of_png(png).ok_or_else(|| {
            let reason = format!("the picture `{tag}` of step {step} is not a PNG file");
            Error::input(self.path.display().to_string(), reason)
        })?;
        self.summary(step, vec![Value { tag: tag.to_owned(), simple_value: None, image: Some(image) }])
    }

    fn summary(&mut self, step: u64, value: Vec<Value>) -> Result<()> {
        self.append(Event { step: step as i64, summary: Some(Summary { value }), ..Event::default() })
    }

    fn append(&mut self, event: Event) -> Result<()> {
        self.file.write_all(&record(&Event { wall_time: wall_time(), ..event }))?;
        Ok(())
    }
}

/// Seconds since 1970.
fn wall_time() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// Name of the machine, for the name of the file alone.
fn host() -> String {
    let known = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let known = known.or_else(|| ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|name| std::env::var(name).ok()));
    let name: String =
        known.unwrap_or_default().trim().chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

/// CRC-32C, turned and shifted, as records that hold checksums of their own need it.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xA282_EAD8)
}

fn record(event: &Event) -> Vec<u8> {
    let event = event.encode_to_vec();
    let length = (event.len() as u64).to_le_bytes();
    let mut out = Vec::with_capacity(event.len() + 16);
    out.extend(length);
    out.extend(masked_crc(&length).to_le_bytes());
    out.extend(&event);
    out.extend(masked_crc(&event).to_le_bytes());
    out
}

/// `Event`: one of the last three.
#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
    #[prost(message, optional, tag = "7")]
    session_log: Option<SessionLog>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

/// `Summary.Value`: a number or a picture.
#[expect(clippy::struct_field_names, reason = "the names of TensorBoard's `summary.proto`")]
#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
    #[prost(message, optional, tag = "4")]
    image: Option<Image>,
}

/// `Summary.Image`.
#[derive(Clone, PartialEq, Eq, Hash, Message)]
struct Image {
    #[prost(int32, tag = "1")]
    height: i32,
    #[prost(int32, tag = "2")]
    width: i32,
    /// Number of channels: grey 1, grey and alpha 2, RGB 3, RGB and alpha 4.
    #[prost(int32, tag = "3")]
    colorspace: i32,
    #[prost(bytes = "vec", tag = "4")]
    encoded_image_string: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq, Hash, Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// `SessionLog.SessionStatus` of a run that starts.
const START: i32 = 1;

impl Image {
    /// `None` if the bytes are no PNG file.
    fn of_png(png: &[u8]) -> Option<Self> {
        // Signature, length and name of the first chunk, then width, height, bits and kind of colour (RFC 2083).
        let header = png.get(..26)?;
        if !header.starts_with(b"\x89PNG\r\n\x1a\n") || &header[12..16] != b"IHDR" {
            return None;
        }
        let number = |at: usize| header[at..at + 4].iter().fold(0, |n, byte| n << 8 | i32::from(*byte));
        let colorspace = match header[25] {
            0 => 1,
            4 => 2,
            6 => 4,
            // Colours of a palette count as RGB.
            _ => 3,
        };
        Some(Self { height: number(20), width: number(16), colorspace, encoded_image_string: png.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        // RFC 3720, appendix B.4; then 0x8A9136AA masked by hand: ((c >> 15) | (c << 17)) + 0xA282EAD8.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8A91_36AA);
        assert_eq!(crc32c::crc32c(&[0xFF; 32]), 0x62A8_AB43);
        assert_eq!(crc32c::crc32c(&(0..32).collect::<Vec<u8>>()), 0x46DD_794E);
        let crc = 0x8A91_36AA_u64;
        let masked = ((crc >> 15) | (crc << 17 & 0xFFFF_FFFF)) + 0xA282_EAD8;
        assert_eq!(u64::from(masked_crc(&[0; 32])), masked & 0xFFFF_FFFF);
    }

    #[test]
    fn records_equal_those_of_tensorboard() {
        // With tensorboard 2.21.0; Event, SessionLog from tensorboard.compat.proto.event_pb2, Summary from ...summary_pb2:
        // w = tensorboard.summary.writer.record_writer.RecordWriter(f)
        // V = Summary.Value
        // w.write(Event(wall_time=1.5, file_version="brain.Event:2").SerializeToString())
        // w.write(Event(wall_time=2.5, step=300, summary=Summary(value=[V(tag="loss", simple_value=0.25),
        //         V(tag="f1", simple_value=-1.0)])).SerializeToString())
        // w.write(Event(wall_time=4.5, step=9, session_log=SessionLog(status=1)).SerializeToString())
        let expected = "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c\
            2600000000000000734fe30009000000000000044010ac022a180a0b0a046c6f7373150000803e0a090a02663115000080bf56488b69\
            0f000000000000006d532b0909000000000000124010093a020801bceb5ebe";
        let scalar = |tag: &str, value| Value { tag: tag.to_owned(), simple_value: Some(value), image: None };
        let value = vec![scalar("loss", 0.25), scalar("f1", -1.0)];
        let at = |wall_time, step| Event { wall_time, step, ..Event::default() };
        let ours = [
            Event { file_version: Some(FILE_VERSION.to_owned()), ..at(1.5, 0) },
            Event { summary: Some(Summary { value }), ..at(2.5, 300) },
            Event { session_log: Some(SessionLog { status: START }), ..at(4.5, 9) },
        ];
        let bytes = ours.iter().map(record).collect::<Vec<_>>().concat();
        assert_eq!(minesegsat_core::hex::encode(&bytes), expected);
        assert_eq!(events(&bytes), ours);
    }

    /// Reads records, and checks their checksums.
    fn events(mut bytes: &[u8]) -> Vec<Event> {
        let mut out = Vec::new();
        while !bytes.is_empty() {
            let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            assert_eq!(masked_crc(&bytes[..8]).to_le_bytes(), bytes[8..12]);
            let event = &bytes[12..12 + length];
            assert_eq!(masked_crc(event).to_le_bytes(), bytes[12 + length..16 + length]);
            out.push(Event::decode(event).unwrap());
            bytes = &bytes[16 + length..];
        }
        out
    }

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header().unwrap().write_image_data(&vec![7; (width * height * 3) as usize]).unwrap();
        out
    }

    #[test]
    fn everything_written_is_in_the_file_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(&folder.path().join("logs")).unwrap();
        writer.scalar("train/loss", 0, 0.75).unwrap();
        writer.scalars(1 << 40, &[("val/f1", 0.5), ("val/iou", f32::NAN)]).unwrap();
        writer.image("val/best", 3, &png(5, 300)).unwrap();
        // The writer still lives.
        let events = events(&fs_err::read(writer.path()).unwrap());
        assert_eq!(events.len(), 4);
        assert_eq!(events[0].file_version.as_deref(), Some(FILE_VERSION));
        for event in &events {
            assert!((event.wall_time - wall_time()).abs() < 60.0, "{event:?}");
        }
        assert_eq!(events.iter().map(|event| event.step).collect::<Vec<_>>(), [0, 0, 1 << 40, 3]);
        let values = |at: usize| events[at].summary.clone().unwrap().value;
        assert_eq!((values(1)[0].tag.as_str(), values(1)[0].simple_value), ("train/loss", Some(0.75)));
        assert_eq!((values(2)[0].tag.as_str(), values(2)[0].simple_value), ("val/f1", Some(0.5)));
        assert!(values(2)[1].tag == "val/iou" && values(2)[1].simple_value.unwrap().is_nan());
        let image = Image { height: 300, width: 5, colorspace: 3, encoded_image_string: png(5, 300) };
        assert_eq!(values(3), [Value { tag: "val/best".to_owned(), simple_value: None, image: Some(image) }]);

        let error = writer.image("val/best", 4, b"GIF89a").unwrap_err().to_string();
        assert!(error.ends_with("the picture `val/best` of step 4 is not a PNG file"), "{error}");
    }

    #[test]
    fn a_run_that_goes_on_has_a_file_of_its_own_that_comes_later() {
        let folder = tempfile::tempdir().unwrap();
        let mut names = Vec::new();
        for round in 0..3 {
            let writer =
                if round == 0 { EventWriter::create(folder.path()) } else { EventWriter::resume(folder.path(), 70) };
            let writer = writer.unwrap();
            let name = writer.path().file_name().unwrap().to_string_lossy().into_owned();
            assert!(name.starts_with("events.out.tfevents."), "{name}");
            let events = events(&fs_err::read(writer.path()).unwrap());
            if round > 0 {
                assert_eq!(events[1].step, 70);
                assert_eq!(events[1].session_log, Some(SessionLog { status: START }));
            }
            names.push(name);
        }
        let mut sorted = names.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(names, sorted);
    }
}
