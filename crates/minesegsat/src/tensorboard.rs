//! Event files that TensorBoard opens: [`EventWriter`].
//!
//! A file is a row of records, each an `Event` in protocol buffers. The messages written here have a dozen fields together,
//! so they are encoded by hand; the one crate for it, `tensorboard-rs` 0.5, brings `protobuf` 2 and `image` 0.23 along.
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

use crate::{Error, Result};

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
                    writer.append(&event(wall_time(), 0, &[text(3, FILE_VERSION)]))?;
                    return Ok(writer);
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Input {
            location: folder.display().to_string(),
            reason: format!("{SAME_SECOND} event files were begun in it within a second"),
        })
    }

    /// Begins a new file for a run that goes on before `step`: what earlier files have of that step and later ones was lost
    /// with the run, and TensorBoard leaves it out.
    pub fn resume(folder: &Path, step: u64) -> Result<Self> {
        let mut writer = Self::create(folder)?;
        // SessionLog.status = START
        writer.append(&event(wall_time(), step, &[message(7, &[varint(1, 1)])]))?;
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
        let values: Vec<Vec<u8>> =
            values.iter().map(|(tag, value)| message(1, &[text(1, tag), float(2, *value)])).collect();
        self.append(&event(wall_time(), step, &[message(5, &values)]))
    }

    /// A picture: the bytes of a PNG file.
    pub fn image(&mut self, tag: &str, step: u64, png: &[u8]) -> Result<()> {
        let event = image(wall_time(), tag, step, png).ok_or_else(|| Error::Input {
            location: self.path.display().to_string(),
            reason: format!("the picture `{tag}` of step {step} is no PNG file"),
        })?;
        self.append(&event)
    }

    fn append(&mut self, event: &[u8]) -> Result<()> {
        self.file.write_all(&record(event))?;
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

fn record(event: &[u8]) -> Vec<u8> {
    let length = (event.len() as u64).to_le_bytes();
    let mut out = Vec::with_capacity(event.len() + 16);
    out.extend(length);
    out.extend(masked_crc(&length).to_le_bytes());
    out.extend(event);
    out.extend(masked_crc(event).to_le_bytes());
    out
}

/// `Event`: `wall_time = 1`, `step = 2`, and what happened.
fn event(wall_time: f64, step: u64, what: &[Vec<u8>]) -> Vec<u8> {
    let mut out = key(1, 1);
    out.extend(wall_time.to_le_bytes());
    // A field that has its default is not written.
    if step > 0 {
        out.extend(varint(2, step));
    }
    out.extend(what.concat());
    out
}

/// `Summary.Value.image = 4`, of `height = 1`, `width = 2`, `colorspace = 3` and `encoded_image_string = 4`; `None` if it is no
/// PNG file.
fn image(wall_time: f64, tag: &str, step: u64, png: &[u8]) -> Option<Vec<u8>> {
    // Signature, length and name of the first chunk, then width, height, bits and kind of colour (RFC 2083).
    let header = png.get(..26)?;
    if !header.starts_with(b"\x89PNG\r\n\x1a\n") || &header[12..16] != b"IHDR" {
        return None;
    }
    let number = |at: usize| header[at..at + 4].iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
    // Channels, as TensorFlow counts them: grey, grey and alpha, colours (a palette too), colours and alpha.
    let colorspace = match header[25] {
        0 => 1,
        4 => 2,
        6 => 4,
        _ => 3,
    };
    let fields = [varint(1, number(20)), varint(2, number(16)), varint(3, colorspace), bytes(4, png)];
    Some(event(wall_time, step, &[message(5, &[message(1, &[text(1, tag), message(4, &fields)])])]))
}

/// Number and wire type of a field: 0 varint, 1 eight bytes, 2 bytes with their length, 5 four bytes.
fn key(field: u64, wire_type: u64) -> Vec<u8> {
    number(field << 3 | wire_type)
}

fn number(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn varint(field: u64, value: u64) -> Vec<u8> {
    [key(field, 0), number(value)].concat()
}

fn float(field: u64, value: f32) -> Vec<u8> {
    [key(field, 5), value.to_le_bytes().to_vec()].concat()
}

fn bytes(field: u64, value: &[u8]) -> Vec<u8> {
    [&key(field, 2), &number(value.len() as u64), value].concat()
}

fn text(field: u64, value: &str) -> Vec<u8> {
    bytes(field, value.as_bytes())
}

fn message(field: u64, fields: &[Vec<u8>]) -> Vec<u8> {
    bytes(field, &fields.concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        let values = [message(1, &[text(1, "loss"), float(2, 0.25)]), message(1, &[text(1, "f1"), float(2, -1.0)])];
        let ours = [
            record(&event(1.5, 0, &[text(3, FILE_VERSION)])),
            record(&event(2.5, 300, &[message(5, &values)])),
            record(&event(4.5, 9, &[message(7, &[varint(1, 1)])])),
        ];
        let hex: String = ours.concat().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected);
    }

    /// A field as it was read: its number, and its bytes or value.
    #[derive(Debug, PartialEq)]
    enum Field {
        Number(u64),
        Bytes(Vec<u8>),
    }

    fn read_number(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                break;
            }
        }
        value
    }

    fn fields(mut bytes: &[u8]) -> Vec<(u64, Field)> {
        let mut out = Vec::new();
        while !bytes.is_empty() {
            let key = read_number(&mut bytes);
            let length = match key & 7 {
                0 => {
                    out.push((key >> 3, Field::Number(read_number(&mut bytes))));
                    continue;
                }
                1 => 8,
                2 => read_number(&mut bytes) as usize,
                5 => 4,
                other => panic!("wire type {other}"),
            };
            let (value, rest) = bytes.split_at(length);
            out.push((key >> 3, Field::Bytes(value.to_vec())));
            bytes = rest;
        }
        out
    }

    fn get(of: &[(u64, Field)], number: u64) -> Option<&[u8]> {
        of.iter().find_map(|(n, field)| match field {
            Field::Bytes(bytes) if *n == number => Some(bytes.as_slice()),
            _ => None,
        })
    }

    /// Reads records, and checks their checksums.
    fn events(mut bytes: &[u8]) -> Vec<Vec<(u64, Field)>> {
        let mut out = Vec::new();
        while !bytes.is_empty() {
            let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            assert_eq!(masked_crc(&bytes[..8]).to_le_bytes(), bytes[8..12]);
            let event = &bytes[12..12 + length];
            assert_eq!(masked_crc(event).to_le_bytes(), bytes[12 + length..16 + length]);
            out.push(fields(event));
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
        assert_eq!(get(&events[0], 3), Some(FILE_VERSION.as_bytes()));
        for event in &events {
            let time = f64::from_le_bytes(get(event, 1).unwrap().try_into().unwrap());
            assert!((time - wall_time()).abs() < 60.0, "{time}");
        }
        let values = |at: usize| -> Vec<Vec<(u64, Field)>> {
            let summary = fields(get(&events[at], 5).unwrap());
            summary
                .iter()
                .map(|(_, value)| if let Field::Bytes(value) = value { fields(value) } else { panic!() })
                .collect()
        };
        assert!(!events[1].iter().any(|(number, _)| *number == 2), "step 0 is the default");
        assert_eq!(get(&values(1)[0], 1), Some(&b"train/loss"[..]));
        assert_eq!(get(&values(1)[0], 2), Some(&0.75_f32.to_le_bytes()[..]));
        assert!(events[2].contains(&(2, Field::Number(1 << 40))));
        assert_eq!(get(&values(2)[1], 1), Some(&b"val/iou"[..]));
        let image = fields(get(&values(3)[0], 4).unwrap());
        assert!(image.contains(&(1, Field::Number(300))) && image.contains(&(2, Field::Number(5))));
        assert!(image.contains(&(3, Field::Number(3))));
        assert_eq!(get(&image, 4), Some(&png(5, 300)[..]));

        let error = writer.image("val/best", 4, b"GIF89a").unwrap_err().to_string();
        assert!(error.ends_with("the picture `val/best` of step 4 is no PNG file"), "{error}");
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
                assert!(events[1].contains(&(2, Field::Number(70))));
                assert_eq!(get(&events[1], 7).map(fields), Some(vec![(1, Field::Number(1))]));
            }
            names.push(name);
        }
        let mut sorted = names.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(names, sorted);
    }

    proptest! {
        #[test]
        fn numbers_come_back(value in any::<u64>()) {
            let bytes = number(value);
            let mut rest = bytes.as_slice();
            prop_assert_eq!((read_number(&mut rest), rest.len()), (value, 0));
        }
    }
}
