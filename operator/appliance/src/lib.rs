//! dmp-appliance
