//! Identifier and Coding: a value within a system.

/// FHIR Identifier. No `Debug`: it may be a person's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Identifier<'a> {
    pub system: Option<&'a str>,
    pub value: &'a str,
}

impl<'a> Identifier<'a> {
    /// The value, when the identifier is of this system.
    pub fn of(&self, system: &str) -> Option<&'a str> {
        (self.system == Some(system)).then_some(self.value)
    }
}

/// FHIR Coding, as far as it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coding<'a> {
    pub system: Option<&'a str>,
    pub code: &'a str,
}

impl<'a> Coding<'a> {
    /// The code, when the coding is of this system.
    pub fn of(&self, system: &str) -> Option<&'a str> {
        (self.system == Some(system)).then_some(self.code)
    }
}
