//! How many requests an API server has answered, from its `/metrics`.

/// Requests that change something, leases excepted: a leader renews its own every two seconds.
pub fn writes(metrics: &str) -> u64 {
    total(metrics, |labels| {
        let write = ["APPLY", "DELETE", "DELETECOLLECTION", "PATCH", "POST", "PUT"];
        write
            .iter()
            .any(|verb| labels.contains(&format!("verb=\"{verb}\"")))
            && !labels.contains("resource=\"leases\"")
    })
}

/// Requests that only look, watches excepted (they last).
pub fn reads(metrics: &str) -> u64 {
    total(metrics, |labels| {
        ["GET", "LIST"]
            .iter()
            .any(|verb| labels.contains(&format!("verb=\"{verb}\"")))
            && !labels.contains("resource=\"leases\"")
            && !labels.contains(",resource=\"\"")
    })
}

fn total(metrics: &str, counts: impl Fn(&str) -> bool) -> u64 {
    metrics
        .lines()
        .filter_map(|line| line.strip_prefix("apiserver_request_total{")?.rsplit_once("} "))
        .filter(|(labels, _)| counts(labels))
        .filter_map(|(_, count)| count.parse::<f64>().ok())
        .map(|count| count as u64)
        .sum()
}

#[cfg(test)]
mod tests {
    #[test]
    fn counts_what_changes_something() {
        let metrics = r#"
# TYPE apiserver_request_total counter
apiserver_request_total{code="200",group="",resource="pods",subresource="",verb="GET"} 5
apiserver_request_total{code="200",group="",resource="pods",subresource="status",verb="PATCH"} 2
apiserver_request_total{code="201",group="apps",resource="deployments",verb="APPLY"} 3
apiserver_request_total{code="200",group="coordination.k8s.io",resource="leases",verb="PUT"} 40
apiserver_request_total{code="200",group="",resource="",verb="GET"} 7
apiserver_request_total{code="200",group="",resource="pods",verb="WATCH"} 9
other{verb="POST"} 1
"#;
        assert_eq!((super::writes(metrics), super::reads(metrics)), (5, 5));
    }
}
