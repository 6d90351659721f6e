//! What a bundle tells: to a machine ([`junit`]) and to a developer ([`html`]).

pub mod html;
pub mod junit;
mod shorten;
