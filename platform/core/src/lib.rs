//! What every service of the platform shares: ids, errors, configuration, TLS identity, telemetry, service runtime.

pub mod ids;
pub mod token;
