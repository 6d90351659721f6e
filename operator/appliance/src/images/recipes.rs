//! What each image consists of, one function each.

use std::path::Path;

use super::{
    Image, Store,
    debian::{base_components, components, postgresql_key, postgresql_layer, remove_tree},
    materials::{of_cargo, of_go},
    oci::{Entry, ImageSpec, Layer, architecture},
};
use crate::{
    digest::sha256_of_file,
    error::{Error, Result},
    parts::Part,
    shell::{find, program, run},
};

const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How names and papers are written: part of each key, so that an image in the cache has them as they are now.
const PAPERS: &str = "papers 2";
/// An ingredient: a part that was built from its sources.
const PART: &str = "part";
const NOBODY: &str = "65534:65534";

/// The user of the product's pods.
const PRODUCT_USER: &str = "10001:10001";

/// What local-path-provisioner's helper pods call.
const BUSYBOX_LINKS: [&str; 4] = ["bin/sh", "bin/mkdir", "bin/rm", "bin/chmod"];

pub(super) async fn pause(store: &Store<'_>, part: &Part) -> Result<Image> {
    single(store, part, "pause", "pause", NOBODY).await
}

pub(super) async fn coredns(store: &Store<'_>, part: &Part) -> Result<Image> {
    single(store, part, "coredns", "coredns", NOBODY).await
}

pub(super) async fn local_path_provisioner(store: &Store<'_>, part: &Part) -> Result<Image> {
    let name = "local-path-provisioner";
    single(store, part, name, name, NOBODY).await
}

/// An image with one static program, which is its entry point.
async fn single(
    store: &Store<'_>,
    part: &Part,
    name: &'static str,
    file: &'static str,
    user: &'static str,
) -> Result<Image> {
    let slot = store.find(name, &[&part.key(), user, PAPERS]);
    if let Some(image) = slot.found() {
        return Ok(image);
    }
    let entry = Entry::Program {
        path: "program",
        source: part.program(file),
    };
    let spec = ImageSpec {
        name,
        version: part.version.to_owned(),
        layers: vec![Layer::Entries(vec![entry])],
        user,
        environment: &[PATH],
        entrypoint: &["/program"],
        folder: "/",
        components: of_go(&part.program(file)).await?,
        ingredients: vec![(PART, part.key())],
    };
    store.write(slot, spec).await
}

/// A shell and three tools: the helper of local-path-provisioner.
pub(super) async fn busybox(store: &Store<'_>) -> Result<Image> {
    let source = find("busybox").ok_or_else(|| Error::BinaryMissing {
        path: "/bin/busybox".into(),
    })?;
    let (digest, _) = sha256_of_file(&source)?;
    let slot = store.find("busybox", &[&digest, &BUSYBOX_LINKS.join(" "), PAPERS]);
    if let Some(image) = slot.found() {
        return Ok(image);
    }
    let mut entries = vec![Entry::Program {
        path: "bin/busybox",
        source,
    }];
    entries.extend(BUSYBOX_LINKS.map(|path| Entry::Link {
        path,
        target: "busybox",
    }));
    let spec = ImageSpec {
        name: "busybox",
        version: "1".to_owned(),
        layers: vec![Layer::Entries(entries)],
        user: "0:0",
        environment: &[PATH],
        entrypoint: &["/bin/sh"],
        folder: "/",
        components: components(&["busybox-static"]).await?,
        ingredients: vec![("program", digest)],
    };
    store.write(slot, spec).await
}

/// The operator looks for its program under a name with the architecture, and copies it into the
/// pods of its databases.
pub(super) async fn cloudnative_pg(store: &Store<'_>, part: &Part) -> Result<Image> {
    let (path, target) = match architecture() {
        "arm64" => ("operator/manager_arm64", "operator/manager_arm64"),
        _ => ("operator/manager_amd64", "operator/manager_amd64"),
    };
    let slot = store.find("cloudnative-pg", &[&part.key(), path, PAPERS]);
    if let Some(image) = slot.found() {
        return Ok(image);
    }
    let entries = vec![
        Entry::Program {
            path,
            source: part.program("manager"),
        },
        Entry::Link {
            path: "manager",
            target,
        },
    ];
    let spec = ImageSpec {
        name: "cloudnative-pg",
        version: part.version.to_owned(),
        layers: vec![Layer::Entries(entries)],
        user: PRODUCT_USER,
        environment: &[PATH],
        entrypoint: &["/manager"],
        folder: "/",
        components: of_go(&part.program("manager")).await?,
        ingredients: vec![(PART, part.key())],
    };
    store.write(slot, spec).await
}

/// User 100 owns the data folder; TLS files and configuration are mounted.
pub(super) async fn openbao(store: &Store<'_>, part: &Part) -> Result<Image> {
    let slot = store.find("openbao", &[&part.key(), PAPERS]);
    if let Some(image) = slot.found() {
        return Ok(image);
    }
    let entries = vec![
        Entry::Program {
            path: "usr/local/bin/bao",
            source: part.program("bao"),
        },
        Entry::Folder {
            path: "openbao",
            owner: 100,
            mode: 0o750,
        },
        Entry::Folder {
            path: "tmp",
            owner: 0,
            mode: 0o1777,
        },
    ];
    let spec = ImageSpec {
        name: "openbao",
        version: part.version.to_owned(),
        layers: vec![Layer::Entries(entries)],
        user: "100:100",
        environment: &[PATH],
        entrypoint: &["/usr/local/bin/bao"],
        folder: "/openbao",
        components: of_go(&part.program("bao")).await?,
        ingredients: vec![(PART, part.key())],
    };
    store.write(slot, spec).await
}

pub(super) async fn postgresql(store: &Store<'_>) -> Result<Image> {
    let slot = store.find("postgresql", &[&postgresql_key(), PAPERS]);
    if let Some(image) = slot.found() {
        return Ok(image);
    }
    let step = store.progress.step("make the PostgreSQL image");
    step.at("installing Debian packages into a folder");
    let layer = postgresql_layer(store).await?;
    step.at("writing the archive");
    let work = layer.tar.parent().map(Path::to_owned);
    let spec = ImageSpec {
        name: "postgresql",
        version: layer.version,
        layers: vec![Layer::Tar(layer.tar)],
        components: layer.packages,
        ingredients: vec![("recipe", postgresql_key())],
        user: "26:26",
        environment: &[
            "PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin",
            "LANG=C.UTF-8",
        ],
        entrypoint: &[],
        folder: "/",
    };
    let image = store.write(slot, spec).await?;
    if let Some(work) = work {
        remove_tree(&work)?;
    }
    step.done();
    Ok(image)
}

/// The product's image. Its tag follows the binaries, so that a rebuilt one rolls out.
pub(super) async fn dmp(store: &Store<'_>, base: &Path, binaries: &Path) -> Result<Image> {
    const PROGRAMS: [&str; 2] = ["dmp", "dmp-operator"];
    let layer = base.file_name().unwrap_or_default().to_string_lossy();
    let mut ingredients = vec![("base layer", layer.into_owned())];
    for name in PROGRAMS {
        let path = binaries.join(name);
        if !path.exists() {
            return Err(Error::BinaryMissing { path });
        }
        ingredients.push((name, sha256_of_file(&path)?.0));
    }
    let keys = ingredients.iter().map(|(_, key)| key.as_str());
    let slot = store.find("dmp", &keys.chain([PAPERS]).collect::<Vec<_>>());
    if let Some(image) = slot.found() {
        return Ok(image);
    }
    let step = store.progress.step("make the image of the product");
    let work = store.folder.join(".dmp");
    remove_tree(&work)?;
    std::fs::create_dir_all(&work).map_err(|source| Error::File {
        what: "make the folder",
        path: work.clone(),
        source,
    })?;
    let mut entries = Vec::new();
    for (name, path) in PROGRAMS
        .into_iter()
        .zip(["usr/local/bin/dmp", "usr/local/bin/dmp-operator"])
    {
        let source = work.join(name);
        run(
            &format!("strip {name}"),
            program("strip").arg("-o").args([&source, &binaries.join(name)]),
        )
        .await?;
        entries.push(Entry::Program { path, source });
    }
    entries.push(Entry::Folder {
        path: "tmp",
        owner: 0,
        mode: 0o1777,
    });
    let mut components = of_cargo(&PROGRAMS)?;
    components.extend(base_components().await?);
    let spec = ImageSpec {
        name: "dmp",
        components,
        ingredients,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        layers: vec![Layer::Tar(base.to_owned()), Layer::Entries(entries)],
        user: PRODUCT_USER,
        environment: &[PATH],
        entrypoint: &[],
        folder: "/",
    };
    let image = store.write(slot, spec).await?;
    remove_tree(&work)?;
    step.done();
    Ok(image)
}
