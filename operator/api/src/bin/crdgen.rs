//! Writes `crds/<plural>.dmp.ma.yaml` for every kind. The folder may be given; default `crds` of the checkout.

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let folder = std::env::args_os().nth(1).map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../crds")),
        PathBuf::from,
    );
    match write(&folder) {
        Ok(count) => {
            println!("{count} CRDs written");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("crdgen: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &std::path::Path) -> Result<usize, Box<dyn std::error::Error>> {
    std::fs::create_dir_all(folder)?;
    let crds = dmp_api::crds();
    for crd in &crds {
        let name = crd.metadata.name.as_deref().unwrap_or_default();
        std::fs::write(
            folder.join(format!("{name}.yaml")),
            dmp_api::yaml::to_string(crd)?,
        )?;
    }
    let names: Vec<_> = crds
        .iter()
        .filter_map(|crd| crd.metadata.name.as_deref())
        .collect();
    let resources: String = names.iter().map(|name| format!("  - {name}.yaml\n")).collect();
    std::fs::write(
        folder.join("kustomization.yaml"),
        format!("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n{resources}"),
    )?;
    Ok(crds.len())
}
