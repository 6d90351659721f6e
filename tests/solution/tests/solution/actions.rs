//! What the good solution says at the end, whatever the platform answers.

use dmp_solution::error::SolutionError;
use serde_json::{Value, json};

use crate::platform::Play;
use crate::scenario::{given, play, quick};

const ACTIONS: [(&str, &str); 4] = [
    ("register", "iti-104"),
    ("find", "iti-78"),
    ("publish", "iti-65"),
    ("read", "iti-67"),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_action_is_done_after_any_fault_that_passes() {
    for (action, transaction) in ACTIONS {
        for fault in [
            None,
            Some(Play::Answer(503, Some(0))),
            Some(Play::Answer(503, None)),
            Some(Play::Answer(502, None)),
            Some(Play::Answer(429, Some(0))),
            Some(Play::Answer(401, None)),
            Some(Play::Lose(504, None)),
            Some(Play::Break),
        ] {
            let faults: Vec<_> = fault.map(|play| (transaction, play)).into_iter().collect();
            let (report, heard) = play(action, &given(), &faults, quick()).await;
            let report = json!(report.unwrap());
            assert_eq!(report["outcome"], "done", "{action} {fault:?}");
            let sent: Vec<_> = heard.iter().filter(|e| e.operation == transaction).collect();
            assert_eq!(sent.len(), faults.len() + 1, "{action} {fault:?}");
            let same = sent.iter().all(|e| e.request.body == sent[0].request.body);
            assert!(same, "{action} {fault:?}: not the same again");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_reported_and_not_argued_with() {
    for (action, transaction) in ACTIONS {
        for status in [400, 403, 409, 412, 422] {
            let faults = [(transaction, Play::Answer(status, None))];
            let (report, heard) = play(action, &given(), &faults, quick()).await;
            let report = json!(report.unwrap());
            let refused = json!({ "transaction": transaction, "status": status, "code": "a-fault" });
            assert_eq!(report["refused"], refused, "{action}");
            assert_eq!(heard.len(), 2, "{action} {status}: one token, one request");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_endpoint_may_be_busy_too_and_its_refusal_ends_the_task() {
    let faults = [
        ("token", Play::Answer(503, Some(1))),
        ("token", Play::Answer(429, Some(0))),
        ("token", Play::Break),
    ];
    let (report, heard) = play("find", &given(), &faults, quick()).await;
    assert_eq!(json!(report.unwrap())["outcome"], "done");
    assert_eq!(heard.len(), 5);
    assert!(heard[1].at_ms - heard[0].at_ms >= 1000);

    let faults = [("token", Play::Answer(401, None))];
    let (report, heard) = play("find", &given(), &faults, quick()).await;
    assert_eq!(json!(report.unwrap())["refused"]["transaction"], "token");
    assert_eq!(heard.len(), 1, "nothing was asked without a token");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_document_is_fetched_three_times_at_most() {
    let twice = [("iti-68", Play::Corrupt); 2];
    let (report, heard) = play("read", &given(), &twice, quick()).await;
    assert_eq!(json!(report.unwrap())["count"], 1);
    assert_eq!(heard.len(), 5);

    let always = [("iti-68", Play::Corrupt); 9];
    let (report, heard) = play("read", &given(), &always, quick()).await;
    assert!(matches!(report, Err(SolutionError::WrongDocuments(1))));
    assert_eq!(heard.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn patience_has_an_end() {
    let hour = [("iti-65", Play::Answer(503, Some(3600)))];
    let (report, heard) = play("publish", &given(), &hour, quick()).await;
    assert!(matches!(
        report,
        Err(SolutionError::ComeBackLater { seconds: 3600, .. })
    ));
    assert_eq!(heard.len(), 2);

    let always = [("iti-65", Play::Answer(503, None)); 20];
    let (report, heard) = play("publish", &given(), &always, quick()).await;
    assert!(matches!(report, Err(SolutionError::NotNow { status: 503, .. })));
    assert_eq!(heard.len(), 6, "one token, five attempts");

    let mut hurried = quick();
    hurried.patience.whole = std::time::Duration::from_millis(300);
    let busy = [("iti-65", Play::Answer(503, Some(5)))];
    let (report, _) = play("publish", &given(), &busy, hurried).await;
    assert!(matches!(report, Err(SolutionError::OutOfTime(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_not_followed() {
    let faults = [("iti-78", Play::Answer(307, None))];
    let (report, heard) = play("find", &given(), &faults, quick()).await;
    assert_eq!(json!(report.unwrap())["refused"]["status"], 307);
    assert_eq!(heard.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_says_nothing_about_a_person() {
    let sensitive = [
        "XT123456", "Essai", "1964", "token-0", "id-token", "Lettre", "letter",
    ];
    for (action, transaction) in ACTIONS {
        for faults in [vec![], vec![(transaction, Play::Answer(403, None))]] {
            let (report, _) = play(action, &given(), &faults, quick()).await;
            let text = json!(report.unwrap()).to_string();
            assert!(!sensitive.iter().any(|secret| text.contains(secret)), "{action}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_task_needs_must_be_given() {
    for (action, member, remedy) in [
        ("publish", "document", "given.document"),
        ("read", "patient", "given.patient"),
        ("register", "patient", "given.patient"),
    ] {
        let mut given = given();
        given[member] = Value::Null;
        let (report, heard) = play(action, &given, &[], quick()).await;
        let error = report.unwrap_err().to_string();
        assert!(error.contains(remedy) && heard.is_empty(), "{error}");
    }
}
