//! What a command can fail with: what is missing, what to do, a stable code.

use std::error::Error;

/// Printed once, at the edge.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CliError {
    /// Stable, kebab case.
    pub code: &'static str,
    /// What is missing or went wrong. No secret, no patient's data.
    pub message: String,
    /// What to do; empty only where the message of an appliance's error says it.
    pub remedy: String,
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

pub type Result<T> = std::result::Result<T, CliError>;

impl CliError {
    pub fn new(code: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            remedy: remedy.into(),
            source: None,
        }
    }

    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// An answer of the Kubernetes API that was not expected.
    pub fn kubernetes(what: impl std::fmt::Display, source: kube::Error) -> Self {
        let (code, remedy) = match &source {
            kube::Error::Api(status) if status.code == 403 => (
                "kubernetes-forbidden",
                "use a kubeconfig whose user may do this (installation needs cluster-admin)",
            ),
            kube::Error::Api(status) if status.code == 422 || status.code == 400 => (
                "kubernetes-refused",
                "correct what the message names and apply again",
            ),
            kube::Error::Api(_) => (
                "kubernetes-api",
                "look at the message; the command can be run again",
            ),
            _ => (
                "kubernetes-unreachable",
                "check that the cluster runs (on this machine: `dmpctl appliance up`) and that KUBECONFIG points to it",
            ),
        };
        let error = Self::new(code, format!("{what} failed"), remedy);
        match source {
            // Its `Display` is the whole Status twice; its message is what the server says.
            kube::Error::Api(status) => error.because(status.message.clone()),
            source => error.because(source),
        }
    }

    /// An error of the appliance: where it has no remedy its message says what to do.
    pub fn appliance(source: dmp_appliance::Error) -> Self {
        let (code, message) = (source.code(), source.to_string());
        let remedy = source.remedy().unwrap_or_default();
        Self::new(code, message, remedy).because(source)
    }

    /// A file of the person who runs the command.
    pub fn file(path: &std::path::Path, source: std::io::Error) -> Self {
        Self::new(
            "file",
            format!("`{}` cannot be read or written", path.display()),
            "check the path, its owner and the space left",
        )
        .because(source)
    }

    /// Message, causes, remedy and code, for standard error.
    pub fn for_people(&self) -> String {
        let mut text = format!("error: {}", self.message);
        let mut cause: Option<&(dyn Error + 'static)> = self.source.as_deref().map(|e| e as _);
        let mut last = self.message.clone();
        while let Some(error) = cause {
            let line = error.to_string();
            // Some libraries repeat their source in their own text.
            if !last.contains(&line) {
                text.push_str(&format!("\n  because: {line}"));
                last = line;
            }
            cause = error.source();
        }
        if !self.remedy.is_empty() {
            text.push_str(&format!("\n  what to do: {}", self.remedy));
        }
        text.push_str(&format!("\n  code: {}", self.code));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_why_what_to_do_and_its_code_once() {
        let inner = std::io::Error::other("disk full");
        let text = CliError::new("x-y", "no room", "free some space")
            .because(inner)
            .for_people();
        assert_eq!(
            text,
            "error: no room\n  because: disk full\n  what to do: free some space\n  code: x-y"
        );
    }
}
