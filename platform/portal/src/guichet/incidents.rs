//! Whose records an incident touched: for readers of the body of security alone, about an incident that says so.
//!
//! Two people at least: who opens incidents has a role in the cluster, who asks is named in the `Platform`, and every asking is in the log.

use axum::extract::{Path, State};
use dmp_api::Incident;
use dmp_api::body::Role;
use dmp_client::affected::Question;
use dmp_core::ids::GroupName;
use dmp_core::json::Json;
use dmp_core::problem::Problem;
use dmp_homologation::guichet::{Affected, AffectedPatient, AffectedQuestion, is_label};
use http::StatusCode;
use jiff::Timestamp;

use super::caller::Caller;
use super::documents::unprocessable;
use crate::app::App;
use crate::cluster;

const CANNOT: &str = "this cannot be asked";

/// `POST incidents/{name}/affected`.
pub(super) async fn affected(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Json(asked): Json<AffectedQuestion>,
) -> Result<Json<Affected>, Problem> {
    // To everybody else there are no incidents.
    let unknown = || {
        Problem::not_found(
            "no-such-incident",
            "there is no such incident, or you do not read for the body of security",
        )
    };
    let may = caller.reads_for(&app.cluster).await?.contains(&Role::Security);
    if !may || !is_label(&name) {
        return Err(unknown());
    }
    let incident = cluster::get(&app.cluster.all::<Incident>()?, &name).await;
    let incident = incident.map_err(|problem| match problem.status {
        StatusCode::NOT_FOUND => unknown(),
        _ => problem,
    })?;
    covers(&incident, &asked.group)?;
    let question = question(&caller, &name, asked)?;
    question
        .check(Timestamp::now())
        .map_err(|invalid| unprocessable(invalid.code(), CANNOT).with_detail(invalid.to_string()))?;
    let answer = app.affected.ask(&question, caller.correlation()).await?;
    Ok(Json(Affected {
        count: answer.count,
        patients: answer
            .patients
            .into_iter()
            .map(|one| AffectedPatient {
                patient: one.patient.map(|id| id.as_uuid().to_string()),
                first: one.first.to_string(),
                last: one.last.to_string(),
                reads: one.reads,
                searches: one.searches,
                writes: one.writes,
            })
            .collect(),
        next: answer.next,
        behind: answer.behind,
        unreadable: answer.unreadable,
    }))
}

/// Whether the incident is one for which the group's patients are asked for.
///
/// # Errors
/// 409 `incident-not-about-it`.
fn covers(incident: &Incident, group: &str) -> Result<(), Problem> {
    let spec = &incident.spec;
    let affects = spec.affects.platform || spec.affects.groups.iter().any(|name| name == group);
    let missing = if spec.is_closed() {
        "it is closed: patients are asked for while they are to be told"
    } else if !affects {
        "it does not affect this group: spec.affects may grow"
    } else if !spec.personal_data {
        "it says that no personal data are affected: spec.personalData may become true"
    } else {
        return Ok(());
    };
    Err(Problem::conflict(
        "incident-not-about-it",
        "this incident is no reason to ask for these patients",
    )
    .with_detail(missing))
}

fn question(caller: &Caller, incident: &str, asked: AffectedQuestion) -> Result<Question, Problem> {
    let wrong = |what: &str| {
        unprocessable("question-not-valid", CANNOT).with_detail(format!("`{what}` cannot be read"))
    };
    let group: GroupName = asked.group.parse().map_err(|_| wrong("group"))?;
    Ok(Question {
        incident: incident.to_owned(),
        who: format!("person:{}", caller.mark()),
        group,
        software: asked.software,
        version: asked.version,
        person: asked.person,
        establishment: asked.establishment,
        from: asked.from.parse().map_err(|_| wrong("from"))?,
        to: asked.to.parse().map_err(|_| wrong("to"))?,
        after: asked.after,
        limit: asked.limit,
    })
}
