//! `dmpctl images push`: OCI distribution to one registry. A blob that is there is not sent; the registry must answer
//! the manifest's own digest in the end.

use std::path::PathBuf;
use std::time::Duration;

use dmp_appliance::{Progress, Step};
use futures::stream::{Stream, try_unfold};
use hyper::body::Bytes;
use oci_client::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::layout::{Blob, Packed};
use super::source::ImageSet;
use super::split;
use crate::error::{CliError, Result};

/// Bytes that are read from a file at once.
const CHUNK: u64 = 1 << 20;

/// A registry and how to write to it.
#[derive(clap::Args, Clone, Debug)]
pub struct PushOptions {
    /// Registry that the cluster's nodes pull from: `host[:port][/path]`
    #[arg(long, env = "DMP_REGISTRY")]
    pub registry: String,
    /// CA of the registry's certificate (PEM) [default: the system's authorities]
    #[arg(long, value_name = "FILE")]
    pub registry_ca: Option<PathBuf>,
    /// The registry speaks HTTP without TLS (digests are checked all the same)
    #[arg(long)]
    pub plain_http: bool,
    /// User name at the registry
    #[arg(long, env = "DMP_REGISTRY_USER")]
    pub registry_user: Option<String>,
    /// Password or token at the registry; better given in the environment
    #[arg(
        long,
        env = "DMP_REGISTRY_PASSWORD",
        hide_env_values = true,
        requires = "registry_user"
    )]
    pub registry_password: Option<String>,
}

/// What a push did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    pub blobs_sent: usize,
    pub blobs_there: usize,
}

/// Sends what the registry does not have.
///
/// # Errors
/// `registry` with the registry's words, `registry-refused` for lack of rights, `registry-altered` when it holds
/// something else in the end.
pub async fn run(set: &ImageSet, options: &PushOptions, progress: &Progress) -> Result<Pushed> {
    let (host, path) = split(&options.registry)?;
    let client = Client::new(config(options)?);
    let auth = match (&options.registry_user, &options.registry_password) {
        (Some(user), Some(password)) => RegistryAuth::Basic(user.clone(), password.clone()),
        _ => RegistryAuth::Anonymous,
    };
    let mut sum = Pushed::default();
    for image in &set.images {
        let step = progress.step(format!("pushing {}", image.name));
        let repository = match path {
            "" => image.name.clone(),
            path => format!("{path}/{}", image.name),
        };
        let target = Reference::with_tag(host.to_owned(), repository, image.tag.clone());
        let pushed = one(&client, &auth, &target, image, &step)
            .await
            .map_err(|error| for_people(&target, error))?;
        step.done_with(match pushed.blobs_sent {
            0 => "was there".to_owned(),
            sent => format!("{sent} blobs sent, {} were there", pushed.blobs_there),
        });
        sum.blobs_sent += pushed.blobs_sent;
        sum.blobs_there += pushed.blobs_there;
    }
    Ok(sum)
}

#[derive(Debug, thiserror::Error)]
enum PushError {
    #[error(transparent)]
    Registry(#[from] OciDistributionError),
    #[error("the registry says {found} where {wanted} was sent")]
    Altered { wanted: String, found: String },
    #[error("the type of the manifest is not a header: {0}")]
    MediaType(String),
}

async fn one(
    client: &Client,
    auth: &RegistryAuth,
    target: &Reference,
    image: &Packed,
    step: &Step,
) -> std::result::Result<Pushed, PushError> {
    // One token for both: a token for pushing allows pulling as well.
    client.auth(target, auth, RegistryOperation::Push).await?;
    let mut pushed = Pushed::default();
    for (number, blob) in image.blobs.iter().enumerate() {
        if client.blob_exists(target, &blob.digest).await? {
            pushed.blobs_there += 1;
            continue;
        }
        step.at(format!(
            "blob {} of {}, {} MiB",
            number + 1,
            image.blobs.len(),
            blob.size >> 20
        ));
        let sent = client
            .push_blob_stream(target, content(blob.clone()), &blob.digest, Some(blob.size))
            .await;
        match sent {
            Ok(_) => {}
            // Some registries do not say where they put it: whether they have it is what counts.
            Err(OciDistributionError::RegistryNoLocationError)
                if client.blob_exists(target, &blob.digest).await? => {}
            Err(error) => return Err(error.into()),
        }
        pushed.blobs_sent += 1;
    }
    let media_type = image
        .media_type
        .parse()
        .map_err(|_| PushError::MediaType(image.media_type.clone()))?;
    client
        .push_manifest_raw(target, image.manifest.clone(), media_type)
        .await?;
    let found = client.fetch_manifest_digest(target, auth).await?;
    if found != image.digest {
        return Err(PushError::Altered {
            wanted: image.digest.clone(),
            found,
        });
    }
    Ok(pushed)
}

/// A blob as a stream of pieces.
fn content(
    blob: Blob,
) -> impl Stream<Item = std::result::Result<Bytes, OciDistributionError>> + Send + 'static {
    try_unfold(
        (None, blob.size),
        move |(file, left): (Option<tokio::fs::File>, u64)| {
            let blob = blob.clone();
            async move {
                if left == 0 {
                    return Ok(None);
                }
                let mut file = match file {
                    Some(file) => file,
                    None => {
                        let mut file = tokio::fs::File::open(&blob.file).await?;
                        file.seek(std::io::SeekFrom::Start(blob.offset)).await?;
                        file
                    }
                };
                let length = left.min(CHUNK);
                let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
                file.read_exact(&mut bytes).await?;
                Ok(Some((Bytes::from(bytes), (Some(file), left - length))))
            }
        },
    )
}

fn config(options: &PushOptions) -> Result<ClientConfig> {
    let extra_root_certificates = match &options.registry_ca {
        None => Vec::new(),
        Some(path) => vec![Certificate {
            encoding: CertificateEncoding::Pem,
            data: std::fs::read(path).map_err(|source| CliError::file(path, source))?,
        }],
    };
    Ok(ClientConfig {
        protocol: if options.plain_http {
            ClientProtocol::Http
        } else {
            ClientProtocol::Https
        },
        use_monolithic_push: true,
        extra_root_certificates,
        connect_timeout: Some(Duration::from_secs(10)),
        user_agent: concat!("dmpctl/", env!("CARGO_PKG_VERSION")),
        ..ClientConfig::default()
    })
}

fn for_people(target: &Reference, error: PushError) -> CliError {
    let refused = matches!(
        &error,
        PushError::Registry(
            OciDistributionError::UnauthorizedError { .. } | OciDistributionError::AuthenticationFailure(_)
        )
    );
    let (code, remedy) = match (&error, refused) {
        (_, true) => (
            "registry-refused",
            "give --registry-user and DMP_REGISTRY_PASSWORD of somebody who may push there",
        ),
        (PushError::Altered { .. }, _) => (
            "registry-altered",
            "something between here and the registry changes what it stores: use the registry itself",
        ),
        _ => (
            "registry",
            "check the registry's name, --registry-ca or --plain-http; run the command again, it goes on where it was",
        ),
    };
    CliError::new(code, format!("`{}` was not pushed", target.whole()), remedy).because(error)
}
