//! The platform's tokens from a local key: good ones, and every kind of bad one.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use dmp_core::ids::PatientId;
use dmp_core::peer::Peer;
use dmp_core::token::{AUDIENCE, Claims, Confirmation, Person, PublicKey, TYPE};
use jsonwebtoken::{Algorithm, EncodingKey, Header};

/// A local Ed25519 key with its id, as one of `keys.json`.
pub struct Signer {
    kid: String,
    pkcs8: Vec<u8>,
    pair: Ed25519KeyPair,
}

impl Signer {
    pub fn new(kid: &str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new())
            .expect("a key")
            .as_ref()
            .to_vec();
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).expect("the key just made");
        Self {
            kid: kid.to_owned(),
            pkcs8,
            pair,
        }
    }

    pub fn kid(&self) -> &str {
        &self.kid
    }

    pub fn public_key(&self) -> PublicKey {
        PublicKey {
            kid: self.kid.clone(),
            x: URL_SAFE_NO_PAD.encode(self.pair.public_key()),
        }
    }

    /// Ed25519 signature, base64.
    pub fn sign(&self, message: &[u8]) -> String {
        STANDARD.encode(self.pair.sign(message))
    }

    fn jwt(&self, claims: &Claims) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_der(&self.pkcs8)).expect("a token")
    }
}

/// The gateway's token service, as other services see it.
pub struct Tokens {
    pub signer: Signer,
    pub issuer: String,
}

impl Tokens {
    /// Claims good for 300 s, bound to `certificate`, of a hospital's software in group `a`. Change what the test needs.
    pub fn claims(&self, certificate: &Peer, person: Person) -> Claims {
        let now = jiff::Timestamp::now().as_second();
        let purpose = match person {
            Person::Patient { .. } => "PATRQT",
            _ => "TREAT",
        };
        Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            iat: now,
            exp: now + 300,
            jti: uuid::Uuid::new_v4().to_string(),
            cnf: Confirmation {
                x5t_s256: certificate.thumbprint(),
            },
            solution: "vendor-test/hospital".to_owned(),
            version: "1.0".to_owned(),
            credential: "vendor-test/hospital-tanger".to_owned(),
            establishment: Some("000000001".to_owned()),
            group: Some("a".to_owned()),
            person,
            display: None,
            purpose: purpose.to_owned(),
            realm: None,
        }
    }

    /// A good token of a professional.
    pub fn professional(&self, certificate: &Peer, inpe: &str, profession: &str) -> String {
        let person = Person::Professional {
            inpe: inpe.to_owned(),
            profession: profession.to_owned(),
        };
        self.mint(&self.claims(certificate, person))
    }

    /// A good token of a patient.
    pub fn patient(&self, certificate: &Peer, id: PatientId) -> String {
        self.mint(&self.claims(certificate, Person::Patient { id }))
    }

    /// Signs the claims as they are, good or not.
    pub fn mint(&self, claims: &Claims) -> String {
        self.signer.jwt(claims)
    }

    /// The right header and claims, and no signature.
    pub fn unsigned(&self, claims: &Claims) -> String {
        let token = self.mint(claims);
        let end = token.rfind('.').map_or(token.len(), |dot| dot + 1);
        token.get(..end).unwrap_or_default().to_owned()
    }

    /// `alg: none` (RFC 7519 §6).
    pub fn alg_none(&self, claims: &Claims) -> String {
        let header = format!(r#"{{"alg":"none","typ":"{TYPE}","kid":"{}"}}"#, self.signer.kid);
        let claims = serde_json::to_vec(claims).expect("claims are JSON");
        format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        )
    }

    /// Signed by a stranger under the platform's key id.
    pub fn forged(&self, claims: &Claims) -> String {
        Signer::new(&self.signer.kid).jwt(claims)
    }

    /// Expired ten minutes ago.
    pub fn expired(&self, claims: &Claims) -> String {
        let mut claims = claims.clone();
        claims.iat -= 900;
        claims.exp = claims.iat + 300;
        self.mint(&claims)
    }

    /// For somebody else.
    pub fn wrong_audience(&self, claims: &Claims) -> String {
        let mut claims = claims.clone();
        claims.aud = "other".to_owned();
        self.mint(&claims)
    }

    /// Every kind of bad token with its name.
    pub fn bad(&self, claims: &Claims) -> Vec<(&'static str, String)> {
        let mut long = claims.clone();
        long.exp = long.iat + 3600;
        let mut other_issuer = claims.clone();
        other_issuer.iss = "https://gateway.example".to_owned();
        vec![
            ("unsigned", self.unsigned(claims)),
            ("alg none", self.alg_none(claims)),
            ("forged", self.forged(claims)),
            ("expired", self.expired(claims)),
            ("wrong audience", self.wrong_audience(claims)),
            ("another issuer", self.mint(&other_issuer)),
            ("too long", self.mint(&long)),
            ("no token at all", "not.a.token".to_owned()),
        ]
    }
}
