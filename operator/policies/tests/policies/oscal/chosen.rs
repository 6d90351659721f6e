//! Stricter values of a platform: the catalogue stays what it is, the profiles set them.

use dmp_policies::profile::{Choice, Profile, in_force};
use dmp_policies::{Catalogue, posture};
use serde_json::{Value, json};

use super::schema::wrong;
use super::{SYSTEM, mixed, now, of, read, written};

#[test]
fn the_values_of_the_platform_are_set_in_the_profiles() {
    let catalogue = Catalogue::embedded().unwrap();
    let choice =
        |control, name, value: Value| Choice::new(control, name, &value, "2026-11-30", "the board\nasked");
    let profile = Profile {
        choices: vec![
            choice("DMP-GOV-03", "longestDays", json!(30)),
            choice("DMP-WRK-01", "systemNamespaces", json!(["kube-system"])),
        ],
    };
    let tight = in_force(&catalogue, Some(&profile));
    let at = posture::changed_at(&posture::posture(&tight, &mixed(), now()), now());
    assert!(at.to_string().starts_with("2026-12-01"), "{at}");
    let documents = of(&tight, &mixed(), SYSTEM, now());
    let found = read(&documents);
    for (file, document) in &found {
        assert_eq!(wrong(document), Vec::<String>::new(), "{file}");
    }
    let set = |file: &str| found[file]["profile"]["modify"]["set-parameters"].clone();
    let all = set("profile-all.json");
    assert_eq!(all.as_array().unwrap().len(), 2);
    let of = |id: &str| {
        let mut found = all.as_array().unwrap().iter().filter(|one| one["param-id"] == id);
        found.next().unwrap()
    };
    let longest = of("DMP-GOV-03_prm.longestDays");
    assert_eq!(
        (&longest["values"], &longest["usage"]),
        (&json!(["30"]), &json!("the board asked"))
    );
    assert_eq!(longest["props"][0]["value"], "2026-11-30");
    let exempt = of("DMP-WRK-01_prm.systemNamespaces");
    assert_eq!(exempt["values"], json!(["kube-system"]));
    // The catalogue is the release's, as on every other platform.
    let own = written(&mixed(), SYSTEM, now());
    assert_eq!(found["catalog.json"], read(&own)["catalog.json"]);
    // Of a framework: those of the controls that serve it. Without a profile nothing is set.
    assert!(!set("profile-hds.json").is_null());
    assert!(read(&own)["profile-all.json"]["profile"]["modify"].is_null());
}
