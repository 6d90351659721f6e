//! A QR code (ISO/IEC 18004), for a terminal and for print.

use qrcode::render::{svg, unicode};
use qrcode::{EcLevel, QrCode};

use crate::error::{CliError, Result};

/// # Errors
/// `not-a-label` when the text does not fit.
pub fn of(text: &str) -> Result<QrCode> {
    QrCode::with_error_correction_level(text, EcLevel::M).map_err(|error| {
        CliError::new(
            "not-a-label",
            "the address in the label does not fit into a QR code",
            "give the text of `dmpctl catalogue show ID --label`",
        )
        .because(error)
    })
}

/// Light on dark, as terminals are.
pub fn terminal(code: &QrCode) -> String {
    code.render::<unicode::Dense1x2>()
        .dark_color(unicode::Dense1x2::Light)
        .light_color(unicode::Dense1x2::Dark)
        .build()
}

/// A square without a size of its own limits: it scales.
pub fn svg(code: &QrCode) -> String {
    code.render::<svg::Color<'_>>().min_dimensions(240, 240).build()
}
