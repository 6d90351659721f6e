//! The end-to-end suite is in `tests/suite`; it has no library of its own.
