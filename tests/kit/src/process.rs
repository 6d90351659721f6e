//! A server process that does not outlive the test process.
//!
//! A supervisor (`sh`) starts the server and reads a pipe that only the test process holds open. When the pipe
//! closes, because the handle is dropped or the process died in whatever way, it stops the server and removes the
//! folder.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

const SUPERVISOR: &str = r#"
trap '' INT TERM HUP
folder=$1; stop=$2; shift 2
"$@" >"$folder/server.log" 2>&1 </dev/null &
server=$!
while read -r _; do :; done
kill -"$stop" "$server" 2>/dev/null
wait "$server"
rm -rf "$folder"
"#;

pub struct Server {
    supervisor: Child,
    folder: PathBuf,
}

impl Server {
    /// Runs `command` (its output goes to `server.log` in `folder`); `stop` is the signal that ends it.
    pub fn spawn(folder: PathBuf, stop: &str, command: &[&str]) -> Self {
        let supervisor = Command::new("sh")
            .args(["-c", SUPERVISOR, "supervisor"])
            .arg(&folder)
            .arg(stop)
            .args(command)
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C in a terminal goes to the test process alone
            .process_group(0)
            .spawn()
            .expect("`sh` starts");
        Self { supervisor, folder }
    }

    /// The end of the server's log, for the message of a failure.
    pub fn log(&self) -> String {
        let log = std::fs::read_to_string(self.log_file()).unwrap_or_default();
        let start = log.len().saturating_sub(4000);
        log.get(start..).unwrap_or(&log).to_owned()
    }

    pub fn log_file(&self) -> PathBuf {
        self.folder.join("server.log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        let _ended = self.supervisor.wait();
    }
}

/// A new folder under the system's temporary folder, open to the user a server may run as.
pub fn folder(prefix: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::Builder::new()
        .prefix(prefix)
        .tempdir()
        .expect("a temporary folder")
        .keep();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).expect("permissions");
    folder
}

/// Below the range from which the system takes the port of an outgoing connection (32768 and up): a port of that
/// range is free at one moment and the end of somebody's connection at the next.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// A loopback port that belongs to this process until it ends: no other caller of this function gets it, in no
/// process of this machine, and no outgoing connection takes it. A server may come back on it. The next port is free as
/// well: an OpenBao in development mode listens there for its cluster, a moment after the one it was told.
pub fn free_port() -> u16 {
    static MINE: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let folder = std::env::temp_dir().join("dmp-test-ports");
    std::fs::create_dir_all(&folder).expect("a folder for the ports' locks");
    let mut mine = MINE.lock().expect("no thread failed in here");
    // processes begin at different places, so that they seldom try each other's
    let ports = PORTS.step_by(2);
    let start = std::process::id().wrapping_mul(97) as usize % ports.len();
    for port in ports.clone().cycle().skip(start).take(ports.len()) {
        let lock = File::create(folder.join(port.to_string())).expect("a port's lock");
        if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            mine.push(lock);
            return port;
        }
    }
    panic!("every port of {PORTS:?} is taken");
}

/// Runs a command to its end and fails with its output.
pub fn run(command: &mut Command) {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Whether the process may change its user.
pub fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

pub fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}
