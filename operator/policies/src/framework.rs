//! A law or norm: the identifiers that the catalogue points to, each with the controls that serve it.

use serde::Deserialize;

/// Families of controls in the order of the catalogue: code, name in French and in English.
pub const FAMILIES: [(&str, &str, &str); 10] = [
    ("RES", "Résidence et souveraineté", "Residency and sovereignty"),
    ("CRY", "Cryptographie et clés", "Cryptography and keys"),
    ("IAM", "Identités et accès", "Identity and access"),
    (
        "PRI",
        "Vie privée et droits des patients",
        "Privacy and patient rights",
    ),
    ("LOG", "Journaux et détection", "Logs and detection"),
    ("NET", "Réseau", "Network"),
    (
        "WRK",
        "Charges et chaîne logicielle",
        "Workloads and supply chain",
    ),
    ("BCK", "Sauvegarde et continuité", "Backup and continuity"),
    ("INC", "Incidents", "Incidents"),
    ("GOV", "Gouvernance", "Governance"),
];

/// Keys of the frameworks in the order in which they are shown.
pub(crate) const ORDER: [&str; 7] = [
    "iso27001_2022",
    "hds_v2",
    "dnssi_2023",
    "loi_05_20",
    "loi_09_08",
    "c_ma_3_17_25",
    "other",
];

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Framework {
    /// Its name in mappings, and of its file.
    pub key: String,
    /// Its name on the command line.
    pub option: String,
    pub name: String,
    /// What the list is, and what it is not.
    pub about: String,
    pub identifiers: Vec<Identifier>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identifier {
    /// As the text numbers it.
    pub id: String,
    /// What it is about, in our own words.
    #[serde(default)]
    pub title: Option<String>,
    /// The controls that serve it.
    pub controls: Vec<String>,
}

impl Framework {
    pub fn identifier(&self, id: &str) -> Option<&Identifier> {
        self.identifiers.iter().find(|one| one.id == id)
    }
}
