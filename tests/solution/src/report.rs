//! What is said to people at the end: never a name, a document or a token.

use serde::Serialize;

use crate::error::Refusal;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    outcome: Outcome,
    /// For a person, in French.
    message: String,
    /// How many patients were found or documents read.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
    /// What the platform did not do.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Refused>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Done,
    Refused,
}

#[derive(Debug, Serialize)]
struct Refused {
    transaction: &'static str,
    status: u16,
    code: String,
}

impl Report {
    pub fn done(message: &str) -> Self {
        Self {
            outcome: Outcome::Done,
            message: message.to_owned(),
            count: None,
            refused: None,
        }
    }

    pub fn refused(refusal: &Refusal) -> Self {
        let message = match refusal.status {
            401 => "La plateforme n’accepte pas la session : se connecter de nouveau.",
            403 => "La plateforme refuse l’accès. Il n’y a pas d’autre voie.",
            409 => "La plateforme a déjà autre chose sous ce numéro : vérifier avant de renvoyer.",
            412 => "L’état a changé entre-temps : relire avant de renvoyer.",
            _ => "La plateforme n’accepte pas la demande : corriger ce que dit le code.",
        };
        Self {
            outcome: Outcome::Refused,
            refused: Some(Refused {
                transaction: refusal.operation.transaction(),
                status: refusal.status,
                code: refusal.code.clone(),
            }),
            ..Self::done(message)
        }
    }

    #[must_use]
    pub fn counting(mut self, count: usize) -> Self {
        self.count = Some(count);
        self
    }
}
