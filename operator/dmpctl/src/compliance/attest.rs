//! `dmpctl compliance attest`: brings what people have to bring for a control, in one's own name, and says at once what it comes to.
//!
//! Papers stay where they are: their hashes go. Who may bring what is the API server's to say (policy `dmp-control-evidence`).

use std::path::PathBuf;

use dmp_api::names::PLATFORM;
use dmp_api::{ControlEvidence, ControlEvidenceSpec, DocumentHash, Platform};
use dmp_homologation::canonical::digest;
use dmp_policies::brought::{self, Ran};
use dmp_policies::judge::{Document, Evidence, Observation};
use dmp_policies::{Catalogue, Control, Inputs, Judgement, judge};
use jiff::Timestamp;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client, ResourceExt as _};

use super::{known, words};
use crate::error::{CliError, Result};
use crate::files;

/// Longest text of facts, in bytes: what the kind takes.
const LONGEST: usize = 64 * 1024;

#[derive(clap::Args, Clone, Debug)]
pub struct AttestOptions {
    /// Id of the control (`dmpctl compliance list`); with --tests alone: every control that asks for tests
    #[arg(value_name = "DMP-XXX-NN", required_unless_present = "tests")]
    pub id: Option<String>,
    /// The facts that the control's checks ask for: a file with one JSON object (`dmpctl compliance explain DMP-XXX-NN` names them)
    #[arg(long, value_name = "FILE", conflicts_with = "tests")]
    pub inputs: Option<PathBuf>,
    /// What the release's tests printed: `make test 2>&1 | tee FILE`
    #[arg(long, value_name = "FILE")]
    pub tests: Option<PathBuf>,
    /// A paper behind it, of any size: its SHA-256 is kept, not the paper; may be repeated
    #[arg(long = "document", value_name = "FILE")]
    pub documents: Vec<PathBuf>,
    /// When what it says was seen [default: now]
    #[arg(long, value_name = "RFC 3339")]
    pub collected_at: Option<Timestamp>,
}

/// What is brought for one control, and what it comes to by itself.
#[derive(Clone, Debug)]
pub struct Draft {
    pub spec: ControlEvidenceSpec,
    pub judgement: Judgement,
}

/// Brings it and prints what it comes to.
///
/// # Errors
/// As [`attest`].
pub async fn run(client: &Client, catalogue: &Catalogue, options: &AttestOptions) -> Result<()> {
    attest(client, catalogue, options).await?;
    println!("\nL'évaluateur le lit en vingt secondes : `dmpctl compliance status`");
    Ok(())
}

/// Brings it, a line on standard output for each; the names of the objects.
///
/// # Errors
/// `no-control`, `evidence-not-usable`, `file`, or what the API server says.
pub async fn attest(client: &Client, catalogue: &Catalogue, options: &AttestOptions) -> Result<Vec<String>> {
    let by = whoami(client).await?;
    let image = match options.tests {
        Some(_) => Some(running(client).await?),
        None => None,
    };
    let api: Api<ControlEvidence> = Api::all(client.clone());
    let mut names = Vec::new();
    for draft in drafts(catalogue, options, &by, image.as_deref(), Timestamp::now())? {
        let object = ControlEvidence {
            metadata: ObjectMeta {
                generate_name: Some(format!("{}-", draft.spec.control.to_ascii_lowercase())),
                ..ObjectMeta::default()
            },
            spec: draft.spec,
            status: None,
        };
        let created = api.create(&PostParams::default(), &object).await;
        let created = created.map_err(|source| CliError::kubernetes("bringing the evidence", source))?;
        println!(
            "{} : controlevidence/{}",
            created.spec.control,
            created.name_any()
        );
        for finding in &draft.judgement.findings {
            let verdict = words::verdict(finding.verdict);
            println!("  {:<16} {verdict:<10} {}", finding.about, finding.because);
        }
        names.push(created.name_any());
    }
    Ok(names)
}

/// The name under which the API server knows who asks.
pub(super) async fn whoami(client: &Client) -> Result<String> {
    let api: Api<SelfSubjectReview> = Api::all(client.clone());
    let review = api
        .create(&PostParams::default(), &SelfSubjectReview::default())
        .await
        .map_err(|source| CliError::kubernetes("asking the API server for one's own name", source))?;
    let user = review.status.and_then(|status| status.user_info);
    Ok(user.and_then(|user| user.username).unwrap_or_default())
}

/// The image that the platform runs: results of tests are about one release.
async fn running(client: &Client) -> Result<String> {
    let api: Api<Platform> = Api::all(client.clone());
    let platform = api.get_opt(PLATFORM).await;
    let platform = platform.map_err(|source| CliError::kubernetes("reading the Platform", source))?;
    platform.map(|platform| platform.spec.images.dmp).ok_or_else(|| {
        unusable(
            "there is no Platform",
            "results of tests are about the release that it runs",
        )
    })
}

fn unusable(what: impl Into<String>, remedy: impl Into<String>) -> CliError {
    CliError::new("evidence-not-usable", what, remedy)
}

/// What is brought for each control that is meant. Nothing is asked of the cluster.
///
/// # Errors
/// `no-control`, `evidence-not-usable`, `file`.
pub fn drafts(
    catalogue: &Catalogue,
    options: &AttestOptions,
    by: &str,
    image: Option<&str>,
    now: Timestamp,
) -> Result<Vec<Draft>> {
    let at = options.collected_at.unwrap_or(now);
    if at > now {
        return Err(unusable(
            format!("{at} has not come yet"),
            "--collected-at is when it was seen",
        ));
    }
    let ran = match &options.tests {
        Some(path) => Some(tests(path)?),
        None => None,
    };
    let controls: Vec<&Control> = match &options.id {
        Some(id) => vec![known(catalogue, id)?],
        None => catalogue
            .controls()
            .iter()
            .filter(|one| brought::asks_for_tests(one))
            .collect(),
    };
    let documents = options.documents.iter().map(|path| document(path));
    let documents: Vec<_> = documents.collect::<Result<_>>()?;
    controls
        .into_iter()
        .map(|control| {
            let inputs = facts(control, options, ran.as_deref())?;
            if documents.is_empty() && brought::inputs(control, &inputs).is_empty() {
                return Err(nothing(control));
            }
            let sha256 = digest(inputs.as_bytes());
            let spec = ControlEvidenceSpec {
                control: control.id.clone(),
                role: control.owner().to_owned(),
                by: by.to_owned(),
                collected_at: at.to_string(),
                inputs,
                sha256,
                documents: documents.clone(),
                image: ran.is_some().then(|| image.unwrap_or_default().to_owned()),
            };
            let judgement = judged(control, &spec, at, now);
            Ok(Draft { spec, judgement })
        })
        .collect()
}

fn nothing(control: &Control) -> CliError {
    let asked: Vec<_> = control.brought().flat_map(|check| check.inputs.keys()).collect();
    let mut remedy = "give a paper with --document".to_owned();
    if !asked.is_empty() {
        let names = asked
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ");
        remedy.push_str(&format!(
            ", or with --inputs the facts that its checks ask for ({names}): `dmpctl compliance explain {}`",
            control.id
        ));
    }
    unusable(format!("nothing is brought for {}", control.id), remedy)
}

/// The text of facts: of the file word for word, so that its hash is the file's.
fn facts(control: &Control, options: &AttestOptions, ran: Option<&[Ran]>) -> Result<String> {
    if let Some(ran) = ran {
        if !brought::asks_for_tests(control) {
            return Err(unusable(
                format!("{} asks for no results of tests", control.id),
                "leave the control out: every one that asks gets its own",
            ));
        }
        return Ok(brought::results(control, ran).to_string());
    }
    let Some(path) = &options.inputs else {
        return Ok("{}".to_owned());
    };
    let text = files::read(path)?;
    if text.len() > LONGEST {
        return Err(unusable(
            format!("the facts have {} bytes, {LONGEST} at most", text.len()),
            "facts are what the checks ask for; a paper goes with --document, whatever its size",
        ));
    }
    let facts: Inputs = serde_json::from_str(&text).map_err(|source| {
        unusable("the facts are not one JSON object", "correct the file").because(source)
    })?;
    let asked = |name: &String| control.brought().any(|check| check.inputs.contains_key(name));
    if let Some(name) = facts.keys().find(|name| !asked(name)) {
        let name: String = name
            .chars()
            .filter(|letter| !letter.is_control())
            .take(40)
            .collect();
        return Err(unusable(
            format!("no check of {} asks for `{name}`", control.id),
            format!(
                "`dmpctl compliance explain {}` names what they ask for",
                control.id
            ),
        ));
    }
    Ok(text)
}

fn tests(path: &std::path::Path) -> Result<Vec<Ran>> {
    let ran = brought::ran(&files::read(path)?);
    if ran.is_empty() {
        return Err(unusable(
            format!("`{}` says of no test how it ended", path.display()),
            "both outputs are needed: `make test 2>&1 | tee FILE`",
        ));
    }
    Ok(ran)
}

fn document(path: &std::path::Path) -> Result<DocumentHash> {
    let (sha256, bytes) = files::sha256_of(path)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    match (name, bytes) {
        (Some(name), 1..) => Ok(DocumentHash { name, sha256, bytes }),
        _ => Err(unusable(
            format!("`{}` is empty", path.display()),
            "give the paper itself",
        )),
    }
}

/// What it comes to by itself, as the evaluator will see it.
fn judged(control: &Control, spec: &ControlEvidenceSpec, at: Timestamp, now: Timestamp) -> Judgement {
    let observations = brought::inputs(control, &spec.inputs).into_iter();
    let observations = observations.map(|(check, inputs)| Observation {
        check: check.name.clone(),
        scope: None,
        at,
        inputs,
    });
    let mut judgement = judge(
        control,
        &Evidence {
            observations: observations.collect(),
            documents: vec![Document {
                role: spec.role.clone(),
                at,
                stated: spec.sha256.clone(),
                sha256: spec.sha256.clone(),
                other_release: false,
            }],
            ..Evidence::default()
        },
        now,
    );
    // What the evaluator observes is no business of who brings something.
    let observed = |about: &str| {
        control
            .checks
            .iter()
            .any(|check| check.observed && check.name == about)
    };
    judgement.findings.retain(|finding| !observed(&finding.about));
    judgement
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use dmp_policies::Verdict;

    use super::*;

    fn now() -> Timestamp {
        "2026-12-01T00:00:00Z".parse().unwrap()
    }

    fn options(id: Option<&str>) -> AttestOptions {
        AttestOptions {
            id: id.map(ToOwned::to_owned),
            inputs: None,
            tests: None,
            documents: Vec::new(),
            collected_at: None,
        }
    }

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn file(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        }
    }

    fn folder() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn brought(options: &AttestOptions) -> Result<Vec<Draft>> {
        let catalogue = Catalogue::embedded().unwrap();
        drafts(&catalogue, options, "amina", Some("r/dmp:1"), now())
    }

    fn verdict(draft: &Draft, about: &str) -> Verdict {
        let mut findings = draft.judgement.findings.iter();
        findings.find(|one| one.about == about).unwrap().verdict
    }

    #[test]
    fn a_review_is_brought_word_for_word_with_the_hash_of_its_paper() {
        let folder = folder();
        let facts = "{ \"reviews\": { \"rightsAt\": \"2026-11-01\", \"backupAccessAt\": \"2026-11-20\" } }\n";
        let mut asked = options(Some("dmp-iam-06"));
        asked.inputs = Some(folder.file("review.json", facts));
        asked.documents = vec![folder.file("review.pdf", "abc")];
        let drafts = brought(&asked).unwrap();
        let draft = &drafts[0];
        assert_eq!(drafts.len(), 1);
        assert_eq!(
            (draft.spec.role.as_str(), draft.spec.by.as_str()),
            ("dmp-security", "amina")
        );
        assert_eq!(draft.spec.inputs, facts);
        let paper = &draft.spec.documents[0];
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(
            (paper.name.as_str(), paper.sha256.as_str(), paper.bytes),
            ("review.pdf", known, 3)
        );
        assert_eq!(verdict(draft, "ages"), Verdict::Pass);
        assert_eq!(verdict(draft, "document"), Verdict::Pass);
        asked.collected_at = Some("2026-12-01T00:00:01Z".parse().unwrap());
        assert_eq!(brought(&asked).unwrap_err().code, "evidence-not-usable");
        asked.collected_at = Some("2026-10-01T00:00:00Z".parse().unwrap());
        assert_eq!(verdict(&brought(&asked).unwrap()[0], "document"), Verdict::Stale);
    }

    #[test]
    fn what_says_nothing_or_too_much_is_refused_before_it_is_sent() {
        let folder = folder();
        let refused = |id: &str, text: Option<&str>| {
            let mut asked = options(Some(id));
            asked.inputs = text.map(|text| folder.file("facts.json", text));
            let error = brought(&asked).unwrap_err();
            (error.code, error.message)
        };
        for (id, text) in [
            ("DMP-IAM-06", None),
            ("DMP-IAM-06", Some("{}")),
            ("DMP-IAM-06", Some("[]")),
            ("DMP-IAM-06", Some("no JSON")),
            ("DMP-IAM-06", Some(r#"{"reviews":{},"more":1}"#)),
            // Its checks are observed.
            ("DMP-NET-01", Some(r#"{"namespaces":[]}"#)),
        ] {
            assert_eq!(refused(id, text).0, "evidence-not-usable", "{text:?}");
        }
        let long = format!("{{\"reviews\":\"{}\"}}", "x".repeat(LONGEST));
        assert!(refused("DMP-IAM-06", Some(&long)).1.contains("65536 at most"));
        assert_eq!(refused("DMP-XXX-99", None).0, "no-control");
        let mut empty = options(Some("DMP-CRY-05"));
        empty.documents = vec![folder.file("empty.pdf", "")];
        assert_eq!(brought(&empty).unwrap_err().code, "evidence-not-usable");
    }

    #[test]
    fn results_of_tests_go_to_every_control_that_asks_for_them() {
        let folder = folder();
        let mut asked = options(None);
        let log = "     Running unittests src/lib.rs (target/debug/deps/x-1)\ntest tests::every_cell_agrees_with_the_table ... ok\n";
        asked.tests = Some(folder.file("test.log", log));
        let drafts = brought(&asked).unwrap();
        assert!(drafts.len() >= 6);
        for draft in &drafts {
            assert_eq!(draft.spec.image.as_deref(), Some("r/dmp:1"));
            assert_eq!(verdict(draft, "proofs"), Verdict::Fail, "{}", draft.spec.control);
        }
        let decided = drafts
            .iter()
            .find(|one| one.spec.control == "DMP-PRI-02")
            .unwrap();
        assert!(decided.spec.inputs.contains("every_cell_agrees_with_the_table"));
        asked.tests = Some(folder.file("empty.log", "test result: ok. 0 passed\n"));
        assert_eq!(brought(&asked).unwrap_err().code, "evidence-not-usable");
        asked.tests = Some(folder.file("test.log", log));
        asked.id = Some("DMP-CRY-05".to_owned());
        assert_eq!(brought(&asked).unwrap_err().code, "evidence-not-usable");
    }
}
