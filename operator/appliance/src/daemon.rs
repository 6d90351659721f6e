//! Programs that outlive the command that starts them.
//!
//! A daemon gets a session of its own, a control group, a log file, a clean environment and, if asked,
//! a network namespace; nothing of its starter's terminal or pipes. It is recorded by process id *and*
//! start time, so a reused id is never taken for it. Restarts happen when somebody runs `up` again:
//! there is no supervisor.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use crate::{
    cgroups::Cgroups,
    error::{Error, FileContext, Result},
    paths::{Paths, private_folder, write_private},
    shell::tail,
};

/// A log of this size is set aside when its daemon starts.
const LOG_LIMIT_BYTES: u64 = 32 << 20;

/// Puts itself into the control groups listed in `$0`, closes what the caller's caller left open (a
/// test's pipe, a job server), then becomes the program.
const ENTER: &str = r#"for file in $0; do echo $$ > "$file" || exit 1; done
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- "$@""#;

/// A program to keep running.
#[derive(Debug, Clone)]
pub(crate) struct Daemon {
    /// Unique in the appliance; names the record and the log.
    pub name: String,
    /// `cp` or a node's name: which control group it belongs to.
    pub owner: String,
    /// Network namespace to enter; none: the machine's.
    pub namespace: Option<String>,
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// Folders searched for helpers before the system's own.
    pub path: Vec<PathBuf>,
}

/// A daemon as it was started.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    pid: i32,
    /// Clock ticks since boot.
    start: u64,
    boot: String,
    command: Vec<String>,
}

/// Starts, finds and stops the daemons of one appliance.
#[derive(Debug, Clone)]
pub(crate) struct Daemons {
    paths: Paths,
    cgroups: Cgroups,
}

impl Daemons {
    pub fn new(paths: Paths, cgroups: Cgroups) -> Self {
        Self { paths, cgroups }
    }

    /// Starts a daemon unless it runs with the same command already; says whether it started it.
    pub async fn ensure(&self, daemon: &Daemon) -> Result<bool> {
        if let Some(record) = self.record(&daemon.name)?
            && record.runs()
        {
            if record.command == daemon.command() {
                return Ok(false);
            }
            self.stop(&daemon.name, Duration::from_secs(10)).await?;
        }
        self.start(daemon)?;
        Ok(true)
    }

    /// Whether exactly this daemon runs.
    pub fn runs_as(&self, daemon: &Daemon) -> Result<bool> {
        let record = self.record(&daemon.name)?;
        Ok(record.is_some_and(|record| record.runs() && record.command == daemon.command()))
    }

    /// Whether the daemon of that name runs.
    pub fn runs(&self, name: &str) -> Result<bool> {
        Ok(self.record(name)?.is_some_and(|record| record.runs()))
    }

    /// Process id of the daemon of that name, while it runs.
    pub fn process(&self, name: &str) -> Result<Option<i32>> {
        Ok(self.record(name)?.filter(Record::runs).map(|record| record.pid))
    }

    /// Fails with the end of its log when the daemon does not run.
    pub fn require(&self, name: &str) -> Result<()> {
        if self.runs(name)? {
            return Ok(());
        }
        let log = self.log(name);
        let tail = tail(&fs::read_to_string(&log).unwrap_or_default());
        Err(Error::DaemonDied {
            daemon: name.to_owned(),
            log,
            tail,
        })
    }

    /// Asks a daemon to end, kills it after `patience`, and forgets it.
    pub async fn stop(&self, name: &str, patience: Duration) -> Result<()> {
        let Some(record) = self.record(name)? else {
            return Ok(());
        };
        let begin = Instant::now();
        if record.runs() {
            record.signal(Signal::TERM);
        }
        while record.runs() {
            if begin.elapsed() > patience {
                record.signal(Signal::KILL);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.forget(name)
    }

    /// Removes the record of a daemon that has ended.
    pub fn forget(&self, name: &str) -> Result<()> {
        let file = self.record_file(name);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).on("remove", file),
            _ => Ok(()),
        }
    }

    fn start(&self, daemon: &Daemon) -> Result<()> {
        private_folder(&self.paths.logs())?;
        let log = self.log(&daemon.name);
        if fs::metadata(&log).is_ok_and(|log| log.len() > LOG_LIMIT_BYTES) {
            fs::rename(&log, log.with_added_extension("old")).on("set aside", &log)?;
        }
        let output = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&log)
            .on("open", &log)?;
        let errors = output.try_clone().on("open", &log)?;
        let groups = self.cgroups.make_for_daemons(&daemon.owner)?;
        let groups: Vec<_> = groups.iter().map(|file| file.to_string_lossy()).collect();

        let child = Command::new("/bin/sh")
            .args(["-c", ENTER, &groups.join(" ")])
            .args(["setsid", "nsenter"])
            .args(daemon.command())
            .env_clear()
            .env("PATH", search_path(&daemon.path))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|source| Error::System {
                what: "start /bin/sh",
                source,
            })?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        let seen = pid.and_then(|pid| Some((pid, start_time(pid)?)));
        let Some((pid, start)) = seen else {
            return self.require(&daemon.name);
        };
        let record = Record {
            pid,
            start,
            boot: boot_id()?,
            command: daemon.command(),
        };
        private_folder(&self.paths.processes())?;
        write_private(
            &self.record_file(&daemon.name),
            serde_json::to_vec(&record).unwrap_or_default(),
        )
    }

    fn record(&self, name: &str) -> Result<Option<Record>> {
        let file = self.record_file(name);
        let Ok(content) = fs::read(&file) else {
            return Ok(None);
        };
        serde_json::from_slice(&content)
            .map(Some)
            .map_err(|error| Error::Damaged {
                path: file,
                detail: error.to_string(),
            })
    }

    fn record_file(&self, name: &str) -> PathBuf {
        self.paths.processes().join(format!("{name}.json"))
    }

    fn log(&self, name: &str) -> PathBuf {
        self.paths.logs().join(format!("{name}.log"))
    }
}

impl Daemon {
    /// Arguments of `nsenter`: only the network is entered. (`ip netns exec` would also mount /sys
    /// anew, without the control groups that the kubelet needs.)
    fn command(&self) -> Vec<String> {
        let network = match &self.namespace {
            Some(namespace) => format!("/run/netns/{namespace}"),
            None => "/proc/self/ns/net".to_owned(),
        };
        [
            format!("--net={network}"),
            self.program.to_string_lossy().into_owned(),
        ]
        .into_iter()
        .chain(self.arguments.iter().cloned())
        .collect()
    }
}

impl Record {
    fn runs(&self) -> bool {
        boot_id().is_ok_and(|boot| boot == self.boot) && start_time(self.pid) == Some(self.start)
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid)
            && self.runs()
        {
            // It may end between the check and here; then there is nothing to do.
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

fn search_path(first: &[PathBuf]) -> std::ffi::OsString {
    let system = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from);
    std::env::join_paths(first.iter().chain(&system)).unwrap_or_default()
}

fn boot_id() -> Result<String> {
    let file = Path::new("/proc/sys/kernel/random/boot_id");
    Ok(fs::read_to_string(file).on("read", file)?.trim().to_owned())
}

/// When a process started, in ticks since boot; `None` when it is gone or a zombie.
pub(crate) fn start_time(pid: i32) -> Option<u64> {
    parse_start_time(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Fields 3 (state) and 22 (start time) of `/proc/<pid>/stat`; the name before them may hold spaces
/// and brackets.
fn parse_start_time(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?;
    (state != "Z" && state != "X").then_some(())?;
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "4077 (a) b (c) S 1 4077 4077 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 9 0 123456 1 2";

    #[test]
    fn start_time_is_found_behind_an_odd_name() {
        assert_eq!(parse_start_time(STAT), Some(123_456));
        assert_eq!(parse_start_time(&STAT.replace(" S ", " Z ")), None);
        assert_eq!(parse_start_time("garbage"), None);
    }

    #[test]
    fn a_reused_process_id_is_not_the_daemon() {
        let own = i32::try_from(std::process::id()).expect("a process id");
        let start = start_time(own).expect("this process runs");
        let mut record = Record {
            pid: own,
            start,
            boot: boot_id().expect("a boot id"),
            command: Vec::new(),
        };
        assert!(record.runs());
        record.start += 1;
        assert!(!record.runs());
        record.start = start;
        record.boot = "another boot".to_owned();
        assert!(!record.runs());
    }
}
