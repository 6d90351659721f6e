//! What surrounds a service: PKI, tokens, facts and the trust directory the operator would write.

use std::collections::BTreeMap;
use std::path::Path;

use dmp_core::token::PublicKey;
use dmp_core::trust::{Keys, TrustBundle};
use tempfile::TempDir;

use crate::{DOMAIN, Pki, Signer, Tokens};

pub struct TestPlatform {
    pub pki: Pki,
    pub tokens: Tokens,
    /// Signs the facts stream.
    pub facts: Signer,
    trust: TempDir,
}

impl Default for TestPlatform {
    fn default() -> Self {
        Self::new()
    }
}

impl TestPlatform {
    /// Domain [`DOMAIN`], its own root, and a trust directory without log keys.
    pub fn new() -> Self {
        let platform = Self {
            pki: Pki::new(DOMAIN),
            tokens: Tokens {
                // Not a name that OpenBao gives to a version of its key.
                signer: Signer::new("token-v0"),
                issuer: format!("https://gateway.{DOMAIN}"),
            },
            facts: Signer::new("facts-v1"),
            trust: tempfile::tempdir().expect("a temporary folder"),
        };
        platform.write_trust(BTreeMap::new());
        platform
    }

    /// `keys.json`, `ca.crt` and `solutions-ca.crt`, with the public keys of these logs (by origin).
    pub fn write_trust(&self, logs: BTreeMap<String, PublicKey>) {
        self.write_trust_with(logs, Vec::new());
    }

    /// The same, and tokens signed by these keys are believed too.
    pub fn write_trust_with(&self, logs: BTreeMap<String, PublicKey>, token: Vec<PublicKey>) {
        let keys = Keys {
            token: [vec![self.tokens.signer.public_key()], token].concat(),
            facts: vec![self.facts.public_key()],
            logs,
            sandbox: Vec::new(),
        };
        let keys = serde_json::to_string(&keys).expect("keys are JSON");
        for (name, text) in [
            ("keys.json", keys),
            ("ca.crt", self.pki.root_pem()),
            ("solutions-ca.crt", self.pki.solutions_ca_pem()),
        ] {
            std::fs::write(self.trust.path().join(name), text).expect("a file of the trust directory");
        }
    }

    /// Invented people whose log-ins these keys sign are believed too. Written over by [`Self::write_trust`].
    ///
    /// # Panics
    /// When the trust directory cannot be read or written.
    pub fn believe_log_ins_of(&self, sandbox: &[PublicKey]) {
        let path = self.trust.path().join("keys.json");
        let text = std::fs::read(&path).expect("keys.json");
        let mut keys: Keys = serde_json::from_slice(&text).expect("keys are JSON");
        keys.sandbox = sandbox.to_vec();
        let text = serde_json::to_string(&keys).expect("keys are JSON");
        std::fs::write(path, text).expect("a file of the trust directory");
    }

    pub fn trust_dir(&self) -> &Path {
        self.trust.path()
    }

    pub fn trust(&self) -> TrustBundle {
        TrustBundle::load(self.trust_dir(), &self.tokens.issuer).expect("the trust directory")
    }
}
