//! The posture of each day, in the platform's log of who did what: the hash of the day's line, which covers every line before it.
//! From then on nobody rewrites the history unseen, whoever has the rights to its ConfigMaps.
//!
//! An entry is named by its day: brought again it is the same one, and a line that is another one now is refused by the log, which
//! is counted and said. What the log does not take yet is brought at the next look. Not here: the lines (`dmp-evaluator`).

use std::sync::LazyLock;
use std::time::Duration;

use dmp_api::names::EVIDENCE_NAMESPACE;
use dmp_client::acts::{Act, RecordError};
use dmp_core::problem::Chain;
use dmp_policies::day;
use dmp_policies::history::{History, Line, name};
use jiff::Timestamp;
use jiff::civil::Date;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};
use prometheus::IntCounter;
use tokio::time::sleep;

use crate::acts::{self, ActLog};

/// Between two looks.
pub(crate) const PERIOD: Duration = Duration::from_secs(300);
/// Between two looks while something waits.
pub(crate) const RETRY: Duration = Duration::from_secs(10);
/// Days that are brought after a start or a silence: the last of them covers what is before.
const MOST: usize = 31;

static REWRITTEN: LazyLock<Option<IntCounter>> = LazyLock::new(|| {
    dmp_core::metrics::registered(IntCounter::new(
        "dmp_operator_posture_rewritten_total",
        "Days of the posture whose line, or whose OSCAL documents, are not what the platform's log has.",
    ))
});

/// Brings the days for ever.
pub async fn run(client: Client, log: ActLog) {
    LazyLock::force(&REWRITTEN);
    let mut brought = None;
    loop {
        let pause = if bring(&client, &log, &mut brought, Timestamp::now()).await {
            PERIOD
        } else {
            RETRY
        };
        sleep(pause).await;
    }
}

/// Brings the days after `brought`; whether none waits.
pub async fn bring(client: &Client, log: &ActLog, brought: &mut Option<Date>, now: Timestamp) -> bool {
    let history = match read(client, now).await {
        Ok(history) => history,
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "the posture of the days cannot be read for the log");
            return false;
        }
    };
    for line in due(&history, *brought) {
        match log.record(&act(line)).await {
            Ok(()) => {}
            Err(error) if error.is_final() => told(line, &error),
            Err(_) => return false,
        }
        *brought = Some(line.day.date);
    }
    true
}

/// Of this year and the one before it.
async fn read(client: &Client, now: Timestamp) -> Result<History, kube::Error> {
    let api = Api::<ConfigMap>::namespaced(client.clone(), EVIDENCE_NAMESPACE);
    let this = day(now).year();
    let mut objects = Vec::new();
    for name in [name(this - 1), name(this)] {
        if let Some(live) = api.get_opt(&name).await? {
            objects.push((name, live.data.unwrap_or_default()));
        }
    }
    Ok(History::read(objects))
}

/// The newest days after `brought`, from old to new.
fn due(history: &History, brought: Option<Date>) -> Vec<&Line> {
    let news = |line: &&Line| brought.is_none_or(|brought| line.day.date > brought);
    let mut lines: Vec<_> = history.lines().filter(news).collect();
    lines.drain(..lines.len().saturating_sub(MOST));
    lines
}

fn act(line: &Line) -> Act {
    let (date, day) = (line.day.date.to_string(), &line.day);
    let facts = [
        ("sha256", line.hash.clone()),
        ("link", line.link.as_str().to_owned()),
        ("report", day.report.clone()),
        ("controls", day.controls.clone()),
    ];
    Act {
        id: format!("posture/{date}"),
        who: "operator".to_owned(),
        operation: "compliance/posture".to_owned(),
        resource: "ConfigMap".to_owned(),
        object: format!("{EVIDENCE_NAMESPACE}/{}", name(day.date.year())),
        outcome: "done".to_owned(),
        facts: facts.map(|(name, value)| (name.to_owned(), vec![value])).into(),
    }
}

/// What the log has of a day is not what is there.
pub(crate) fn rewritten() {
    if let Some(counter) = &*REWRITTEN {
        counter.inc();
    }
}

fn told(line: &Line, error: &acts::Error) {
    if matches!(error, acts::Error::Record(RecordError::Conflict)) {
        rewritten();
        tracing::error!(day = %line.day.date, "the history of the posture was rewritten: the log has another line of this day");
    }
}

#[cfg(test)]
mod tests {
    use dmp_policies::Verdict;
    use dmp_policies::history::{Day, Link, list_name};
    use jiff::civil::date;

    use super::*;

    fn history(days: std::ops::RangeInclusive<i8>) -> History {
        let mut objects = std::collections::BTreeMap::new();
        for number in days {
            let history = History::read(objects.clone());
            let day = Day {
                date: date(2026, 12, number),
                verdicts: vec![Verdict::Pass],
                report: "a".repeat(64),
                controls: list_name(["DMP-NET-01"]),
            };
            let line = history.next(day, None).unwrap();
            let (name, data) = history.with(&line, &["DMP-NET-01"]);
            objects.insert(name, data);
        }
        History::read(objects)
    }

    #[test]
    fn the_days_that_the_log_does_not_have_are_due_from_old_to_new() {
        let history = history(1..=5);
        let dates = |brought| {
            let due = due(&history, brought);
            due.iter().map(|line| line.day.date.day()).collect::<Vec<_>>()
        };
        assert_eq!(dates(None), [1, 2, 3, 4, 5]);
        assert_eq!(dates(Some(date(2026, 12, 3))), [4, 5]);
        assert_eq!(dates(Some(date(2026, 12, 5))), [0; 0]);
        assert!(due(&History::default(), None).is_empty());
    }

    #[test]
    fn an_entry_is_named_by_its_day_and_made_of_words_alone() {
        let history = history(1..=2);
        let lines: Vec<_> = history.lines().collect();
        let entry = act(lines[1]);
        assert_eq!(entry.check(), Ok(()));
        assert_eq!(
            (entry.id.as_str(), entry.object.as_str()),
            ("posture/2026-12-02", "dmp-evidence/posture-2026")
        );
        assert_eq!(entry.facts["sha256"], [lines[1].hash.clone()]);
        assert_eq!(entry, act(lines[1]), "the same day is the same entry");
        let other = Line::seal(lines[1].day.clone(), Link::Broken, "");
        assert_eq!(act(&other).id, entry.id);
        assert_ne!(act(&other), entry, "with other words, which the log refuses");
    }
}
