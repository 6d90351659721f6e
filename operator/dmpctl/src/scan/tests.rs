#![allow(clippy::unwrap_used)]

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::*;

const NAME: &str = "Ouazzani-Tahiri Ghizlane";
const ARABIC: &str = "غزلان الوزاني";

fn scanner() -> Scanner {
    Scanner::new(vec![
        Needle::new("name", NAME),
        Needle::new("arabic name", ARABIC),
    ])
    .unwrap()
}

fn found(bytes: &[u8]) -> Vec<(String, Encoding)> {
    scanner()
        .bytes("x", bytes)
        .hits
        .into_iter()
        .map(|hit| (hit.needle, hit.encoding))
        .collect()
}

fn around(middle: &[u8]) -> Vec<u8> {
    [b"\x00\x01noise ".as_slice(), middle, b" more noise \xff"].concat()
}

#[test]
fn nothing_is_found_in_nothing() {
    assert!(found(&around(b"Ouazzani Tahiri")).is_empty());
    let random: Vec<u8> = (0..1_000_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    assert!(found(&random).is_empty());
}

#[test]
fn utf8_in_any_letter_case() {
    assert_eq!(
        found(&around(NAME.as_bytes())),
        [("name".to_owned(), Encoding::Utf8)]
    );
    assert_eq!(
        found(&around(NAME.to_uppercase().as_bytes())),
        [("name".to_owned(), Encoding::Utf8)]
    );
    assert_eq!(
        found(&around(ARABIC.as_bytes())),
        [("arabic name".to_owned(), Encoding::Utf8)]
    );
}

#[test]
fn utf16_in_both_byte_orders() {
    for (text, label) in [(NAME, "name"), (ARABIC, "arabic name")] {
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        // In ASCII text the two are one byte apart; behind other text only one of them is there.
        assert!(found(&around(&little)).contains(&(label.to_owned(), Encoding::Utf16Le)));
        assert!(found(&around(&big)).contains(&(label.to_owned(), Encoding::Utf16Be)));
    }
}

#[test]
fn hex_in_both_cases() {
    for text in [hex::encode(NAME), hex::encode_upper(NAME)] {
        assert_eq!(
            found(&around(text.as_bytes())),
            [("name".to_owned(), Encoding::Hex)]
        );
    }
}

#[test]
fn base64_at_every_offset_in_both_alphabets() {
    for text in [NAME, ARABIC, "a?>b~~name§§??>>"] {
        let scanner = Scanner::new(vec![Needle::new("n", text)]).unwrap();
        for before in ["", "x", "xy", "xyz", "xyzz"] {
            for after in ["", "1", "12", "123"] {
                let whole = format!("{before}{text}{after}");
                for encoded in [STANDARD.encode(&whole), URL_SAFE.encode(&whole)] {
                    assert!(
                        !scanner.bytes("x", encoded.as_bytes()).hits.is_empty(),
                        "{encoded}"
                    );
                }
            }
        }
    }
}

#[test]
fn json_escapes_and_percent_encoding() {
    let escaped: String = ARABIC
        .chars()
        .map(|c| {
            if c.is_ascii() {
                c.to_string()
            } else {
                format!("\\u{:04X}", u32::from(c))
            }
        })
        .collect();
    assert_eq!(
        found(&around(escaped.as_bytes())),
        [("arabic name".to_owned(), Encoding::JsonEscape)]
    );
    assert_eq!(
        found(&around(b"?family=ouazzani-tahiri%20ghizlane")),
        [("name".to_owned(), Encoding::Percent)]
    );
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn inside_compressed_streams() {
    let text = format!("{} {NAME} {}", "filler ".repeat(50), "filler ".repeat(50));
    let zlib = {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let lz4 = {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let zstd =
        ruzstd::encoding::compress_to_vec(text.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
    for (kind, packed) in [
        ("gzip", gzip(text.as_bytes())),
        ("zlib", zlib),
        ("lz4", lz4),
        ("zstd", zstd),
    ] {
        let report = scanner().bytes("file", &around(&packed));
        let hit = report.hits.iter().find(|hit| hit.inside == [kind]);
        assert!(hit.is_some(), "{kind}: {:?}", report.hits);
        assert_eq!(report.opened.get(kind), Some(&1), "{kind}");
    }
}

#[test]
fn inside_a_stream_in_a_stream_and_in_one_that_breaks_off() {
    let once = gzip(format!("{NAME} {}", "tail ".repeat(2000)).as_bytes());
    let twice = gzip(&once);
    let report = scanner().bytes("file", &twice);
    assert!(
        report.hits.iter().any(|hit| hit.inside == ["gzip", "gzip"]),
        "{:?}",
        report.hits
    );
    let cut = &once[..once.len() - 8];
    assert!(!scanner().bytes("file", cut).hits.is_empty());
}

#[test]
fn across_the_borders_of_windows() {
    for shift in 0..NAME.len() {
        let mut bytes = vec![b'.'; WINDOW - shift];
        bytes.extend_from_slice(NAME.as_bytes());
        bytes.extend_from_slice(&[b'.'; 100]);
        let report = scanner().reader("x", bytes.as_slice()).unwrap();
        assert_eq!(report.hits.len(), 1, "{shift}");
        assert_eq!(report.hits[0].offset, (WINDOW - shift) as u64);
        assert_eq!(report.bytes, bytes.len() as u64);
    }
}

#[test]
fn a_tree_is_searched_and_links_are_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("out"), NAME).unwrap();
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("a/b")).unwrap();
    std::fs::write(root.path().join("a/b/file"), around(NAME.as_bytes())).unwrap();
    std::fs::write(root.path().join("clean"), "nothing").unwrap();
    std::os::unix::fs::symlink(outside.path(), root.path().join("link")).unwrap();
    let report = tree::scan(&scanner(), root.path());
    assert_eq!(report.places, 2);
    assert_eq!(report.hits.len(), 1);
    assert!(report.hits[0].place.ends_with("a/b/file"));
    assert!(report.unread.is_empty());
    assert_eq!(
        tree::scan(&scanner(), &root.path().join("missing")).unread.len(),
        1
    );
}

#[test]
fn a_compressed_file_longer_than_a_window_is_read_to_its_end() {
    // Hardly compressible, so that the needle lies beyond the first window of the file.
    let mut state = 1u64;
    let mut content: Vec<u8> = (0..WINDOW + 500_000)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect();
    content.extend_from_slice(NAME.as_bytes());
    content.extend_from_slice(&[b'.'; 1000]);
    let file = io::Cursor::new(gzip(&content));
    let report = scanner().file("wal.gz", file).unwrap();
    assert!(
        report.hits.iter().any(|hit| hit.inside.first() == Some(&"gzip")),
        "{:?}",
        report.hits
    );
}

#[test]
fn a_needle_that_is_too_short_is_refused() {
    let error = Scanner::new(vec![Needle::new("cin", "AB123")]).err();
    assert_eq!(error, Some(NeedleError::TooShort("cin".to_owned())));
}
