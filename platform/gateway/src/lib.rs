//! dmp-gateway
