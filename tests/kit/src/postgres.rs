//! A real PostgreSQL server (Debian's) in a temporary folder, as an unprivileged user, without fsync.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use dmp_core::config::{DatabaseConfig, Secret};
use sqlx::{Connection as _, PgConnection, PgPool};

use crate::DOMAIN;
use crate::pki::{Pki, Validity};
use crate::process::{Server, folder, free_port, is_executable, is_root, run};

const A_DAY: Validity = Validity::For(Duration::from_secs(24 * 3600));
const ATTEMPTS: usize = 5;
const START_LIMIT: Duration = Duration::from_secs(60);

pub struct Postgres {
    server: Server,
    port: u16,
    folder: PathBuf,
    password: String,
}

impl Postgres {
    /// The test process's server, started when first asked for.
    pub fn shared() -> &'static Self {
        static SERVER: OnceLock<Postgres> = OnceLock::new();
        SERVER.get_or_init(Self::start)
    }

    /// A server of its own, ended when dropped.
    pub fn start() -> Self {
        let bin = binaries();
        // between choosing a port and listening on it another process may take it
        for _ in 1..ATTEMPTS {
            if let Ok(postgres) = Self::attempt(&bin) {
                return postgres;
            }
        }
        Self::attempt(&bin).unwrap_or_else(|log| panic!("PostgreSQL does not start:\n{log}"))
    }

    fn attempt(bin: &Path) -> Result<Self, String> {
        let folder = folder("dmp-postgres-");
        let password = uuid::Uuid::new_v4().simple().to_string();
        let password_file = folder.join("password");
        std::fs::write(&password_file, &password).expect("the password file");
        let pki = Pki::new(DOMAIN);
        pki.write_files(&pki.service_certificate("test", "postgres", A_DAY), &folder);
        let (certificate, key) = (folder.join("tls.crt"), folder.join("tls.key"));
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600))
            .expect("permissions of the key");
        if is_root() {
            run(Command::new("chown").args(["-R", "postgres"]).arg(&folder));
        }
        let data = folder.join("data");
        run(as_postgres(&bin.join("initdb"))
            .args([
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--auth=scram-sha-256",
            ])
            .args(["--username=postgres", "--no-instructions"])
            .arg(format!("--pwfile={}", password_file.display()))
            .arg("--pgdata")
            .arg(&data)
            .current_dir(&folder));
        let port = free_port();
        let server_binary = bin.join("postgres");
        let (server_binary, data, socket) = (
            server_binary.display().to_string(),
            data.display().to_string(),
            folder.display().to_string(),
        );
        let port_text = port.to_string();
        let unix_socket = format!("unix_socket_directories={socket}");
        let (certificate, key) = (
            format!("ssl_cert_file={}", certificate.display()),
            format!("ssl_key_file={}", key.display()),
        );
        let mut command = prefix();
        command.extend([
            server_binary.as_str(),
            "-D",
            &data,
            "-p",
            &port_text,
            "-c",
            &unix_socket,
        ]);
        for setting in [
            "ssl=on",
            &certificate,
            &key,
            "listen_addresses=127.0.0.1,127.0.0.2",
            "fsync=off",
            "full_page_writes=off",
            "synchronous_commit=off",
            "max_connections=300",
            "shared_buffers=32MB",
            "password_encryption=scram-sha-256",
        ] {
            command.extend(["-c", setting]);
        }
        let server = Server::spawn(folder.clone(), "QUIT", &command);
        let postgres = Self {
            server,
            port,
            folder,
            password,
        };
        let up = crate::block_on(until_up(postgres.url("postgres"), postgres.server.log_file()));
        if up {
            Ok(postgres)
        } else {
            Err(postgres.server.log())
        }
    }

    /// A new, empty database.
    pub async fn database(&self) -> DatabaseConfig {
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        let mut admin = PgConnection::connect(&self.url("postgres"))
            .await
            .expect("the server answers");
        // two CREATE DATABASE at once may meet on the template
        for _ in 0..50 {
            match sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
                .execute(&mut admin)
                .await
            {
                Ok(_) => {
                    let _closed = admin.close().await;
                    let url = Some(Secret::new(self.url(&name)));
                    return DatabaseConfig {
                        url,
                        statement_timeout: Duration::from_secs(10),
                        ..DatabaseConfig::default()
                    };
                }
                Err(error) if error.to_string().contains("being accessed by other users") => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(error) => panic!("CREATE DATABASE: {error}"),
            }
        }
        panic!("CREATE DATABASE: the template stays in use");
    }

    /// The same as the platform writes it: `localhost` with TLS (`verify-full`), and user and password in files.
    pub async fn cluster_database(&self) -> DatabaseConfig {
        let url = self.database().await.url.expect("a URL");
        let name = url
            .expose()
            .split(['/', '?'])
            .nth(3)
            .expect("a database in the URL")
            .to_owned();
        let credentials = self.folder.join(format!("{name}-credentials"));
        std::fs::create_dir(&credentials).expect("a folder");
        std::fs::write(credentials.join("username"), "postgres").expect("a file");
        std::fs::write(credentials.join("password"), &self.password).expect("a file");
        DatabaseConfig {
            host: "localhost".to_owned(),
            port: Some(self.port),
            database: Some(name),
            credentials: Some(credentials),
            ca: Some(self.folder.join("ca.crt")),
            statement_timeout: Duration::from_secs(10),
            ..DatabaseConfig::default()
        }
    }

    /// A pool to a new, empty database.
    pub async fn pool(&self) -> PgPool {
        dmp_core::db::connect(&self.database().await)
            .await
            .expect("the database answers")
    }

    /// Superuser's URL of a database, by loopback.
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgres://postgres:{}@127.0.0.1:{}/{database}?sslmode=disable",
            self.password, self.port
        )
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    pub fn password(&self) -> &str {
        &self.password
    }

    /// Folder of the Unix socket; the data directory is `data` in it (for tests that look for plaintext).
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Whether the server answers before it gives up (its port was taken) or the time is over.
async fn until_up(url: String, log: PathBuf) -> bool {
    let start = Instant::now();
    while start.elapsed() < START_LIMIT {
        if PgConnection::connect(&url).await.is_ok() {
            return true;
        }
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        if log.contains("FATAL:  could not create") || log.contains("database system is shut down") {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

/// The newest of Debian's versions.
fn binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let newest = versions
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse::<u32>().ok()?,
                entry.path().join("bin"),
            ))
        })
        .filter(|(_, bin)| is_executable(&bin.join("postgres")) && is_executable(&bin.join("initdb")))
        .max();
    newest
        .expect(
            "PostgreSQL is missing: install the Debian package `postgresql` (its server is used, no cluster)",
        )
        .1
}

/// PostgreSQL refuses to run as root.
fn prefix() -> Vec<&'static str> {
    if is_root() {
        vec![
            "setpriv",
            "--reuid=postgres",
            "--regid=postgres",
            "--clear-groups",
            "--",
        ]
    } else {
        Vec::new()
    }
}

fn as_postgres(program: &Path) -> Command {
    let prefix = prefix();
    match prefix.split_first() {
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
        None => Command::new(program),
    }
}
