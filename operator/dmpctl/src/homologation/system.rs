//! What an auditor, the authority and, in an emergency, two bodies sign about the platform itself or a group of it.

use std::path::PathBuf;

use clap::ValueEnum;
use dmp_homologation::statement::{AtEnd, Says, System};
use dmp_homologation::system::{EXTENSION, day};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::json;

use super::sign::{SignatureOptions, named_after, signed};
use crate::error::{CliError, Result};
use crate::files::sha256_of;

#[derive(clap::Subcommand, Clone, Debug)]
pub enum SystemCommand {
    /// As the auditor: the finding of the audit before the opening
    Audit(AuditOptions),
    /// As the authority: it may be open, until a day
    Decide(DecideOptions),
    /// As the authority: it does not open, or closes
    Refuse(SubjectOptions),
    /// As the interop or the security entity: more time after the end, with the other one's word
    Extend(ExtendOptions),
}

/// Whose word on what.
#[derive(clap::Args, Clone, Debug)]
pub struct SubjectOptions {
    #[command(flatten)]
    pub signature: SignatureOptions,
    /// `Platform.spec.domain`: the word is worth nothing on another platform
    #[arg(long)]
    pub domain: String,
    /// The HealthGroup; without it the platform itself
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,
    /// Reasons
    #[arg(long)]
    pub comment: String,
}

#[derive(clap::Args, Clone, Debug)]
pub struct AuditOptions {
    #[command(flatten)]
    pub subject: SubjectOptions,
    /// The report; its SHA-256 is signed, it stays where it is
    #[arg(long, value_name = "FILE")]
    pub report: PathBuf,
    /// Day on which the audit ended
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub audited_at: Date,
    /// What was found
    #[arg(long)]
    pub verdict: Finding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Finding {
    Favourable,
    Unfavourable,
}

#[derive(clap::Args, Clone, Debug)]
pub struct DecideOptions {
    #[command(flatten)]
    pub subject: SubjectOptions,
    /// The auditor's report that it rests on
    #[arg(long, value_name = "FILE")]
    pub report: PathBuf,
    /// Its last day
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub until: Date,
    /// What the gateways still do after that day
    #[arg(long)]
    pub at_end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum End {
    /// What is there is read, nothing new is written
    ReadOnly,
    /// Nothing
    Closed,
}

#[derive(clap::Args, Clone, Debug)]
pub struct ExtendOptions {
    #[command(flatten)]
    pub subject: SubjectOptions,
    /// Its last day, at most thirty from today
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub until: Date,
}

/// A signed word as a SystemHomologation to apply.
///
/// # Errors
/// When a file is missing or not what it should be.
pub fn system(command: &SystemCommand) -> Result<String> {
    let now = Timestamp::now();
    match command {
        SystemCommand::Audit(options) => {
            let says = Says::Audit {
                favourable: options.verdict == Finding::Favourable,
                audited_at: not_before(options.audited_at, Date::MIN, day(now), "the audit ended")?,
                report_sha256: sha256_of(&options.report)?.0,
            };
            word(&options.subject, says, now)
        }
        SystemCommand::Decide(options) => {
            let says = Says::Decision {
                report_sha256: sha256_of(&options.report)?.0,
                until: not_before(options.until, day(now), Date::MAX, "the last day is")?,
                at_end: match options.at_end {
                    End::ReadOnly => AtEnd::ReadOnly,
                    End::Closed => AtEnd::Closed,
                },
            };
            word(&options.subject, says, now)
        }
        SystemCommand::Refuse(subject) => word(subject, Says::Refusal, now),
        SystemCommand::Extend(options) => {
            let latest = day(now)
                .checked_add(jiff::Span::new().days(EXTENSION))
                .unwrap_or(Date::MAX);
            let until = not_before(options.until, day(now), latest, "the last day is")?;
            word(&options.subject, Says::Extension { until }, now)
        }
    }
}

fn not_before(date: Date, first: Date, last: Date, what: &str) -> Result<Date> {
    if (first..=last).contains(&date) {
        return Ok(date);
    }
    let span = match (first == Date::MIN, last == Date::MAX) {
        (true, _) => format!("not after {last}"),
        (_, true) => format!("not before {first}"),
        _ => format!("from {first} to {last}"),
    };
    Err(CliError::new(
        "day-out-of-range",
        format!("{what} {date}"),
        format!("give a day {span}"),
    ))
}

fn word(subject: &SubjectOptions, says: Says, now: Timestamp) -> Result<String> {
    let statement = signed(
        &subject.signature,
        &System {
            domain: subject.domain.clone(),
            health_group: subject.group.clone(),
            says,
            comment: subject.comment.clone(),
            signed_at: now,
        },
    )?;
    let name = subject.group.as_deref().unwrap_or(dmp_api::names::PLATFORM);
    let mut spec = json!({ "statement": statement });
    if let Some(group) = &subject.group {
        spec["healthGroup"] = json!(group);
    }
    named_after("SystemHomologation", None, name, spec, &statement)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use dmp_api::SystemHomologation;
    use dmp_homologation::system::{Gate, State, Subject, standing};
    use dmp_homologation::{Bodies, carrier};
    use dmp_testkit::bodies::Authority;
    use jiff::ToSpan;
    use serde_json::Value;

    use super::*;

    struct Case {
        folder: tempfile::TempDir,
        bodies: Vec<Value>,
        words: Vec<SystemHomologation>,
    }

    impl Case {
        fn file(&self, name: &str, text: &str) -> PathBuf {
            let path = self.folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        }

        fn subject(&mut self, role: &str, ice: &str) -> SubjectOptions {
            let authority = Authority::new(role, ice);
            let member = authority.person(role);
            self.bodies.push(json!({
                "role": role, "organisation": { "name": authority.name, "ice": authority.ice },
                "anchors": [{ "certificate": authority.certificate_pem() }],
            }));
            SubjectOptions {
                signature: SignatureOptions {
                    certificate: self.file(&format!("{role}.pem"), &member.chain_pem),
                    key: self.file(&format!("{role}.key"), &member.key_pem),
                },
                domain: "dmp.test".to_owned(),
                group: Some("souss-massa".to_owned()),
                comment: "essai".to_owned(),
            }
        }

        fn say(&mut self, command: &SystemCommand) {
            let text = system(command).unwrap();
            let mut word: SystemHomologation = serde_saphyr::from_str(&text).unwrap();
            let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            word.metadata.creation_timestamp = Some(serde_json::from_value(json!(now)).unwrap());
            self.words.push(word);
        }

        fn state(&self, days: i64) -> (State, Gate) {
            let bodies = serde_json::from_value::<Vec<dmp_api::body::Body>>(json!(self.bodies)).unwrap();
            let bodies = Bodies::new(&bodies);
            let subject = Subject {
                domain: "dmp.test",
                health_group: Some("souss-massa"),
                parties: &[],
                since: None,
            };
            let words = self.words.iter().map(|word| (word, carrier::read(word, &bodies)));
            let at = Timestamp::now() + (days * 24).hours();
            let standing = standing(subject, words, at);
            (standing.state, standing.gate())
        }
    }

    #[test]
    fn what_is_printed_opens_ends_and_is_extended() {
        let mut case = Case {
            folder: tempfile::tempdir().unwrap(),
            bodies: Vec::new(),
            words: Vec::new(),
        };
        let report = case.file("report.pdf", "conforme");
        let auditor = case.subject("auditor", "000000000000001");
        let authority = case.subject("authority", "000000000000002");
        let today = day(Timestamp::now());
        let audit = AuditOptions {
            subject: auditor,
            report: report.clone(),
            audited_at: today,
            verdict: Finding::Favourable,
        };
        let decide = DecideOptions {
            subject: authority.clone(),
            report,
            until: today + 10.days(),
            at_end: End::ReadOnly,
        };
        case.say(&SystemCommand::Decide(decide.clone()));
        assert_eq!(case.state(0), (State::AuditMissing, Gate::Closed));
        case.say(&SystemCommand::Audit(audit.clone()));
        assert_eq!(case.state(0), (State::Expiring, Gate::Open));
        assert_eq!(case.state(11), (State::Ended, Gate::ReadOnly));
        for (role, ice) in [("interop", "000000000000003"), ("security", "000000000000004")] {
            let subject = case.subject(role, ice);
            let until = today + 20.days();
            case.say(&SystemCommand::Extend(ExtendOptions { subject, until }));
        }
        assert_eq!(case.state(11), (State::Extended, Gate::Open));
        assert_eq!(case.state(21), (State::Ended, Gate::ReadOnly));
        case.say(&SystemCommand::Refuse(authority.clone()));
        assert_eq!(case.state(0), (State::Refused, Gate::Closed));

        let wrong = [
            SystemCommand::Audit(AuditOptions {
                audited_at: today + 1.day(),
                ..audit
            }),
            SystemCommand::Decide(DecideOptions {
                until: today - 1.day(),
                ..decide
            }),
            SystemCommand::Extend(ExtendOptions {
                subject: authority,
                until: today + 31.days(),
            }),
        ];
        for command in wrong {
            assert_eq!(system(&command).unwrap_err().code, "day-out-of-range");
        }
    }
}
