//! The first message of old versions of TLS, byte by byte, and what the answer to it says. Pure.
//!
//! rustls speaks 1.2 and 1.3 alone. To learn whether a server would speak 1.0, 1.1 or 1.2 no more is needed than its
//! ServerHello: shapes of RFC 2246, RFC 4346 and RFC 5246, section 7.4.1, in a record of section 6.2.1. The handshake is
//! never completed. Cipher suites are as many as servers of those years have; which one is taken does not matter here.

use dmp_api::tls_probe::Version;

/// Bytes of an answer up to the version of a ServerHello: record header (5), type and length (4), version (2).
pub const ENOUGH: usize = 11;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
/// Oldest version of the record layer, in the first record of every client.
const RECORD: [u8; 2] = [3, 1];

/// ECDHE, DHE and RSA; AES and 3DES, GCM, SHA-256 and SHA-1 (IANA's numbers).
const SUITES: [u16; 22] = [
    0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc023, 0xc027, 0xc009, 0xc013, 0xc00a, 0xc014, 0x009e,
    0x009f, 0x0033, 0x0039, 0x009c, 0x009d, 0x002f, 0x0035, 0xc012, 0x000a,
];
/// x25519, P-256, P-384, P-521.
const GROUPS: [u16; 4] = [0x001d, 0x0017, 0x0018, 0x0019];
/// ECDSA, RSA-PSS and RSA with SHA-2; RSA and ECDSA with SHA-1. Of 1.2 only.
const SIGNATURES: [u16; 11] = [
    0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0201, 0x0203,
];

/// On the wire; `None` of 1.3, which is not asked for this way.
const fn number(version: Version) -> Option<[u8; 2]> {
    match version {
        Version::V1_0 => Some([3, 1]),
        Version::V1_1 => Some([3, 2]),
        Version::V1_2 => Some([3, 3]),
        Version::V1_3 => None,
    }
}

/// A record with a ClientHello for that version at most, to the server `name` (ASCII, up to 255 bytes). `None` of 1.3.
pub fn client_hello(version: Version, name: &str, random: &[u8; 32]) -> Option<Vec<u8>> {
    let number = number(version)?;
    let mut extensions = Vec::new();
    // RFC 6066, section 3: a list of one host name.
    let host = [&[0][..], &sized(name.as_bytes())].concat();
    extend(&mut extensions, 0, &sized(&host));
    // RFC 8422, sections 5.1.1 and 5.1.2: curves, and points that are not compressed.
    extend(&mut extensions, 10, &sized(&words(&GROUPS)));
    extend(&mut extensions, 11, &[1, 0]);
    if matches!(version, Version::V1_2) {
        extend(&mut extensions, 13, &sized(&words(&SIGNATURES)));
    }
    // RFC 5746: first handshake of the connection.
    extend(&mut extensions, 0xff01, &[0]);

    let mut body = Vec::from(number);
    body.extend(random);
    // No session; no compression.
    body.push(0);
    body.extend(sized(&words(&SUITES)));
    body.extend([1, 0]);
    body.extend(sized(&extensions));

    let mut message = vec![CLIENT_HELLO, 0];
    message.extend(sized(&body));
    let mut record = vec![HANDSHAKE];
    record.extend(RECORD);
    record.extend(sized(&message));
    Some(record)
}

/// Whether the answer begins with a ServerHello of that very version. An alert, a lower version, anything else: no.
pub fn is_offered(version: Version, answer: &[u8]) -> bool {
    let Some(number) = number(version) else {
        return false;
    };
    answer.len() >= ENOUGH
        && answer[0] == HANDSHAKE
        && answer[5] == SERVER_HELLO
        && answer[9..ENOUGH] == number
}

fn words(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// With its length in two bytes before it. Everything here is far shorter than that can say.
fn sized(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], bytes].concat()
}

fn extend(extensions: &mut Vec<u8>, kind: u16, body: &[u8]) {
    extensions.extend(kind.to_be_bytes());
    extensions.extend(sized(body));
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "records.dmp-a.svc";

    fn number_at(bytes: &[u8], at: usize) -> usize {
        usize::from(bytes[at]) * 256 + usize::from(bytes[at + 1])
    }

    #[test]
    fn a_hello_has_its_lengths_its_version_and_its_name() {
        for (version, number) in [
            (Version::V1_0, [3, 1]),
            (Version::V1_1, [3, 2]),
            (Version::V1_2, [3, 3]),
        ] {
            let hello = client_hello(version, NAME, &[7; 32]).unwrap();
            assert_eq!(hello[..3], [22, 3, 1]);
            assert_eq!(number_at(&hello, 3), hello.len() - 5);
            assert_eq!(hello[5..7], [1, 0]);
            assert_eq!(number_at(&hello, 7), hello.len() - 9);
            assert_eq!(hello[9..11], number);
            assert_eq!(hello[11..43], [7; 32]);
            assert_eq!(hello[43], 0);
            assert_eq!(number_at(&hello, 44), SUITES.len() * 2);
            let after = 46 + SUITES.len() * 2;
            assert_eq!(hello[after..after + 2], [1, 0]);
            assert_eq!(number_at(&hello, after + 2), hello.len() - after - 4);
            // server_name: extension, list, host_name, name.
            let name = &hello[after + 4..after + 13 + NAME.len()];
            let long = u8::try_from(NAME.len()).unwrap();
            assert_eq!(name[..9], [0, 0, 0, long + 5, 0, long + 3, 0, 0, long]);
            assert_eq!(&name[9..], NAME.as_bytes());
        }
        assert_eq!(client_hello(Version::V1_3, NAME, &[7; 32]), None);
    }

    #[test]
    fn only_version_1_2_says_which_signatures() {
        let long = |version| client_hello(version, NAME, &[7; 32]).unwrap().len();
        assert_eq!(long(Version::V1_0), long(Version::V1_1));
        assert_eq!(
            long(Version::V1_2),
            long(Version::V1_1) + 6 + SIGNATURES.len() * 2
        );
    }

    #[test]
    fn an_answer_counts_for_the_version_that_it_names() {
        let hello = |number: [u8; 2]| [22, 3, 3, 0, 80, 2, 0, 0, 76, number[0], number[1], 9];
        assert!(is_offered(Version::V1_0, &hello([3, 1])));
        assert!(is_offered(Version::V1_1, &hello([3, 2])));
        assert!(is_offered(Version::V1_2, &hello([3, 3])));
        // It would rather speak an older one.
        assert!(!is_offered(Version::V1_2, &hello([3, 1])));
        assert!(!is_offered(Version::V1_3, &hello([3, 4])));
    }

    #[test]
    fn everything_else_is_no_offer() {
        // protocol_version(70), handshake_failure(40).
        for alert in [[21, 3, 1, 0, 2, 2, 70], [21, 3, 3, 0, 2, 2, 40]] {
            assert!(!is_offered(Version::V1_1, &alert));
        }
        let cut = [22, 3, 2, 0, 80, 2, 0, 0, 76, 3];
        let longer_alert = [21, 3, 2, 0, 80, 2, 0, 0, 76, 3, 2];
        let another_message = [22, 3, 2, 0, 80, 11, 0, 0, 76, 3, 2];
        for answer in [
            &cut[..],
            &longer_alert,
            &another_message,
            b"HTTP/1.1 400 Bad Request",
            b"",
        ] {
            assert!(!is_offered(Version::V1_1, answer), "{answer:?}");
        }
    }
}
