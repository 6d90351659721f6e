//! dmp-consent
