//! Whether a platform lets images run, before something is begun that would need them: the list that admission reads, looked at.

use std::collections::BTreeMap;

use dmp_api::names::{ADMITTED_IMAGES, SYSTEM_NAMESPACE};
use dmp_homologation::images::{key, reference};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};

use crate::error::{CliError, Result};

/// A platform without a list has signed none, and refuses none.
///
/// # Errors
/// `image-not-signed`: pods of these would be refused.
pub async fn require_signed<'i>(client: &Client, images: impl Iterator<Item = &'i String>) -> Result<()> {
    let lists = Api::<ConfigMap>::namespaced(client.clone(), SYSTEM_NAMESPACE);
    let list = lists.get_opt(ADMITTED_IMAGES).await;
    let list = list.map_err(|source| CliError::kubernetes("reading the list of images", source))?;
    let Some(list) = list.map(|list| list.data.unwrap_or_default()) else {
        return Ok(());
    };
    let missing = unsigned(&list, images.map(String::as_str));
    if missing.is_empty() {
        return Ok(());
    }
    Err(CliError::new(
        "image-not-signed",
        format!(
            "nobody signed for {}: its pods would be refused",
            missing.join(", ")
        ),
        "the security entity signs the release first, with --keep of the one in force (dmpctl images sign); apply it, then come back",
    ))
}

fn unsigned<'i>(list: &BTreeMap<String, String>, images: impl Iterator<Item = &'i str>) -> Vec<&'i str> {
    let signed = |image: &str| {
        let (name, digest) = reference(image)?;
        (list.get(&key(digest)?)? == name).then_some(())
    };
    images.filter(|image| signed(image).is_none()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_list_does_not_name_is_told() {
        let digest = "a".repeat(64);
        let list = BTreeMap::from([(digest.clone(), "r.ma/dmp".to_owned())]);
        let good = [
            format!("r.ma/dmp@sha256:{digest}"),
            format!("r.ma/dmp:1.2@sha256:{digest}"),
        ];
        let bad = [
            format!("r.ma/other@sha256:{digest}"),
            format!("r.ma/dmp@sha256:{}", "b".repeat(64)),
            "r.ma/dmp:1.2".to_owned(),
            String::new(),
        ];
        let all = good.iter().chain(&bad).map(String::as_str);
        let expected: Vec<&str> = bad.iter().map(String::as_str).collect();
        assert_eq!(unsigned(&list, all), expected);
        let none = unsigned(&BTreeMap::new(), good.iter().map(String::as_str));
        assert_eq!(none.len(), 2, "a list of nothing lets nothing run");
    }
}
