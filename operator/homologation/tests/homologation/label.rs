//! What a label is worth: forged, of another key or kind, altered, out of its time; and when the next one is due.

use dmp_api::catalogue_entry::{CatalogueState, Published};
use dmp_homologation::feed;
use dmp_homologation::jws;
use dmp_homologation::label::{self, Invalid, Label, Step, step, verify};
use jiff::{SignedDuration, Timestamp};

use crate::catalogue::published;
use crate::platform_key::PlatformKey;
use crate::world::World;

pub const ISSUER: &str = "dmp.test";

pub fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

pub struct Case {
    pub key: PlatformKey,
    pub entry: Published,
    pub now: Timestamp,
}

impl Case {
    pub fn new() -> Self {
        let world = World::granted();
        Self {
            key: PlatformKey::new("label-v1"),
            entry: published(&world),
            now: world.now,
        }
    }

    fn step(&self, before: Option<&str>, now: Timestamp) -> Step {
        step(before, &self.entry, ISSUER, Some(&[self.key.public()]), now)
    }

    pub fn due(&self, now: Timestamp) -> Label {
        self.step(None, now).sign.unwrap()
    }

    fn sign(&self, label: &Label) -> String {
        self.key.sign(label::TYP, &label.payload())
    }
}

#[test]
fn a_label_states_the_entry_for_thirty_days_at_most() {
    let case = Case::new();
    let label = case.due(case.now);
    assert_eq!(
        (label.iss.as_str(), label.product.as_str()),
        (ISSUER, "Atlas SIH")
    );
    assert_eq!(label.sub, format!("https://dmp.test/catalogue/{}", case.entry.id));
    assert_eq!(label.scopes, case.entry.scopes);
    assert_eq!(label.exp - label.iat, 30 * 86400);
    let text = case.sign(&label);
    assert_eq!(verify(&text, &[case.key.public()], case.now), Ok(label));
    // The homologation ends before.
    let until: Timestamp = case.entry.until.parse().unwrap();
    let last = case.due(until - days(3));
    assert_eq!(last.exp, until.as_second());
    assert_eq!(case.step(None, until), Step::default(), "over");
}

#[test]
fn a_label_is_made_again_when_it_must_and_not_before() {
    let case = Case::new();
    let first = case.sign(&case.due(case.now));
    let kept = |step: &Step| step.keep.as_deref() == Some(first.as_str());
    for (after, due) in [(0, false), (1, false), (19, false), (21, true), (29, true)] {
        let step = case.step(Some(&first), case.now + days(after));
        assert!(kept(&step), "the present one counts meanwhile: {after}");
        assert_eq!(step.sign.is_some(), due, "{after}");
    }
    let late = case.step(Some(&first), case.now + days(31));
    assert!(late.keep.is_none() && late.sign.is_some(), "nobody renewed it");
    // One that already ends with the homologation is not made again and again.
    let until: Timestamp = case.entry.until.parse().unwrap();
    let last = case.sign(&case.due(until - days(20)));
    for left in [19, 9, 1] {
        let step = case.step(Some(&last), until - days(left));
        assert_eq!((step.keep.is_some(), step.sign), (true, None), "{left}");
    }
    // It no longer says what is so.
    let mut changes: Vec<(&str, Case)> = Vec::new();
    for (name, change) in [
        ("scopes", (|entry| drop(entry.scopes.pop())) as fn(&mut Published)),
        ("until", |entry| {
            entry.until = entry
                .state_since
                .parse::<Timestamp>()
                .unwrap()
                .saturating_add(days(5))
                .unwrap()
                .to_string()
        }),
    ] {
        let mut changed = Case {
            key: PlatformKey::new("label-v1"),
            entry: case.entry.clone(),
            now: case.now,
        };
        change(&mut changed.entry);
        changes.push((name, changed));
    }
    for (name, changed) in &changes {
        let own = [case.key.public()];
        let step = step(
            Some(&first),
            &changed.entry,
            ISSUER,
            Some(&own),
            case.now + days(1),
        );
        assert!(step.keep.is_none() && step.sign.is_some(), "{name}");
    }
    let mut ended = case.entry.clone();
    ended.state = CatalogueState::Suspended;
    assert_eq!(
        step(Some(&first), &ended, ISSUER, Some(&[case.key.public()]), case.now),
        Step::default()
    );
}

#[test]
fn what_stands_in_the_status_is_not_believed() {
    let case = Case::new();
    let label = case.due(case.now);
    let other = PlatformKey::new("label-v1");
    let forged = other.sign(label::TYP, &label.payload());
    let step_of = |text: &str, keys| step(Some(text), &case.entry, ISSUER, keys, case.now);
    let own = [case.key.public()];
    let put_right = step_of(&forged, Some(&own));
    assert!(put_right.keep.is_none() && put_right.sign.is_some());
    // While OpenBao does not say its keys, the label that states the right thing stays.
    assert_eq!(step_of(&case.sign(&label), None).sign, None);
    // An installation without the key: due, and nobody signs.
    assert!(step_of(&case.sign(&label), Some(&[])).keep.is_none());
    assert!(step_of("rubbish", None).sign.is_some());
}

#[test]
fn only_what_the_platform_signed_is_a_label() {
    let case = Case::new();
    let label = case.due(case.now);
    let good = case.sign(&label);
    let keys = [case.key.public()];
    let other = PlatformKey::new("label-v1");
    let unknown = PlatformKey::new("label-v2");
    let payload = label.payload();
    let altered = {
        let mut more = label.clone();
        more.scopes.push("consent".to_owned());
        let parts: Vec<&str> = good.split('.').collect();
        let forged = case.sign(&more);
        let middle = forged.split('.').nth(1).unwrap();
        format!("{}.{middle}.{}", parts[0], parts[2])
    };
    let longer = Label {
        exp: label.exp + 1,
        ..label.clone()
    };
    let jws = |invalid| Err(Invalid::Jws(invalid));
    let header = |text: &str| case.key.sign_with(text, &payload);
    let unsigned = format!("{}.", good.rsplit_once('.').unwrap().0);
    let table: Vec<(&str, String, Result<Label, Invalid>)> = vec![
        ("good", good.clone(), Ok(label.clone())),
        ("with an end of line", format!("{good}\n"), Ok(label.clone())),
        (
            "another key of that name",
            other.sign(label::TYP, &payload),
            jws(jws::Invalid::Signature),
        ),
        (
            "a key we do not know",
            unknown.sign(label::TYP, &payload),
            jws(jws::Invalid::UnknownKey("label-v2".to_owned())),
        ),
        ("altered", altered, jws(jws::Invalid::Signature)),
        ("without signature", unsigned, jws(jws::Invalid::Signature)),
        (
            "another kind",
            case.key.sign(feed::TYP, &payload),
            jws(jws::Invalid::OtherType),
        ),
        (
            "a token",
            case.key.sign("at+jwt", &payload),
            jws(jws::Invalid::OtherType),
        ),
        (
            "none",
            header(r#"{"alg":"none","typ":"dmp-label+jws","kid":"label-v1"}"#),
            jws(jws::Invalid::Algorithm),
        ),
        (
            "HS256",
            header(r#"{"alg":"HS256","typ":"dmp-label+jws","kid":"label-v1"}"#),
            jws(jws::Invalid::Algorithm),
        ),
        (
            "brings its key",
            header(r#"{"alg":"EdDSA","typ":"dmp-label+jws","kid":"label-v1","jwk":{}}"#),
            jws(jws::Invalid::NotJws),
        ),
        (
            "critical",
            header(r#"{"alg":"EdDSA","typ":"dmp-label+jws","kid":"label-v1","crit":["b64"]}"#),
            jws(jws::Invalid::NotJws),
        ),
        (
            "not understood",
            case.key.sign(label::TYP, "{}"),
            jws(jws::Invalid::Payload),
        ),
        ("lives too long", case.sign(&longer), Err(Invalid::TooLong)),
        ("no JWS", "hello".to_owned(), jws(jws::Invalid::NotJws)),
        ("empty", String::new(), jws(jws::Invalid::NotJws)),
        ("endless", "a".repeat(100_000), jws(jws::Invalid::NotJws)),
    ];
    for (name, text, wanted) in table {
        assert_eq!(verify(&text, &keys, case.now), wanted, "{name}");
    }
    assert_eq!(
        verify(&good, &[], case.now),
        jws(jws::Invalid::UnknownKey("label-v1".to_owned()))
    );
    // Both versions of a rotated key.
    let rotated = [unknown.public(), case.key.public()];
    assert!(verify(&good, &rotated, case.now).is_ok());
    // Its time.
    for (after, wanted) in [
        (-days(1), Err(Invalid::Early(label.from()))),
        (-SignedDuration::from_mins(4), Ok(label.clone())),
        (days(29), Ok(label.clone())),
        (days(30), Err(Invalid::Expired(label.until()))),
    ] {
        assert_eq!(verify(&good, &keys, case.now + after), wanted, "{after:?}");
    }
}
