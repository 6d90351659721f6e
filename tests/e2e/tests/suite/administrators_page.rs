//! `docs/security/residual-risk.md`, from what a run has seen.

use std::collections::BTreeSet;

/// In the order of the columns.
pub const ACTORS: [&str; 5] = ["operator", "host", "group-admin", "security", "cluster-admin"];

/// What came of one attempt by one actor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// RBAC, or the lack of any way there.
    NoRight,
    /// An admission policy. Of several that deny, the API server names any: which they are stands in the last column.
    Policy,
    /// OpenBao said no to an identity that it knows.
    OpenBao,
    /// The operator's own work; what it leads to is in the last column.
    ByRight,
    Succeeds,
}

pub struct Row {
    pub title: &'static str,
    pub limits: &'static str,
    /// By actor, the outcomes of each request.
    pub outcomes: [BTreeSet<Outcome>; 5],
    /// Reasons of the Events that were found.
    pub traces: BTreeSet<String>,
}

fn cell(outcomes: &BTreeSet<Outcome>) -> String {
    if outcomes.contains(&Outcome::Succeeds) {
        return "**succeeds**".to_owned();
    }
    if outcomes.contains(&Outcome::ByRight) {
        return "by right".to_owned();
    }
    let mut reasons: Vec<String> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::NoRight => "no right".to_owned(),
            Outcome::Policy => "a policy".to_owned(),
            Outcome::OpenBao => "OpenBao".to_owned(),
            Outcome::ByRight | Outcome::Succeeds => String::new(),
        })
        .collect();
    // That there is no right says all.
    if outcomes.contains(&Outcome::NoRight) {
        reasons.truncate(1);
    }
    format!("refused: {}", reasons.join(", "))
}

const HEAD: &str = "# What administrators can and cannot do

Written by the end-to-end test `administrators` from what the API server and OpenBao of an appliance answered; it fails when this page says
something else. Operator: the identity of the operator's pods. Host, group-admin, security: people with the ClusterRoles `dmp-host`,
`dmp-group-admin` (bound in this group), `dmp-security`. Cluster-admin: `system:masters`. \"a policy\" is an admission policy of the last column;
\"no right\" is RBAC, or that there is no way to where it would be asked; \"by right\" is the operator's own work. A finding is a Kubernetes Event on the HealthGroup or the Platform with that
reason, a count in `dmp_operator_audit_findings_total` and a line in the operator's log; attempts that were refused leave one as well.

";

const TAIL: &str = "
## What is left

What a cluster administrator succeeds in, this page says, and each such step leaves its finding within seconds: the platform is protected from such a person by
being seen, not by being strong. These steps leave none, because the API server's audit does not see them:

- **The machines.** Who is root on a node reads the memory of the processes on it, the tokens of its pods, and the files of the volumes (ciphertext, and
  OpenBao's storage under its seal). Who is root on the control plane reads etcd (Secrets are encrypted there, with a key on the same machine),
  signs any ServiceAccount token, and can end the audit webhook; that is seen as `KubernetesAudit=False` after 20 minutes.
- **The kubelet's port.** Who can reach port 10250 of a node with a certificate of `system:masters` enters pods without the API server. Keep that port to the
  control plane (the appliance's nodes have no route to the outside).
- **Certificates of the cluster's authority.** Only the first step is seen: approving a request for a kubelet's certificate makes its holder a kubelet; the approval leaves
  `CertificateApproved`, what is done with it looks like a kubelet's work.
- **The API server's webhook is best effort.** It drops what it cannot deliver after some retries. Its audit log on disk has everything: bring it off the machine.

What would take a step away: an OpenBao whose seal is outside of the cluster (required for production groups), custody of the group's keys by the
group, admission policies from files on the control plane (`ManifestBasedAdmissionControlConfig`, alpha in
Kubernetes 1.36).
";

/// The page.
pub fn page(rows: &[Row]) -> String {
    let mut text = HEAD.to_owned();
    text.push_str("| attempt | operator | host | group-admin | security | cluster-admin | trace left | what limits it |\n");
    text.push_str("|---|---|---|---|---|---|---|---|\n");
    for row in rows {
        let cells: Vec<String> = row.outcomes.iter().map(cell).collect();
        let traces: Vec<String> = row.traces.iter().map(|trace| format!("`{trace}`")).collect();
        let traces = if traces.is_empty() {
            "OpenBao's audit log".to_owned()
        } else {
            traces.join(", ")
        };
        text.push_str(&format!(
            "| {} | {} | {traces} | {} |\n",
            row.title,
            cells.join(" | "),
            row.limits
        ));
    }
    text.push_str(TAIL);
    text
}
