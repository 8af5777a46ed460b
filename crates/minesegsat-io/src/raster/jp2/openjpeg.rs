//! The interface to OpenJPEG: decodes one tile of a codestream in memory to integers.
#![expect(unsafe_code, reason = "OpenJPEG is a C library")]

use std::ffi::{CStr, c_char, c_void};
use std::ptr::{self, NonNull};

use openjpeg_sys as opj;

use minesegsat_core::Window;

/// Size of the pieces in which OpenJPEG reads its input, in bytes.
const READ_BYTES: usize = 1 << 20;
/// Warnings about files of common encoders that do not affect pixels: a wrong count of tile-parts, an empty tile-part.
const HARMLESS: [&str; 2] = ["Non conformant codestream TPsot==TNsot", "Empty SOT marker detected"];
/// Maximum number of messages kept for a tile. A damaged tile can cause thousands.
const MOST_MESSAGES: usize = 4;

/// Decoded components of a tile, each row-major `[height, width]`.
pub(super) struct Components {
    image: Image,
    samples: usize,
}

impl Components {
    pub(super) fn len(&self) -> usize {
        self.image.components().len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[i32]> {
        self.image.components().iter().map(|component| {
            // SAFETY: `decode_tile` checked that every component has data of `samples` values; the image owns them and
            // lives as long as the slice.
            unsafe { std::slice::from_raw_parts(component.data, self.samples) }
        })
    }
}

/// Decodes tile `index` of a codestream, halved `reduction` times. `expected` is the window of the tile in the reduced image.
///
/// Strict: truncated packets and all other warnings of OpenJPEG during decoding are errors.
pub(super) fn decode_tile(
    codestream: &[u8],
    index: u32,
    components: usize,
    reduction: u8,
    expected: Window,
) -> Result<Components, String> {
    let mut input = Input { bytes: codestream, at: 0 };
    // Declared before the codec, which has a pointer to it, so that it is dropped after the codec.
    let mut messages = Messages::default();
    let stream = Stream::new(&mut input)?;
    let codec = Codec::new(&mut messages)?;
    let failed = |what: &str, codec: &Codec<'_>| {
        let text = codec.messages();
        if text.is_empty() { format!("JPEG 2000: {what} failed") } else { format!("JPEG 2000: {text}") }
    };

    // SAFETY: plain data, filled by the library.
    let mut parameters = unsafe { std::mem::zeroed::<opj::opj_dparameters_t>() };
    let mut header = ptr::null_mut();
    // SAFETY: codec and stream are live objects of the library, the parameters a valid structure; on success `header`
    // points to an image that the caller owns.
    let read = unsafe {
        opj::opj_set_default_decoder_parameters(&raw mut parameters);
        parameters.cp_reduce = u32::from(reduction);
        opj::opj_setup_decoder(codec.0.as_ptr(), &raw mut parameters) != 0
            && opj::opj_decoder_set_strict_mode(codec.0.as_ptr(), 1) != 0
            && opj::opj_read_header(stream.0.as_ptr(), codec.0.as_ptr(), &raw mut header) != 0
    };
    // Take ownership first, so that it is freed on every path.
    let image = NonNull::new(header).map(Image);
    let image = match image {
        Some(image) if read => image,
        _ => return Err(failed("reading the header", &codec)),
    };
    // SAFETY: all three are live; the image came from this codec's header.
    let decoded =
        unsafe { opj::opj_get_decoded_tile(codec.0.as_ptr(), stream.0.as_ptr(), image.0.as_ptr(), index) != 0 };
    if !decoded || !codec.messages().is_empty() {
        return Err(failed("decoding", &codec));
    }
    let found = image.components();
    if found.len() != components {
        return Err(format!("JPEG 2000: {components} components expected, but {} decoded", found.len()));
    }
    for component in found {
        let size = (component.w as usize, component.h as usize);
        if size != (expected.width, expected.height) || component.data.is_null() {
            return Err(format!(
                "JPEG 2000: a tile of {}x{} pixels is expected, one of {}x{} was decoded",
                expected.width, expected.height, size.0, size.1
            ));
        }
    }
    Ok(Components { image, samples: expected.len() })
}

struct Image(NonNull<opj::opj_image_t>);

impl Image {
    fn components(&self) -> &[opj::opj_image_comp_t] {
        // SAFETY: the library keeps `numcomps` valid components behind `comps` as long as the image lives.
        unsafe {
            let image = self.0.as_ref();
            if image.comps.is_null() {
                return &[];
            }
            std::slice::from_raw_parts(image.comps, image.numcomps as usize)
        }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // SAFETY: the image is ours and is not used again.
        unsafe { opj::opj_image_destroy(self.0.as_ptr()) }
    }
}

/// Messages of the library about a tile.
#[derive(Default)]
struct Messages(Vec<String>);

/// A decoder and the messages it writes.
struct Codec<'m>(NonNull<opj::opj_codec_t>, NonNull<Messages>, std::marker::PhantomData<&'m mut Messages>);

impl<'m> Codec<'m> {
    fn new(messages: &'m mut Messages) -> Result<Self, String> {
        let messages = NonNull::from(messages);
        // SAFETY: the format is valid. The handlers get a pointer to messages that outlive the codec by its lifetime,
        // and are only called during calls with this codec, on this thread: no threads are set for it.
        unsafe {
            let codec = NonNull::new(opj::opj_create_decompress(opj::CODEC_FORMAT::OPJ_CODEC_J2K))
                .ok_or("JPEG 2000: no memory for a decoder")?;
            opj::opj_set_error_handler(codec.as_ptr(), Some(keep_message), messages.as_ptr().cast());
            opj::opj_set_warning_handler(codec.as_ptr(), Some(keep_message), messages.as_ptr().cast());
            Ok(Self(codec, messages, std::marker::PhantomData))
        }
    }

    fn messages(&self) -> String {
        // SAFETY: the messages outlive the codec, and no call of the library is running.
        unsafe { self.1.as_ref() }.0.join("; ")
    }
}

impl Drop for Codec<'_> {
    fn drop(&mut self) {
        // SAFETY: the codec is ours and is not used again.
        unsafe { opj::opj_destroy_codec(self.0.as_ptr()) }
    }
}

unsafe extern "C" fn keep_message(text: *const c_char, messages: *mut c_void) {
    // SAFETY: `messages` is the pointer given with this handler, `text` a C string of the library.
    let (messages, text) = unsafe { (&mut *messages.cast::<Messages>(), CStr::from_ptr(text)) };
    let text = text.to_string_lossy();
    if messages.0.len() < MOST_MESSAGES && !HARMLESS.iter().any(|harmless| text.starts_with(harmless)) {
        messages.0.push(text.trim().to_owned());
    }
}

/// A codestream in memory, and the read position.
struct Input<'b> {
    bytes: &'b [u8],
    at: usize,
}

/// The library's view of an [`Input`].
struct Stream<'i>(NonNull<opj::opj_stream_t>, std::marker::PhantomData<&'i mut ()>);

impl<'i> Stream<'i> {
    fn new(input: &'i mut Input<'_>) -> Result<Self, String> {
        let len = input.bytes.len() as u64;
        // SAFETY: the input outlives the stream by its lifetime; the functions take exactly this type.
        unsafe {
            let stream = NonNull::new(opj::opj_stream_create(READ_BYTES.min(input.bytes.len()), 1))
                .ok_or("JPEG 2000: no memory for a stream")?;
            opj::opj_stream_set_read_function(stream.as_ptr(), Some(read));
            opj::opj_stream_set_skip_function(stream.as_ptr(), Some(skip));
            opj::opj_stream_set_seek_function(stream.as_ptr(), Some(seek));
            opj::opj_stream_set_user_data(stream.as_ptr(), ptr::from_mut(input).cast(), None);
            opj::opj_stream_set_user_data_length(stream.as_ptr(), len);
            Ok(Self(stream, std::marker::PhantomData))
        }
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        // SAFETY: the stream is ours and is not used again.
        unsafe { opj::opj_stream_destroy(self.0.as_ptr()) }
    }
}

unsafe extern "C" fn read(buffer: *mut c_void, len: usize, input: *mut c_void) -> usize {
    // SAFETY: `input` is the pointer given with the stream.
    let input = unsafe { &mut *input.cast::<Input<'_>>() };
    let rest = &input.bytes[input.at.min(input.bytes.len())..];
    if rest.is_empty() {
        return usize::MAX; // the library's sign of the end
    }
    let len = len.min(rest.len());
    // SAFETY: the library's buffer has room for `len` bytes, and is not part of the input.
    unsafe { ptr::copy_nonoverlapping(rest.as_ptr(), buffer.cast(), len) };
    input.at += len;
    len
}

unsafe extern "C" fn skip(len: i64, input: *mut c_void) -> i64 {
    // SAFETY: `input` is the pointer given with the stream.
    let input = unsafe { &mut *input.cast::<Input<'_>>() };
    let rest = input.bytes.len().saturating_sub(input.at);
    match usize::try_from(len) {
        Ok(len) if len <= rest => {
            input.at += len;
            len as i64
        }
        _ => -1,
    }
}

unsafe extern "C" fn seek(to: i64, input: *mut c_void) -> opj::OPJ_BOOL {
    // SAFETY: `input` is the pointer given with the stream.
    let input = unsafe { &mut *input.cast::<Input<'_>>() };
    match usize::try_from(to) {
        Ok(to) if to <= input.bytes.len() => {
            input.at = to;
            1
        }
        _ => 0,
    }
}
