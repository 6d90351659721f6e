//! dmp-operator
