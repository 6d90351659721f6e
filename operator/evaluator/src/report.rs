//! Verdicts as OpenReports: one ClusterReport with every control, and of each namespace a Report of what is about it. Pure.
//!
//! Times do not move by themselves. A verdict that has not changed, over the same evidence, keeps its time for a part of the
//! evidence's life: a pass over the same world gives the same report, word for word, and the age that is shown is never too young.

use std::collections::BTreeMap;

use dmp_policies::judge::Finding;
use dmp_policies::openreports::{
    Answer, EXCEPTED_UNTIL, EXCEPTIONS, Moment, Report, ReportResult, SOURCE, Summary,
};
use dmp_policies::{Control, Verdict};
use jiff::Timestamp;

use crate::pass::Judged;
use crate::profile;

/// Scopes that are named; the others are counted.
const SHOWN: usize = 8;

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reports {
    pub cluster: Report,
    pub namespaces: BTreeMap<String, Report>,
}

/// The verdict of a result, in the platform's own words: `pass`, `stale`, `error`, `fail`, `not-yet`.
pub fn verdict(result: &ReportResult) -> &str {
    result.properties.get("verdict").map_or("", String::as_str)
}

/// What is to be reported, after what was reported before.
pub fn reports(judged: &[Judged<'_>], before: &Reports, now: Timestamp) -> Reports {
    // The format has whole seconds for what matters: what is read again is what was written.
    let now = Timestamp::from(Moment::from(now));
    let mut reports = Reports::default();
    for one in judged {
        let mut about = BTreeMap::<&str, Vec<&Finding>>::new();
        for finding in &one.judgement.findings {
            about.entry(&finding.about).or_default().push(finding);
            let Some(namespace) = &finding.scope else {
                continue;
            };
            let result = result(one, finding, finding.because.clone(), now);
            let earlier = before.namespaces.get(namespace);
            let result = carried(result, earlier, one.control, now);
            reports
                .namespaces
                .entry(namespace.clone())
                .or_default()
                .results
                .push(result);
        }
        for findings in about.values() {
            let Some((worst, message)) = together(findings) else {
                continue;
            };
            let result = result(one, worst, message, now);
            reports
                .cluster
                .results
                .push(carried(result, Some(&before.cluster), one.control, now));
        }
    }
    for report in reports.namespaces.values_mut().chain([&mut reports.cluster]) {
        report.source = SOURCE.to_owned();
        report.summary = Summary::of(&report.results);
    }
    reports
}

/// The worst of the findings about one thing, and what is said of them all.
fn together<'f>(findings: &[&'f Finding]) -> Option<(&'f Finding, String)> {
    let worst = *findings.iter().max_by_key(|finding| finding.verdict)?;
    let alike = findings.iter().filter(|finding| finding.verdict == worst.verdict);
    let scopes: Vec<_> = alike.filter_map(|finding| finding.scope.as_deref()).collect();
    if worst.verdict == Verdict::Pass || scopes.is_empty() {
        return Some((worst, worst.because.clone()));
    }
    let shown = scopes.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    let more = match scopes.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some((worst, format!("{}; in {shown}{more}", worst.because)))
}

fn result(judged: &Judged<'_>, finding: &Finding, message: String, now: Timestamp) -> ReportResult {
    let control = judged.control;
    let mut properties: BTreeMap<String, String> = control
        .mappings
        .iter()
        .map(|(framework, ids)| (framework.clone(), ids.join(", ")))
        .collect();
    let mut say = |name: &str, value: String| properties.insert(name.to_owned(), value);
    say("verdict", finding.verdict.as_str().to_owned());
    say("since", now.to_string());
    say("state", control.implementation.state.as_str().to_owned());
    say("owner", control.owner().to_owned());
    let chosen = profile::chosen(control, now);
    if !chosen.is_empty() {
        say("profile", chosen);
    }
    if let Some(until) = finding.until {
        say(EXCEPTED_UNTIL, until.to_string());
    }
    if let Some(exceptions) = judged.exceptions.as_ref().filter(|_| finding.scope.is_none()) {
        say(EXCEPTIONS, exceptions.join(", "));
    }
    // What people bring is older than its report.
    let mut at = now;
    if let Some(evidence) = judged.evidence.get(&finding.about) {
        at = Timestamp::from(Moment::from(evidence.collected_at));
        say("evidence", evidence.name.clone());
        say("evidenceSha256", evidence.sha256.clone());
        say("expiresAt", (at + control.time_to_live()).to_string());
    }
    ReportResult {
        policy: control.id.clone(),
        rule: finding.about.clone(),
        category: control.family().to_owned(),
        severity: control.severity.as_str().to_owned(),
        result: answer(finding.verdict),
        scored: true,
        message,
        timestamp: at.into(),
        properties,
    }
}

/// What is stale and what is not there yet fail.
const fn answer(verdict: Verdict) -> Answer {
    match verdict {
        Verdict::Pass => Answer::Pass,
        Verdict::Excepted => Answer::Warn,
        Verdict::Error => Answer::Error,
        Verdict::Stale | Verdict::Fail | Verdict::NotYet => Answer::Fail,
    }
}

/// The result with the times it had, where nothing else changed.
fn carried(
    mut result: ReportResult,
    before: Option<&Report>,
    control: &Control,
    now: Timestamp,
) -> ReportResult {
    let mut earlier = before.into_iter().flat_map(|report| &report.results);
    let same = |one: &&ReportResult| one.policy == result.policy && one.rule == result.rule;
    let Some(earlier) = earlier.find(same) else {
        return result;
    };
    let at = Timestamp::from(earlier.timestamp);
    // Of the future: a clock was moved, nothing of it is believed.
    if at > now || verdict(earlier) != verdict(&result) {
        return result;
    }
    let since = earlier.properties.get("since");
    if let Some(since) = since.filter(|since| since.parse::<Timestamp>().is_ok_and(|since| since <= now)) {
        result.properties.insert("since".to_owned(), since.clone());
    }
    let hash = |one: &ReportResult| one.properties.get("evidenceSha256").cloned();
    let fresh = now.duration_since(at) < control.time_to_live() / 24;
    // Without evidence there is nothing to grow old.
    let unchanged = earlier.message == result.message && hash(earlier) == hash(&result);
    if unchanged && (fresh || hash(&result).is_none()) {
        result.timestamp = Moment::from(at);
        if result.properties.contains_key("expiresAt") {
            result
                .properties
                .insert("expiresAt".to_owned(), (at + control.time_to_live()).to_string());
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use dmp_policies::Catalogue;

    use super::*;
    use crate::pass::pass;
    use crate::world::{Denial, Namespace, World};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn world(at: Timestamp) -> World {
        let space = |name: &str, ours| Namespace {
            name: name.to_owned(),
            ours,
            vendors: name.starts_with("vendor-"),
            enforce: "restricted".to_owned(),
            ..Namespace::default()
        };
        World {
            namespaces: Ok(vec![
                space("dmp-national", true),
                space("vendor-atlas", false),
                space("tools", false),
            ]),
            denials: Ok(vec![Denial {
                namespace: "dmp-national".to_owned(),
                ingress: true,
                egress: true,
            }]),
            budgets: Ok(Vec::new()),
            nodes: Ok(Vec::new()),
            rights: Ok(crate::rights::Rights::default()),
            admission: Ok(Vec::new()),
            groups: Ok(Vec::new()),
            sites: Ok(Vec::new()),
            brought: Ok(Vec::new()),
            image: Ok(String::new()),
            report: Ok(None),
            ..World::unread(at)
        }
    }

    fn find<'r>(report: &'r Report, policy: &str, rule: &str) -> &'r ReportResult {
        let mut found = report.results.iter();
        found
            .find(|one| one.policy == policy && one.rule == rule)
            .unwrap()
    }

    #[test]
    fn every_control_is_there_and_what_was_not_read_is_an_error() {
        let catalogue = Catalogue::embedded().unwrap();
        let now = at("2026-12-01T00:00:00Z");
        let reports = reports(&pass(&catalogue, &world(now)), &Reports::default(), now);
        for control in catalogue.controls() {
            let mut results = reports.cluster.results.iter();
            assert!(results.any(|one| one.policy == control.id), "{}", control.id);
        }
        let labels = find(&reports.cluster, "DMP-WRK-01", "labels");
        assert_eq!((labels.result, verdict(labels)), (Answer::Error, "error"));
        assert_eq!(labels.message, "Things could not be read (forbidden)");
        let missing = find(&reports.cluster, "DMP-BCK-01", "implementation");
        assert_eq!((missing.result, verdict(missing)), (Answer::Fail, "not-yet"));
        let summary = reports.cluster.summary;
        assert_eq!(summary.skip + summary.warn, 0, "nothing is left out");
        assert_eq!(
            summary.pass + summary.fail + summary.error,
            reports.cluster.results.len() as u32
        );
    }

    #[test]
    fn a_namespace_has_its_own_report_and_the_whole_names_it() {
        let catalogue = Catalogue::embedded().unwrap();
        let now = at("2026-12-01T00:00:00Z");
        let reports = reports(&pass(&catalogue, &world(now)), &Reports::default(), now);
        assert_eq!(
            reports.namespaces.keys().collect::<Vec<_>>(),
            ["dmp-national", "vendor-atlas"]
        );
        let good = find(&reports.namespaces["dmp-national"], "DMP-NET-01", "policies");
        assert_eq!(good.result, Answer::Pass);
        let bad = find(&reports.namespaces["vendor-atlas"], "DMP-NET-01", "policies");
        assert_eq!(bad.result, Answer::Fail);
        let whole = find(&reports.cluster, "DMP-NET-01", "policies");
        assert_eq!(whole.result, Answer::Fail);
        assert!(whole.message.ends_with("; in vendor-atlas"), "{}", whole.message);
        assert_eq!(whole.properties["evidence"], "dmp-net-01.policies");
        assert_eq!(whole.properties["evidenceSha256"].len(), 64);
    }

    #[test]
    fn the_same_world_gives_the_same_report_until_its_evidence_is_a_part_of_its_life_old() {
        let catalogue = Catalogue::embedded().unwrap();
        let begin = at("2026-12-01T00:00:00Z");
        let first = reports(&pass(&catalogue, &world(begin)), &Reports::default(), begin);
        let later = at("2026-12-01T00:59:00Z");
        assert_eq!(reports(&pass(&catalogue, &world(later)), &first, later), first);

        let hour = at("2026-12-01T01:00:00Z");
        let second = reports(&pass(&catalogue, &world(hour)), &first, hour);
        let good = find(&second.namespaces["dmp-national"], "DMP-NET-01", "policies");
        assert_eq!(Timestamp::from(good.timestamp), hour);
        assert_eq!(good.properties["expiresAt"], "2026-12-02T01:00:00Z");
        assert_eq!(
            good.properties["since"], "2026-12-01T00:00:00Z",
            "it has been so since then"
        );

        let mut changed = world(hour);
        changed.denials.as_mut().unwrap()[0].egress = false;
        let third = reports(&pass(&catalogue, &changed), &second, hour);
        let bad = find(&third.namespaces["dmp-national"], "DMP-NET-01", "policies");
        assert_eq!(
            (verdict(bad), bad.properties["since"].as_str()),
            ("fail", "2026-12-01T01:00:00Z")
        );
    }

    #[test]
    fn nothing_is_believed_of_a_report_of_the_future() {
        let catalogue = Catalogue::embedded().unwrap();
        let (ahead, now) = (at("2027-12-01T00:00:00Z"), at("2026-12-01T00:00:00Z"));
        let first = reports(&pass(&catalogue, &world(ahead)), &Reports::default(), ahead);
        let second = reports(&pass(&catalogue, &world(now)), &first, now);
        assert!(
            second
                .cluster
                .results
                .iter()
                .all(|one| Timestamp::from(one.timestamp) == now)
        );
        assert!(
            second
                .cluster
                .results
                .iter()
                .all(|one| one.properties["since"] == now.to_string())
        );
    }
}
