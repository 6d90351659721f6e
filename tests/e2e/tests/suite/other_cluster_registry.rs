//! A registry of the second cluster's own, and a node that has nothing but what it pulls from there.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dmp_appliance::{Image, Running};

const PORT: u16 = 5000;
const START_LIMIT: Duration = Duration::from_secs(10);

/// A registry on the first node of an appliance, over plain HTTP; it ends with this value.
pub struct Registry {
    /// `host:port`, for this machine and for the node.
    pub address: String,
    log: PathBuf,
    process: Child,
    // Removed after the process has ended.
    _folder: tempfile::TempDir,
}

impl Registry {
    /// Starts it in the node's network, so that nothing outside the appliance can reach it, and tells containerd of it.
    pub async fn start(running: &Running) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("{}:{PORT}", running.node_address);
        let log = folder.path().join("log");
        let blobs = folder.path().join("blobs");
        std::fs::create_dir(&blobs).unwrap();
        let process = Command::new("nsenter")
            .arg(format!("--net=/run/netns/{}-node-1", running.name))
            .arg(running.parts.registry.program("registry"))
            .args(["-listen", &address, "-folder"])
            .arg(blobs)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let registry = Self {
            address,
            log,
            process,
            _folder: folder,
        };
        let hosts = running.state.join("registries").join(&registry.address);
        std::fs::create_dir_all(&hosts).unwrap();
        let url = format!("http://{}", registry.address);
        std::fs::write(
            hosts.join("hosts.toml"),
            format!("server = \"{url}\"\n[host.\"{url}\"]\n  capabilities = [\"pull\", \"resolve\"]\n"),
        )
        .unwrap();
        registry.wait().await;
        registry
    }

    async fn wait(&self) {
        let start = Instant::now();
        while tokio::net::TcpStream::connect(&self.address).await.is_err() {
            assert!(
                start.elapsed() < START_LIMIT,
                "the registry does not start: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// One line per request.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Removes these images from the node, with all names they have there: what runs from now on was pulled.
pub fn forget_images(running: &Running, images: &[&Image]) {
    let names: Vec<String> = images.iter().map(|image| image.stored()).collect();
    let table = ctr(running, &["images", "list"]);
    let rows: Vec<(&str, &str)> = table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            Some((*fields.first()?, *fields.get(2)?))
        })
        .collect();
    let digests: Vec<&str> = rows
        .iter()
        .filter(|(name, _)| names.iter().any(|known| known == name))
        .map(|(_, digest)| *digest)
        .collect();
    assert_eq!(digests.len(), names.len(), "{table}");
    for (name, _) in rows.iter().filter(|(_, digest)| digests.contains(digest)) {
        ctr(running, &["images", "remove", "--sync", name]);
    }
}

/// Gives an image on the node another name.
pub fn name_image(running: &Running, reference: &str, name: &str) {
    ctr(running, &["images", "tag", reference, name]);
}

fn ctr(running: &Running, arguments: &[&str]) -> String {
    let socket = Path::new("/run/dmp")
        .join(running.name.as_str())
        .join("node-1/containerd.sock");
    let output = Command::new(running.parts.containerd.program("ctr"))
        .arg("--address")
        .arg(socket)
        .args(["--namespace", "k8s.io"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
