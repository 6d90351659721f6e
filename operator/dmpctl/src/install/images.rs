//! Which images the manifests get: they name the products, the installation says where these are.

use kube::api::DynamicObject;
use serde_json::Value;

/// References a node can pull or has.
#[derive(clap::Args, Clone, Debug)]
pub struct ProductImages {
    /// Image with `dmp` and `dmp-operator`
    #[arg(long = "dmp-image", env = "DMP_IMAGE", default_value = concat!("registry.dmp.internal/dmp:", env!("CARGO_PKG_VERSION")))]
    pub dmp: String,
    /// Image with `bao` 2.7
    #[arg(
        long = "openbao-image",
        env = "DMP_OPENBAO_IMAGE",
        default_value = "registry.dmp.internal/openbao:2.7.2"
    )]
    pub openbao: String,
}

impl ProductImages {
    /// Replaces the references of containers by the product their last path segment names.
    pub fn put_into(&self, objects: &mut [DynamicObject]) {
        for object in objects {
            for list in [
                "/spec/template/spec/initContainers",
                "/spec/template/spec/containers",
            ] {
                let containers = object.data.pointer_mut(list).and_then(Value::as_array_mut);
                for image in containers
                    .into_iter()
                    .flatten()
                    .filter_map(|container| container.get_mut("image"))
                {
                    if let Some(reference) = image.as_str().and_then(|named| self.of(named)) {
                        *image = Value::String(reference.to_owned());
                    }
                }
            }
        }
    }

    fn of(&self, named: &str) -> Option<&str> {
        let last = named.rsplit('/').next()?;
        match last.split([':', '@']).next()? {
            "dmp" | "dmp-operator" => Some(&self.dmp),
            "openbao" => Some(&self.openbao),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_manifests_of_openbao_get_both_images() {
        let images = ProductImages {
            dmp: "r/dmp:1-abc".into(),
            openbao: "r/openbao:2-def".into(),
        };
        let mut objects = crate::install::manifests("manifests/openbao").unwrap();
        images.put_into(&mut objects);
        let set = objects
            .iter()
            .find(|o| o.types.as_ref().unwrap().kind == "StatefulSet")
            .unwrap();
        assert_eq!(
            set.data
                .pointer("/spec/template/spec/initContainers/0/image")
                .unwrap(),
            "r/dmp:1-abc"
        );
        assert_eq!(
            set.data
                .pointer("/spec/template/spec/containers/0/image")
                .unwrap(),
            "r/openbao:2-def"
        );
        assert_eq!(images.of("postgresql:15"), None);
    }
}
