//! Which fault is due.

use dmp_conformance::faults::due;
use dmp_conformance::suite::{Answer, Fault, Play};

fn fault(id: &str, on: &str, nth: u32, times: u32) -> Fault {
    Fault {
        id: id.to_owned(),
        on: on.to_owned(),
        nth,
        times,
        play: Play::Corrupt,
    }
}

#[test]
fn a_fault_is_due_from_its_first_request_as_often_as_it_says() {
    let faults = [
        fault("a", "iti-65", 1, 1),
        fault("b", "iti-65", 2, 2),
        fault("c", "token", 3, u32::MAX),
    ];
    let id = |operation, nth| due(&faults, operation, nth).map(|fault| fault.id.as_str());
    let played: Vec<_> = (0..6).map(|nth| id("iti-65", nth)).collect();
    assert_eq!(played, [None, Some("a"), Some("b"), Some("b"), None, None]);
    let played: Vec<_> = (1..5).map(|nth| id("token", nth)).collect();
    assert_eq!(played, [None, None, Some("c"), Some("c")]);
    assert_eq!(id("token", u32::MAX), Some("c"));
    assert_eq!(id("iti-67", 1), None);
}

#[test]
fn what_is_played_has_one_form_on_every_wire() {
    let answer = Answer {
        status: 503,
        code: "part-unavailable".to_owned(),
        retry_after: Some(2),
    };
    let plays = [
        (
            Play::Answer(answer.clone()),
            r#"{"answer":{"status":503,"code":"part-unavailable","retryAfter":2}}"#,
        ),
        (
            Play::Lose(Answer {
                retry_after: None,
                ..answer
            }),
            r#"{"lose":{"status":503,"code":"part-unavailable"}}"#,
        ),
        (Play::Corrupt, r#""corrupt""#),
    ];
    for (play, text) in plays {
        assert_eq!(serde_json::to_string(&play).unwrap(), text);
        assert_eq!(serde_json::from_str::<Play>(text).unwrap(), play);
    }
}
