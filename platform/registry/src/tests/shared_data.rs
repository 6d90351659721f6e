//! The Moroccan patients of the shared test data (`DMP_TESTDATA`). Absent: a visible skip.

use std::path::PathBuf;

use serde_json::Value;

use super::world::{World, identifier};

#[tokio::test]
async fn moroccan_patients_come_back_as_they_were_sent() {
    let root = std::env::var_os("DMP_TESTDATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/testdata"),
        PathBuf::from,
    );
    let Ok(files) = std::fs::read_dir(root.join("fhir/patients")) else {
        eprintln!("skipped: no test data at {}", root.display());
        return;
    };
    let world = World::new().await;
    let mut count = 0;
    for file in files {
        let sent: Value = serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        let text = |pointer: &str| sent.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        let named = identifier(&text("/identifier/0/system"), &text("/identifier/0/value"));
        let fed = world.fed(&named, &sent).await;
        let mut found = world.found(&named).await;
        let mut found = found.pop().unwrap();
        assert_eq!(found["id"], fed.id.as_uuid().to_string());
        found["id"] = sent["id"].clone();
        found.as_object_mut().unwrap().remove("meta");
        assert_eq!(found, sent);
        count += 1;
    }
    assert_eq!(i64::from(count), world.count("patient").await);
}
