//! What each dashboard shows. The first row answers "is it all right"; the rest says where to look.

use crate::dashboard::{Dashboard, Kind, Panel};

/// All of them.
pub fn all() -> Vec<Dashboard> {
    vec![overview(), gateway(), group(), audit(), operator()]
}

fn panel(
    title: &'static str,
    kind: Kind,
    unit: &'static str,
    width: u64,
    queries: &[(&'static str, &'static str)],
) -> Panel {
    Panel {
        title,
        kind,
        unit,
        width,
        queries: queries.to_vec(),
    }
}

fn overview() -> Dashboard {
    Dashboard {
        uid: "dmp-overview",
        title: "DMP / Platform",
        description: "The national plane and all groups on one screen.",
        variables: vec![],
        rows: vec![
            (
                "All right?",
                vec![
                    panel(
                        "Pods that answer",
                        Kind::AtLeast(1.0),
                        "percentunit",
                        4,
                        &[(r#"sum(up{job="dmp"}) / count(up{job="dmp"})"#, "")],
                    ),
                    panel(
                        "Failing checks",
                        Kind::Below(1.0),
                        "short",
                        4,
                        &[("count(dmp_check_passing == 0) or vector(0)", "")],
                    ),
                    panel(
                        "Errors at the gateway",
                        Kind::Below(0.02),
                        "percentunit",
                        4,
                        &[(
                            r#"(sum(rate(dmp_http_requests_total{service="gateway", status="5xx"}[5m])) or vector(0)) / sum(rate(dmp_http_requests_total{service="gateway"}[5m]))"#,
                            "",
                        )],
                    ),
                    panel(
                        "Age of the facts",
                        Kind::Below(5.0),
                        "s",
                        4,
                        &[("max(dmp_gateway_facts_age_seconds)", "")],
                    ),
                    panel(
                        "Findings in the logs",
                        Kind::Below(1.0),
                        "short",
                        4,
                        &[("sum(max by (origin, kind) (dmp_audit_findings))", "")],
                    ),
                    panel(
                        "Resources not ready",
                        Kind::Below(1.0),
                        "short",
                        4,
                        &[(
                            r#"count(max by (kind, name) (dmp_resource_condition{condition="Ready"}) == 0) or vector(0)"#,
                            "",
                        )],
                    ),
                ],
            ),
            (
                "Work",
                vec![
                    panel(
                        "Requests by service",
                        Kind::Lines,
                        "reqps",
                        12,
                        &[(
                            "sum by (namespace, service) (rate(dmp_http_requests_total[$__rate_interval]))",
                            "{{namespace}}/{{service}}",
                        )],
                    ),
                    panel(
                        "Time to answer, 95th percentile",
                        Kind::Lines,
                        "s",
                        12,
                        &[(
                            "histogram_quantile(0.95, sum by (le, service) (rate(dmp_http_request_seconds_bucket[$__rate_interval])))",
                            "{{service}}",
                        )],
                    ),
                ],
            ),
            (
                "What it stands on",
                vec![
                    panel(
                        "Calls of OpenBao",
                        Kind::Lines,
                        "reqps",
                        8,
                        &[(
                            "sum by (outcome) (rate(dmp_key_service_calls_total[$__rate_interval]))",
                            "{{outcome}}",
                        )],
                    ),
                    panel(
                        "Life left of certificates",
                        Kind::Lines,
                        "s",
                        8,
                        &[(
                            r#"min by (namespace, service) (dmp_certificate_not_after_seconds{certificate="own"}) - time()"#,
                            "{{namespace}}/{{service}}",
                        )],
                    ),
                    panel(
                        "Room on the volumes",
                        Kind::Lines,
                        "percentunit",
                        8,
                        &[(
                            r#"kubelet_volume_stats_available_bytes{namespace=~"dmp-.*"} / kubelet_volume_stats_capacity_bytes{namespace=~"dmp-.*"}"#,
                            "{{namespace}}/{{persistentvolumeclaim}}",
                        )],
                    ),
                    panel(
                        "Instances per database",
                        Kind::Table,
                        "short",
                        12,
                        &[(
                            r#"sum by (namespace, pg_cluster) (cnpg_collector_up{job="dmp-database"})"#,
                            "",
                        )],
                    ),
                    panel(
                        "Failing checks now",
                        Kind::Table,
                        "short",
                        12,
                        &[(
                            "min by (namespace, service, pod, check) (dmp_check_passing) == 0",
                            "",
                        )],
                    ),
                ],
            ),
        ],
    }
}

fn gateway() -> Dashboard {
    Dashboard {
        uid: "dmp-gateway",
        title: "DMP / Gateway",
        description: "What solutions meet: answers, refusals, tokens, the freshness of the facts.",
        variables: vec![],
        rows: vec![
            (
                "Answers",
                vec![
                    panel(
                        "By class",
                        Kind::Lines,
                        "reqps",
                        8,
                        &[(
                            r#"sum by (status) (rate(dmp_http_requests_total{service="gateway"}[$__rate_interval]))"#,
                            "{{status}}",
                        )],
                    ),
                    panel(
                        "By route",
                        Kind::Lines,
                        "reqps",
                        8,
                        &[(
                            r#"sum by (method, route) (rate(dmp_http_requests_total{service="gateway"}[$__rate_interval]))"#,
                            "{{method}} {{route}}",
                        )],
                    ),
                    panel(
                        "Time to answer",
                        Kind::Lines,
                        "s",
                        8,
                        &[
                            (
                                r#"histogram_quantile(0.5, sum by (le) (rate(dmp_http_request_seconds_bucket{service="gateway"}[$__rate_interval])))"#,
                                "half",
                            ),
                            (
                                r#"histogram_quantile(0.95, sum by (le) (rate(dmp_http_request_seconds_bucket{service="gateway"}[$__rate_interval])))"#,
                                "95 %",
                            ),
                            (
                                r#"histogram_quantile(0.99, sum by (le) (rate(dmp_http_request_seconds_bucket{service="gateway"}[$__rate_interval])))"#,
                                "99 %",
                            ),
                        ],
                    ),
                ],
            ),
            (
                "Refusals",
                vec![
                    panel(
                        "Failures by kind",
                        Kind::Lines,
                        "reqps",
                        6,
                        &[(
                            "sum by (kind) (rate(dmp_gateway_failures_total[$__rate_interval]))",
                            "{{kind}}",
                        )],
                    ),
                    panel(
                        "Software not let in",
                        Kind::Lines,
                        "reqps",
                        6,
                        &[(
                            "sum by (reason) (rate(dmp_gateway_software_refused_total[$__rate_interval]))",
                            "{{reason}}",
                        )],
                    ),
                    panel(
                        "Above a quota",
                        Kind::Lines,
                        "reqps",
                        6,
                        &[(
                            "sum by (limit) (rate(dmp_gateway_quota_refused_total[$__rate_interval]))",
                            "{{limit}}",
                        )],
                    ),
                    panel(
                        "Tokens asked for",
                        Kind::Lines,
                        "reqps",
                        6,
                        &[(
                            "sum by (outcome) (rate(dmp_gateway_token_requests_total[$__rate_interval]))",
                            "{{outcome}}",
                        )],
                    ),
                ],
            ),
            (
                "Products in production",
                vec![
                    panel(
                        "Requests",
                        Kind::Lines,
                        "reqps",
                        6,
                        &[(
                            r#"sum by (solution) (rate(dmp_gateway_solution_requests_total{solution!="sandbox"}[$__rate_interval]))"#,
                            "{{solution}}",
                        )],
                    ),
                    panel(
                        "Invalid resources, share of an hour",
                        Kind::Lines,
                        "percentunit",
                        6,
                        &[(
                            r#"sum by (solution) (rate(dmp_gateway_solution_requests_total{solution!="sandbox", outcome="invalid"}[1h])) / sum by (solution) (rate(dmp_gateway_solution_requests_total{solution!="sandbox"}[1h]))"#,
                            "{{solution}}",
                        )],
                    ),
                    panel(
                        "Refused, share of an hour",
                        Kind::Lines,
                        "percentunit",
                        6,
                        &[(
                            r#"sum by (solution) (rate(dmp_gateway_solution_requests_total{solution!="sandbox", outcome="refused"}[1h])) / sum by (solution) (rate(dmp_gateway_solution_requests_total{solution!="sandbox"}[1h]))"#,
                            "{{solution}}",
                        )],
                    ),
                    panel(
                        "Versions with a certificate",
                        Kind::Lines,
                        "short",
                        6,
                        &[(
                            r#"max by (solution) (dmp_gateway_solution_versions{solution!="sandbox"})"#,
                            "{{solution}}",
                        )],
                    ),
                ],
            ),
            (
                "Facts",
                vec![
                    panel(
                        "Age by gateway (the door closes at 10 s)",
                        Kind::Lines,
                        "s",
                        12,
                        &[("dmp_gateway_facts_age_seconds", "{{pod}}")],
                    ),
                    panel(
                        "Checks",
                        Kind::Lines,
                        "short",
                        12,
                        &[(
                            r#"min by (pod, check) (dmp_check_passing{service="gateway"})"#,
                            "{{pod}} {{check}}",
                        )],
                    ),
                ],
            ),
        ],
    }
}

fn group() -> Dashboard {
    Dashboard {
        uid: "dmp-group",
        title: "DMP / Health group",
        description: "One record store: its requests, keys, log and databases.",
        variables: vec![("group", "Group", "label_values(up, group)")],
        rows: vec![
            (
                "Record store",
                vec![
                    panel(
                        "Ready",
                        Kind::AtLeast(1.0),
                        "short",
                        4,
                        &[(
                            r#"min(max by (name) (dmp_resource_condition{kind="HealthGroup", name=~"$group", condition="Ready"}))"#,
                            "",
                        )],
                    ),
                    panel(
                        "Requests",
                        Kind::Lines,
                        "reqps",
                        10,
                        &[(
                            r#"sum by (group, route, status) (rate(dmp_http_requests_total{service="records", group=~"$group"}[$__rate_interval]))"#,
                            "{{group}} {{route}} {{status}}",
                        )],
                    ),
                    panel(
                        "Time to answer, 95th percentile",
                        Kind::Lines,
                        "s",
                        10,
                        &[(
                            r#"histogram_quantile(0.95, sum by (le, group, route) (rate(dmp_http_request_seconds_bucket{service="records", group=~"$group"}[$__rate_interval])))"#,
                            "{{group}} {{route}}",
                        )],
                    ),
                ],
            ),
            (
                "Keys and log",
                vec![
                    panel(
                        "Calls of OpenBao",
                        Kind::Lines,
                        "reqps",
                        8,
                        &[(
                            r#"sum by (group, outcome) (rate(dmp_key_service_calls_total{group=~"$group"}[$__rate_interval]))"#,
                            "{{group}} {{outcome}}",
                        )],
                    ),
                    panel(
                        "Time of a call of OpenBao, 95th percentile",
                        Kind::Lines,
                        "s",
                        8,
                        &[(
                            r#"histogram_quantile(0.95, sum by (le, group) (rate(dmp_key_service_call_seconds_bucket{group=~"$group"}[$__rate_interval])))"#,
                            "{{group}}",
                        )],
                    ),
                    panel(
                        "Lag of the log",
                        Kind::Lines,
                        "s",
                        8,
                        &[(
                            r#"max by (log) (dmp_log_lag_seconds{group=~"$group"})"#,
                            "{{log}}",
                        )],
                    ),
                ],
            ),
            (
                "Databases",
                vec![
                    panel(
                        "Instances that answer",
                        Kind::Lines,
                        "short",
                        6,
                        &[(
                            r#"sum by (namespace, pg_cluster) (cnpg_collector_up{namespace=~"dmp-$group"})"#,
                            "{{namespace}}/{{pg_cluster}}",
                        )],
                    ),
                    panel(
                        "Replication lag",
                        Kind::Lines,
                        "s",
                        6,
                        &[(
                            r#"max by (namespace, pg_cluster) (cnpg_pg_replication_lag{namespace=~"dmp-$group"})"#,
                            "{{namespace}}/{{pg_cluster}}",
                        )],
                    ),
                    panel(
                        "Size",
                        Kind::Lines,
                        "bytes",
                        6,
                        &[(
                            r#"max by (namespace, pg_cluster) (cnpg_pg_database_size_bytes{namespace=~"dmp-$group", datname="app"})"#,
                            "{{namespace}}/{{pg_cluster}}",
                        )],
                    ),
                    panel(
                        "Connections",
                        Kind::Lines,
                        "short",
                        6,
                        &[(
                            r#"sum by (namespace, pg_cluster) (cnpg_backends_total{namespace=~"dmp-$group"})"#,
                            "{{namespace}}/{{pg_cluster}}",
                        )],
                    ),
                ],
            ),
        ],
    }
}

fn audit() -> Dashboard {
    Dashboard {
        uid: "dmp-audit",
        title: "DMP / Audit",
        description: "The logs of all services: that they grow, verify and are pulled.",
        variables: vec![],
        rows: vec![
            (
                "All right?",
                vec![
                    panel(
                        "Findings",
                        Kind::Below(1.0),
                        "short",
                        6,
                        &[("sum(max by (origin, kind) (dmp_audit_findings))", "")],
                    ),
                    panel(
                        "Logs not pulled",
                        Kind::Below(1.0),
                        "short",
                        6,
                        &[(
                            "count(max by (origin) (dmp_audit_source_up) == 0) or vector(0)",
                            "",
                        )],
                    ),
                    panel(
                        "Findings by log",
                        Kind::Table,
                        "short",
                        12,
                        &[("max by (origin, kind) (dmp_audit_findings) > 0", "")],
                    ),
                ],
            ),
            (
                "Logs",
                vec![
                    panel(
                        "Entries copied and verified",
                        Kind::Lines,
                        "short",
                        8,
                        &[("max by (origin) (dmp_audit_source_entries)", "{{origin}}")],
                    ),
                    panel(
                        "Since the last pull",
                        Kind::Lines,
                        "s",
                        8,
                        &[(
                            "time() - max by (origin) (dmp_audit_source_pulled_seconds)",
                            "{{origin}}",
                        )],
                    ),
                    panel(
                        "Lag of the sequencer",
                        Kind::Lines,
                        "s",
                        8,
                        &[("max by (log) (dmp_log_lag_seconds)", "{{log}}")],
                    ),
                    panel(
                        "Failures of the sequencer",
                        Kind::Lines,
                        "short",
                        12,
                        &[(
                            "sum by (log) (increase(dmp_log_failures_total[$__rate_interval]))",
                            "{{log}}",
                        )],
                    ),
                    panel(
                        "Trails asked for",
                        Kind::Lines,
                        "reqps",
                        12,
                        &[(
                            r#"sum by (status) (rate(dmp_http_requests_total{service="audit", route="/v1/trail"}[$__rate_interval]))"#,
                            "{{status}}",
                        )],
                    ),
                ],
            ),
        ],
    }
}

fn operator() -> Dashboard {
    Dashboard {
        uid: "dmp-operator",
        title: "DMP / Operator",
        description: "Who leads, what is reconciled, what the resources say.",
        variables: vec![],
        rows: vec![
            (
                "All right?",
                vec![
                    panel(
                        "Leaders",
                        Kind::AtLeast(1.0),
                        "short",
                        6,
                        &[("sum(dmp_operator_leading)", "")],
                    ),
                    panel(
                        "Failed in the last hour",
                        Kind::Below(1.0),
                        "short",
                        6,
                        &[(
                            r#"sum(increase(dmp_operator_reconciliations_total{outcome="failed"}[1h])) or vector(0)"#,
                            "",
                        )],
                    ),
                    panel(
                        "Conditions that do not hold",
                        Kind::Table,
                        "short",
                        12,
                        &[(
                            r#"max by (kind, name, condition) (dmp_resource_condition{condition!~"Stalled|Reconciling|InsecureSeal|DemonstrationOn|Homologated"}) == 0"#,
                            "",
                        )],
                    ),
                ],
            ),
            (
                "Reconciliations",
                vec![
                    panel(
                        "By outcome",
                        Kind::Lines,
                        "ops",
                        8,
                        &[(
                            "sum by (controller, outcome) (rate(dmp_operator_reconciliations_total[$__rate_interval]))",
                            "{{controller}} {{outcome}}",
                        )],
                    ),
                    panel(
                        "Time, 95th percentile",
                        Kind::Lines,
                        "s",
                        8,
                        &[(
                            "histogram_quantile(0.95, sum by (le, controller) (rate(dmp_operator_reconciliation_duration_seconds_bucket[$__rate_interval])))",
                            "{{controller}}",
                        )],
                    ),
                    panel(
                        "Calls of OpenBao",
                        Kind::Lines,
                        "reqps",
                        8,
                        &[(
                            r#"sum by (outcome) (rate(dmp_key_service_calls_total{service="dmp-operator"}[$__rate_interval]))"#,
                            "{{outcome}}",
                        )],
                    ),
                ],
            ),
        ],
    }
}
