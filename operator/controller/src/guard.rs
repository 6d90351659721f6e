//! A watched object that may not have the form this version knows.
//!
//! One malformed object must not stop the watch of all the others (`kube`'s `DeserializeGuard`); the controller
//! framework also wants to serialize what it watches, which this type adds. Managed fields are dropped.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::{DeserializeGuard, error_boundary::InvalidObject};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The object, or why it could not be read together with its metadata.
#[derive(Clone, Debug)]
pub struct Guarded<K>(pub Result<K, InvalidObject>);

impl<'de, K: Resource + Deserialize<'de>> Deserialize<'de> for Guarded<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let DeserializeGuard(result) = DeserializeGuard::deserialize(deserializer)?;
        let mut guarded = Self(result);
        // Nobody here looks at them, and they would be half of what is kept of an object.
        guarded.meta_mut().managed_fields = None;
        Ok(guarded)
    }
}

impl<K: Serialize> Serialize for Guarded<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Metadata<'a> {
            metadata: &'a ObjectMeta,
        }
        match &self.0 {
            Ok(object) => object.serialize(serializer),
            Err(invalid) => Metadata {
                metadata: &invalid.metadata,
            }
            .serialize(serializer),
        }
    }
}

impl<K: Resource> Resource for Guarded<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(dt)
    }

    fn group(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::group(dt)
    }

    fn version(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::version(dt)
    }

    fn plural(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(dt)
    }

    fn meta(&self) -> &ObjectMeta {
        self.0.as_ref().map_or_else(|invalid| &invalid.metadata, K::meta)
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.0
            .as_mut()
            .map_or_else(|invalid| &mut invalid.metadata, K::meta_mut)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use dmp_api::Site;
    use kube::ResourceExt;

    use super::*;

    #[test]
    fn a_malformed_object_keeps_its_name_and_generation() {
        let bad: Guarded<Site> = serde_json::from_str(
            r#"{"apiVersion":"dmp.ma/v1alpha1","kind":"Site","metadata":{"name":"x","generation":7},"spec":{"territory":1}}"#,
        )
        .unwrap();
        assert!(bad.0.is_err());
        assert_eq!((bad.name_any(), bad.meta().generation), ("x".to_owned(), Some(7)));
    }

    #[test]
    fn a_good_object_goes_through() {
        let good: Guarded<Site> = serde_json::from_str(
            r#"{"apiVersion":"dmp.ma/v1alpha1","kind":"Site","metadata":{"name":"x","generation":7,"managedFields":[{}]},"spec":{"territory":"MA","region":"MA-06"}}"#,
        )
        .unwrap();
        assert_eq!(good.meta().managed_fields, None);
        assert_eq!(good.0.unwrap().spec.region, "MA-06");
    }
}
