//! The OSCAL documents of each day, into the API: at the first pass of a day (UTC), of the report that was just published, which is
//! the one that the day's line of the posture names. An object a day, never written again; too old ones go.
//!
//! Not here: what the documents say and which days are kept (`dmp_policies::oscal`), the national log (the operator).

use std::collections::BTreeSet;

use dmp_api::names::{EVIDENCE_NAMESPACE, OSCAL_LABEL};
use dmp_homologation::canonical;
use dmp_policies::openreports::Report;
use dmp_policies::oscal::kept::{self, Bundle, FEWEST_MONTHS, HASH, Packed, TEXT, USUAL_DAYS};
use dmp_policies::oscal::{System, documents};
use dmp_policies::posture::{changed_at, posture};
use dmp_policies::{Catalogue, day};
use jiff::Timestamp;
use jiff::civil::Date;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

use crate::metrics;
use crate::publish::{MANAGER, PublishError, labels};
use crate::world::Identity;

/// What this process knows of the days.
#[derive(Clone, Debug)]
pub struct Bundles {
    days: u16,
    months: u16,
    /// The day (UTC) for which everything is done.
    done: Option<Date>,
}

impl Default for Bundles {
    fn default() -> Self {
        Self::new(USUAL_DAYS, FEWEST_MONTHS)
    }
}

impl Bundles {
    /// How many days are kept, and of how many months the first one.
    pub const fn new(days: u16, months: u16) -> Self {
        Self {
            days,
            months,
            done: None,
        }
    }

    /// The documents of the day of `now`, if there are none yet. `report`: as it was just written, by `catalogue`.
    ///
    /// # Errors
    /// When they cannot be made, read or written: the next pass tries again.
    pub async fn keep(
        &mut self,
        client: &Client,
        catalogue: &Catalogue,
        report: &Report,
        platform: &Identity,
        now: Timestamp,
    ) -> Result<(), PublishError> {
        let today = day(now);
        if self.done == Some(today) {
            return Ok(());
        }
        let api = Api::<ConfigMap>::namespaced(client.clone(), EVIDENCE_NAMESPACE);
        // By their names: a label can be taken away.
        let names = api
            .list_metadata(&ListParams::default())
            .await
            .map_err(failed("reading", "names of evidence"))?;
        let names = names.items.iter().map(|one| one.name_any());
        let mut there: BTreeSet<Date> = names.filter_map(|name| kept::day(&name)).collect();
        if !there.contains(&today) {
            let bundle = bundle(catalogue, report, platform, now)?;
            match bundle.pack() {
                Ok(packed) => {
                    metrics::bundle(packed.gzip.len());
                    create(&api, today, &bundle, packed).await?;
                    there.insert(today);
                }
                Err(error) => {
                    // Another pass would make the same; tomorrow's may be smaller.
                    metrics::bundle_refused();
                    tracing::error!(day = %today, %error, "the OSCAL documents of the day are not kept");
                }
            }
        }
        for old in kept::surplus(&there, self.days, self.months) {
            remove(&api, old).await?;
        }
        self.done = Some(today);
        Ok(())
    }
}

/// The documents of this moment.
fn bundle(
    catalogue: &Catalogue,
    report: &Report,
    platform: &Identity,
    now: Timestamp,
) -> Result<Bundle, PublishError> {
    let standings = posture(catalogue, report, now);
    let system = System {
        name: &platform.name,
        uid: &platform.uid,
    };
    Ok(Bundle {
        platform: platform.name.clone(),
        platform_uid: platform.uid.clone(),
        at: changed_at(&standings, now),
        report: canonical::sha256(report),
        documents: documents(catalogue, &standings, system, now).map_err(PublishError::Documents)?,
    })
}

/// Whoever came first has made it.
async fn create(
    api: &Api<ConfigMap>,
    day: Date,
    bundle: &Bundle,
    packed: Packed,
) -> Result<(), PublishError> {
    let name = kept::name(day);
    let mut labels = labels();
    labels[OSCAL_LABEL] = json!(name);
    let object = json!({
        "metadata": { "name": name, "labels": labels },
        "data": {
            HASH: packed.sha256, "bytes": packed.bytes.to_string(), "at": bundle.at.to_string(), "report": bundle.report,
        },
    });
    let mut object: ConfigMap = serde_json::from_value(object).map_err(PublishError::Documents)?;
    object.binary_data = Some([(TEXT.to_owned(), ByteString(packed.gzip))].into());
    let parameters = PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    };
    match api.create(&parameters, &object).await {
        Ok(_) => {
            tracing::info!(%day, sha256 = packed.sha256, "the OSCAL documents of the day are kept");
            Ok(())
        }
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        Err(error) => Err(failed("writing", &name)(error)),
    }
}

async fn remove(api: &Api<ConfigMap>, day: Date) -> Result<(), PublishError> {
    let name = kept::name(day);
    tracing::info!(name, "OSCAL documents are older than those that are kept");
    match api.delete(&name, &DeleteParams::default()).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(failed("removing", &name)(error)),
    }
}

fn failed(verb: &'static str, what: &str) -> impl FnOnce(kube::Error) -> PublishError {
    let what = what.to_owned();
    move |source| PublishError::Object { verb, what, source }
}
