//! What people see of the demonstration: numbered steps, what was tried, what was answered, ✔ or ✘.

use std::sync::{Mutex, PoisonError};

/// Prints the narrative to standard output and remembers what went wrong.
pub struct Story {
    failures: Mutex<Vec<String>>,
    silent: bool,
}

impl Story {
    pub const fn new() -> Self {
        Self {
            failures: Mutex::new(Vec::new()),
            silent: false,
        }
    }

    /// Says nothing: for tests that look at the failures only.
    pub const fn silent() -> Self {
        Self {
            failures: Mutex::new(Vec::new()),
            silent: true,
        }
    }

    /// A numbered step.
    pub fn step(&self, number: u8, title: &str) {
        self.say(&format!("\n{number}. {title}"));
    }

    /// A line that is no check.
    pub fn note(&self, text: &str) {
        self.say(&format!("     {text}"));
    }

    /// What was tried, what was answered, and whether that is as it must be.
    pub fn check(&self, tried: &str, answered: &str, right: bool) -> bool {
        self.say(&format!(
            "   {} {tried} → {answered}",
            if right { '✔' } else { '✘' }
        ));
        if !right {
            self.failures
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(format!("{tried} → {answered}"));
        }
        right
    }

    /// Every check that failed.
    pub fn failures(&self) -> Vec<String> {
        self.failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn say(&self, line: &str) {
        if !self.silent {
            println!("{line}");
        }
    }
}

impl Default for Story {
    fn default() -> Self {
        Self::new()
    }
}
