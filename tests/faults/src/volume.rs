//! A database's volume on a small file system of its own, so that it can be filled without filling the machine's disk.
//!
//! The database sleeps while its files move there (and back): `cnpg.io/hibernation`, with the group paused so that the
//! operator does not wake it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use crate::cluster::{Cluster, TANGER, until};

/// Room beside the files when the database begins.
const ROOM_MIB: u64 = 96;
const BALLAST: &str = "ballast";

/// The volume of a database's only instance on a file system of its own.
pub struct SmallVolume<'a> {
    cluster: &'a Cluster,
    group: &'a str,
    database: &'a str,
    folder: PathBuf,
}

impl<'a> SmallVolume<'a> {
    /// Moves the volume of `database` of the group in Tanger onto a file system with little room.
    pub async fn make(cluster: &'a Cluster, group: &'a str, database: &'a str) -> Self {
        let claims: Api<PersistentVolumeClaim> = Api::namespaced(cluster.client.clone(), TANGER);
        // A claim has the name of its instance.
        let instance = cluster.primary(TANGER, database).await.name_any();
        let claim = claims.get(&instance).await.unwrap();
        let name = claim.spec.unwrap().volume_name.unwrap();
        let volumes: Api<PersistentVolume> = Api::all(cluster.client.clone());
        let volume = volumes.get(&name).await.unwrap().spec.unwrap();
        let folder = PathBuf::from(volume.local.unwrap().path);
        let small = Self {
            cluster,
            group,
            database,
            folder,
        };
        small.asleep(async || small.mount()).await;
        small
    }

    /// Fills it to the last byte; returns how much that took.
    pub fn fill(&self) -> u64 {
        let ballast = self.folder.join(BALLAST);
        let mut file = std::fs::File::create(&ballast).unwrap();
        let block = vec![0_u8; 64 * 1024];
        let mut written = 0;
        for size in [block.len(), 4096] {
            while std::io::Write::write_all(&mut file, &block[..size]).is_ok() {
                written += size as u64;
            }
        }
        written
    }

    /// Gives the room back.
    pub fn relieve(&self) {
        std::fs::remove_file(self.folder.join(BALLAST)).unwrap();
    }

    /// Moves the files back to the machine's disk.
    pub async fn undo(self) {
        self.asleep(async || {
            let aside = self.aside();
            copy(&self.folder, &aside);
            run(Command::new("umount").arg(&self.folder));
            copy(&aside, &self.folder);
            std::fs::remove_dir_all(aside).unwrap();
        })
        .await;
    }

    fn aside(&self) -> PathBuf {
        self.folder.with_extension("aside")
    }

    fn mount(&self) {
        let aside = self.aside();
        copy(&self.folder, &aside);
        let used = run(Command::new("du")
            .args(["--summarize", "--block-size=1M"])
            .arg(&aside));
        let used: u64 = used.split_whitespace().next().unwrap().parse().unwrap();
        let size = format!("size={}m,mode=0777", used + ROOM_MIB);
        run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(&self.folder));
        copy(&aside, &self.folder);
        std::fs::remove_dir_all(aside).unwrap();
    }

    /// Does something while the database sleeps.
    async fn asleep(&self, act: impl AsyncFnOnce()) {
        let groups = self.cluster.api("dmp.ma/v1alpha1", "HealthGroup", None);
        let clusters = self.cluster.api("postgresql.cnpg.io/v1", "Cluster", Some(TANGER));
        let hibernate =
            |state: &str| json!({ "metadata": { "annotations": { "cnpg.io/hibernation": state } } });
        let paused = json!({ "metadata": { "annotations": { "dmp.ma/paused": "true" } } });
        self.cluster.patch(&groups, self.group, paused).await;
        self.cluster
            .patch(&clusters, self.database, hibernate("on"))
            .await;
        let selector = format!("cnpg.io/cluster={}", self.database);
        until("the database sleeps", Duration::from_secs(120), async || {
            self.cluster.pods(TANGER, &selector).await.is_empty()
        })
        .await;
        // A pod that is not listed any more may still be unmounting.
        tokio::time::sleep(Duration::from_secs(3)).await;
        act().await;
        self.cluster
            .patch(&clusters, self.database, hibernate("off"))
            .await;
        let goes_on = json!({ "metadata": { "annotations": { "dmp.ma/paused": null } } });
        self.cluster.patch(&groups, self.group, goes_on).await;
        until("the database is awake", Duration::from_secs(120), async || {
            let live = clusters.get(self.database).await.unwrap();
            live.data.pointer("/status/readyInstances") == Some(&json!(1))
        })
        .await;
    }
}

/// Everything in `from`, with owners, modes and times; `to` is made with those of `from`.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    run(Command::new("cp")
        .args(["--archive", "--no-target-directory"])
        .arg(from)
        .arg(to));
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
