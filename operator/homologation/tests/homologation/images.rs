//! Which images may run: whose word counts, which papers belong to it, which release is in force.

use dmp_api::ImageRelease;
use dmp_api::body::{Body, Role};
use dmp_homologation::canonical::digest;
use dmp_homologation::images::{Admitted, MOST_IMAGES, counted, key, reference, well_formed};
use dmp_homologation::statement::{ImageList, SignedImage};
use dmp_homologation::{Bodies, carrier};
use dmp_testkit::bodies::{Authority, Member};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::world::{body, signed, typed};

const SBOM: &str =
    r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"tls"}]}"#;

/// Digest of the image with this letter.
fn content(letter: &str) -> String {
    format!("sha256:{}", letter.repeat(64))
}

fn provenance(letter: &str) -> String {
    json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1",
        "subject": [{ "name": "dmp", "digest": { "sha256": letter.repeat(64) } }],
        "predicate": { "runDetails": { "builder": { "id": "https://dmp.ma/build" } } },
    })
    .to_string()
}

fn image(letter: &str) -> SignedImage {
    SignedImage {
        name: "registry.ma/sante/dmp".to_owned(),
        digest: content(letter),
        sbom_sha256: digest(SBOM.as_bytes()),
        provenance_sha256: digest(provenance(letter).as_bytes()),
    }
}

fn papers(letter: &str) -> Value {
    json!({ "digest": content(letter), "sbom": SBOM, "provenance": provenance(letter) })
}

struct Case {
    interop: Authority,
    security: Authority,
    now: Timestamp,
    objects: Vec<ImageRelease>,
}

impl Case {
    fn new() -> Self {
        Self {
            interop: Authority::new("Interop", "000000000000003"),
            security: Authority::new("Securite", "000000000000004"),
            now: Timestamp::now(),
            objects: Vec::new(),
        }
    }

    fn say(
        &mut self,
        member: &Member,
        letters: &[&str],
        edit: impl FnOnce(&mut ImageList),
        papers: &Value,
    ) -> &mut Self {
        let mut list = ImageList {
            domain: "dmp.test".to_owned(),
            images: letters.iter().map(|letter| image(letter)).collect(),
            comment: "lu".to_owned(),
            // One after the other.
            signed_at: self.now + i64::try_from(self.objects.len()).unwrap().seconds(),
        };
        edit(&mut list);
        let number = self.objects.len();
        self.objects.push(typed(json!({
            "metadata": {
                "name": format!("r-{number:02}"),
                "creationTimestamp": (self.now + 1.minutes()).strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            },
            "spec": { "statement": signed(member, &list), "papers": papers },
        })));
        self
    }

    fn sign(&mut self, letters: &[&str]) {
        let all: Vec<Value> = letters.iter().map(|letter| papers(letter)).collect();
        let member = self.security.person("s1");
        self.say(&member, letters, |_| (), &json!(all));
    }

    fn bodies(&self) -> Vec<Body> {
        vec![
            body(Role::Interop, &self.interop),
            body(Role::Security, &self.security),
        ]
    }

    fn in_force(&self) -> Option<Admitted> {
        let bodies = Bodies::new(&self.bodies());
        let read = |object| (object, carrier::read(object, &bodies));
        Admitted::in_force(self.objects.iter().map(read), "dmp.test")
    }

    /// Why the last one does not count.
    fn refused(&self) -> (&'static str, String) {
        let object = self.objects.last().unwrap();
        let read = carrier::read(object, &Bodies::new(&self.bodies()));
        counted(object, read, "dmp.test").map_or_else(
            |refused| (refused.reason, refused.to_string()),
            |_| ("", String::new()),
        )
    }
}

#[test]
fn the_last_signed_release_is_the_whole_list() {
    let mut case = Case::new();
    assert_eq!(case.in_force(), None);
    case.sign(&["a", "b"]);
    case.sign(&["b", "c"]);
    let first = case.objects[0].clone();
    case.objects.push(first);
    case.objects[2].metadata.name = Some("r-99".to_owned());
    let admitted = case.in_force().unwrap();
    assert_eq!(
        admitted.release, "r-01",
        "applied again, an earlier one stays behind"
    );
    assert_eq!(admitted.name_of(&content("a")), None);
    assert_eq!(admitted.name_of(&content("c")), Some("registry.ma/sante/dmp"));
    let parameters = admitted.parameters();
    assert_eq!(parameters.len(), 2);
    assert_eq!(parameters[&"b".repeat(64)], "registry.ma/sante/dmp");
}

#[test]
fn only_the_security_entity_says_it_of_this_platform() {
    let mut case = Case::new();
    let all = json!([papers("a")]);
    let stranger = Authority::new("Autre", "000000000000009").person("x");
    assert_eq!(
        case.say(&stranger, &["a"], |_| (), &all).refused().0,
        "UnknownSigner"
    );
    let interop = case.interop.person("i1");
    assert_eq!(case.say(&interop, &["a"], |_| (), &all).refused().0, "WrongBody");
    let member = case.security.person("s1");
    let elsewhere = |list: &mut ImageList| list.domain = "dmp.autre".to_owned();
    assert_eq!(
        case.say(&member, &["a"], elsewhere, &all).refused().0,
        "OtherSubject"
    );
    assert_eq!(case.in_force(), None);
    assert_eq!(case.say(&member, &["a"], |_| (), &all).refused().0, "");
}

#[test]
fn papers_that_were_not_signed_are_none() {
    let mut case = Case::new();
    let member = case.security.person("s1");
    let with = |field: &str, value: &str| {
        let mut papers = papers("a");
        papers[field] = json!(value);
        json!([papers])
    };
    let other_sbom = SBOM.replace("tls", "other");
    for (papers, why) in [
        (json!([]), "no papers"),
        (json!([papers("b")]), "no papers"),
        (json!([papers("a"), papers("a")]), "or two"),
        (with("sbom", &other_sbom), "not the one that was signed"),
        (with("sbom", "{}"), "its SBOM"),
        (
            with("provenance", &provenance("b")),
            "not the one that was signed",
        ),
    ] {
        let (reason, text) = case.say(&member, &["a"], |_| (), &papers).refused();
        assert_eq!(reason, "InvalidRelease", "{papers}");
        assert!(text.contains(why), "{text}");
    }
    // Signed and still worth nothing.
    let about_another =
        |list: &mut ImageList| list.images[0].provenance_sha256 = digest(provenance("b").as_bytes());
    let (_, text) = case
        .say(
            &member,
            &["a"],
            about_another,
            &with("provenance", &provenance("b")),
        )
        .refused();
    assert!(text.contains("about another image"), "{text}");
    for bad in [
        "{",
        "{}",
        &provenance("a").replace("in-toto.io/Statement/v1", "in-toto.io/Statement/v0.1"),
        &provenance("a").replace("slsa.dev/provenance/v1", "example.ma/word"),
        &provenance("a").replace("https://dmp.ma/build", ""),
    ] {
        let so = |list: &mut ImageList| list.images[0].provenance_sha256 = digest(bad.as_bytes());
        let (reason, text) = case.say(&member, &["a"], so, &with("provenance", bad)).refused();
        assert_eq!(reason, "InvalidRelease", "{bad}");
        assert!(text.contains("provenance"), "{text}");
    }
    assert_eq!(case.in_force(), None);
}

#[test]
fn a_list_names_contents_and_each_once() {
    let fine = |letters: &[&str]| letters.iter().map(|letter| image(letter)).collect::<Vec<_>>();
    assert!(well_formed(&fine(&["a", "b"])).is_ok());
    let with = |edit: fn(&mut SignedImage)| {
        let mut images = fine(&["a"]);
        edit(&mut images[0]);
        images
    };
    for bad in [
        Vec::new(),
        fine(&["a", "a"]),
        vec![image("a"); MOST_IMAGES + 1],
        with(|image| image.digest = "a".repeat(64)),
        with(|image| image.digest = format!("sha256:{}", "A".repeat(64))),
        with(|image| image.digest.push('0')),
        with(|image| image.name = "dmp".to_owned()),
        with(|image| image.name.push_str("@sha256:00")),
        with(|image| image.name = "/dmp".to_owned()),
    ] {
        let refused = well_formed(&bad).unwrap_err();
        assert_eq!(refused.reason, "InvalidRelease", "{bad:?}");
    }
}

#[test]
fn a_reference_is_read_as_kubernetes_reads_it() {
    let digest = content("a");
    let name = Some(("r.ma:5000/sante/dmp", digest.as_str()));
    assert_eq!(reference(&format!("r.ma:5000/sante/dmp@{digest}")), name);
    assert_eq!(reference(&format!("r.ma:5000/sante/dmp:1.2-abc@{digest}")), name);
    for none in ["r.ma/dmp:1", "r.ma/dmp@sha256:ab", "", "@"] {
        assert_eq!(reference(none), None, "{none}");
    }
    assert_eq!(key(&digest), Some("a".repeat(64)));
}
