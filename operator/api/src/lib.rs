//! dmp-api
