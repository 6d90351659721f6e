//! Compressed streams inside bytes: found by their first bytes, opened as far as they go, two deep.
//!
//! A stream that breaks off or turns out not to be one gives what could be decompressed before; what cannot be
//! opened is scanned as plain bytes by the caller anyway.

use std::io::Read;

use aho_corasick::AhoCorasick;

use super::NeedleError;

/// Most bytes taken out of one stream.
const MOST: u64 = 64 * 1024 * 1024;
/// Compression inside compression.
const DEPTH: usize = 2;
/// A match by chance usually ends before this.
const LEAST: usize = 16;

/// Called with offset, kinds (outermost first) and content of a stream.
pub(super) type Found<'a> = &'a mut dyn FnMut(usize, &[&'static str], &[u8]);

/// Finds where streams begin.
pub(super) struct Opener {
    magics: AhoCorasick,
}

/// First bytes of each kind. zlib (RFC 1950): deflate with a 32 KiB window at its four levels.
const MAGICS: [(&[u8], &str); 7] = [
    (&[0x1f, 0x8b, 0x08], "gzip"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
    (&[0x04, 0x22, 0x4d, 0x18], "lz4"),
    (&[0x78, 0x01], "zlib"),
    (&[0x78, 0x5e], "zlib"),
    (&[0x78, 0x9c], "zlib"),
    (&[0x78, 0xda], "zlib"),
];

impl Opener {
    pub(super) fn new() -> Result<Self, NeedleError> {
        let magics = AhoCorasick::new(MAGICS.map(|(magic, _)| magic)).map_err(|_| NeedleError::TooMany)?;
        Ok(Self { magics })
    }

    /// Calls `found` with offset, kinds (outermost first) and content of each stream whose first bytes end in
    /// `bytes` after the first `seen`.
    pub(super) fn open(&self, bytes: &[u8], seen: usize, found: Found<'_>) {
        self.inside(bytes, seen, &[], found);
    }

    fn inside(&self, bytes: &[u8], seen: usize, kinds: &[&'static str], found: Found<'_>) {
        for magic in self.magics.find_overlapping_iter(bytes) {
            let start = magic.start();
            let (Some(rest), Some((_, kind))) = (bytes.get(start..), MAGICS.get(magic.pattern().as_usize()))
            else {
                continue;
            };
            if magic.end() <= seen {
                continue;
            }
            let content = decompress(kind, rest);
            if content.len() < LEAST {
                continue;
            }
            let mut kinds = kinds.to_vec();
            kinds.push(kind);
            found(start, &kinds, &content);
            if kinds.len() < DEPTH {
                self.inside(&content, 0, &kinds, &mut |_, kinds, content| {
                    found(start, kinds, content)
                });
            }
        }
    }
}

/// The whole content of a stream that begins with its magic number, however long; `None` for anything else.
///
/// It ends where the stream breaks off: what comes after that is not of it.
pub(super) fn whole<'r>(first: &[u8], stream: impl Read + 'r) -> Option<(&'static str, Box<dyn Read + 'r>)> {
    // Two bytes of zlib are too common as the beginning of a file.
    let (_, kind) = MAGICS
        .iter()
        .find(|(magic, kind)| *kind != "zlib" && first.starts_with(magic))?;
    let content: Box<dyn Read + 'r> = match *kind {
        "gzip" => Box::new(flate2::read::MultiGzDecoder::new(stream)),
        "lz4" => Box::new(lz4_flex::frame::FrameDecoder::new(stream)),
        _ => Box::new(ruzstd::decoding::StreamingDecoder::new(stream).ok()?),
    };
    Some((kind, Box::new(UntilError(content))))
}

struct UntilError<R>(R);

impl<R: Read> Read for UntilError<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Err(error),
            other => Ok(other.unwrap_or(0)),
        }
    }
}

fn decompress(kind: &str, bytes: &[u8]) -> Vec<u8> {
    match kind {
        "gzip" => drain(flate2::read::GzDecoder::new(bytes)),
        "zlib" => drain(flate2::read::ZlibDecoder::new(bytes)),
        "lz4" => drain(lz4_flex::frame::FrameDecoder::new(bytes)),
        "zstd" => ruzstd::decoding::StreamingDecoder::new(bytes)
            .map(drain)
            .unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// All that comes out before the end, an error or the limit.
fn drain(stream: impl Read) -> Vec<u8> {
    let mut content = Vec::new();
    let mut stream = stream.take(MOST);
    let mut part = vec![0u8; 64 * 1024];
    while let Ok(read) = stream.read(&mut part) {
        let Some(new) = part.get(..read).filter(|new| !new.is_empty()) else {
            break;
        };
        content.extend_from_slice(new);
    }
    content
}
