//! The program itself: what it reads, what it says, how it ends.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::platform::Platform;
use crate::scenario::{Files, given};

async fn program(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dmp-solution"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    tokio::task::spawn_blocking(move || {
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        child.wait_with_output().unwrap()
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_done_and_reported() {
    let platform = Platform::start(Vec::new(), false).await;
    let task = Files::new();
    let text = task
        .task("publish", &platform.service.base(), &given())
        .to_string();
    for arguments in [&[][..], &["--defect", "set-without-subject"]] {
        let output = program(arguments, &text).await;
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (output.status.code(), &report["outcome"]),
            (Some(0), &json!("done"))
        );
    }
    let heard = platform.heard();
    let bundles = heard.iter().filter(|e| e.operation == "iti-65");
    let subjects = bundles.map(|e| e.request.body.json.as_ref()?.pointer("/entry/0/resource/subject"));
    let named: Vec<bool> = subjects.map(|subject| subject.is_some()).collect();
    assert_eq!(named, [true, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_not_one_is_answered_with_what_to_do() {
    let files = Files::new();
    let task = |change: &dyn Fn(&mut Value)| {
        let mut task = files.task("find", "https://localhost:9", &given());
        change(&mut task);
        task.to_string()
    };
    let cases = [
        ("{".to_owned(), "not JSON, line 1"),
        (String::new(), "as one JSON object"),
        ("[1]".to_owned(), "as one JSON object"),
        (
            task(&|task| _ = task.as_object_mut().unwrap().remove("given")),
            "missing field `given`",
        ),
        (task(&|task| task["idToken"] = json!(7)), "of another type"),
        (
            task(&|task| task["action"] = json!("fly\u{1b}[2J")),
            "`fly2J` is not known; use register, find",
        ),
        (
            task(&|task| task["gateway"] = json!("http://localhost:9")),
            "must be an https:// URL",
        ),
        (
            task(&|task| task["gateway"] = json!("localhost")),
            "must be an https:// URL",
        ),
        (
            task(&|task| task["identity"] = json!("/no/identity.pem")),
            "/no/identity.pem` cannot be read; let `identity`",
        ),
        (
            task(&|task| task["identity"] = task["ca"].clone()),
            "the certificate chain and its key",
        ),
        (
            task(&|task| task["given"]["patient"]["identifier"] = json!([{ "value": "XT123456" }])),
            "`given.patient.identifier`; add it",
        ),
    ];
    for (input, expected) in cases {
        let output = program(&[], &input).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains(expected) && !said.contains("XT123456"),
            "{expected}: {said}"
        );
        assert!(output.stdout.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_gateway_the_task_fails_in_bounded_time() {
    let files = Files::new();
    let task = files.task("find", "https://localhost:9", &given()).to_string();
    let start = std::time::Instant::now();
    let output = program(&[], &task).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("no answer to token; check `gateway` and `ca`"),
        "{said}"
    );
    assert!(start.elapsed().as_secs() < 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_defect_is_not_taken() {
    let output = program(&["--defect", "no-such-defect"], "").await;
    assert!(!output.status.success());
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("set-without-subject")
    );
}
