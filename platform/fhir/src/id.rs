//! FHIR `id`: 1 to 64 letters, digits, `-` and `.` (R4, data types).

/// Whether the text matches `[A-Za-z0-9\-\.]{1,64}`.
pub fn is_valid(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}
