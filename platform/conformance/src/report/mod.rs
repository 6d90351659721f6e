//! What a bundle tells: to a machine ([`junit`]), to a developer ([`html`]); and the requirements as pages ([`requirements`]).

pub mod html;
pub mod junit;
pub mod requirements;
mod shorten;
