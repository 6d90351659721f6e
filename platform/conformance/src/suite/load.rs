//! Reads the suite's files and gathers everything that is wrong with them.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use include_dir::{Dir, include_dir};
use serde::Deserialize;

use super::{Action, Fault, Given, NOMINAL, Profile, Requirement, Rule, Test, Text, Verdict, check};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../tests/conformance");

/// Name of a profile's own file.
const PROFILE: &str = "profile.yaml";

/// Something that is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `<profile>/<file>.yaml`.
    pub file: String,
    /// Path of the field in it; empty when it is the file itself.
    pub field: String,
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, field, what } = self;
        if field.is_empty() {
            write!(f, "{file}: {what}")
        } else {
            write!(f, "{file}: {field}: {what}")
        }
    }
}

/// Why the suite cannot be used: correct the files that are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuiteError {
    /// At least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for SuiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("files of the conformance suite are to be corrected")?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for SuiteError {}

/// `profile.yaml` as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ProfileFile {
    scope: String,
    version: String,
    title: Text,
    actor: String,
    requirements: Vec<Requirement>,
}

/// A test as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TestFile {
    title: Text,
    task: Text,
    action: Action,
    #[serde(default)]
    given: Given,
    #[serde(default)]
    faults: Vec<Fault>,
    verdicts: Vec<VerdictFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct VerdictFile {
    requirement: String,
    rule: String,
    says: Text,
}

/// The files that were compiled in.
pub(super) fn embedded() -> Vec<(&'static str, &'static str)> {
    let files = FILES.dirs().flat_map(Dir::files);
    files
        .chain(FILES.files())
        .filter_map(|file| Some((file.path().to_str()?, file.contents_utf8()?)))
        .collect()
}

pub(super) fn load<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<Profile>, SuiteError> {
    let mut problems = Problems::default();
    let mut folders = BTreeMap::<&str, BTreeMap<&str, &str>>::new();
    for (path, text) in files {
        match path.split_once('/') {
            Some((folder, name)) if !name.contains('/') && name.ends_with(".yaml") => {
                if folders.entry(folder).or_default().insert(name, text).is_some() {
                    problems.add(path, "", "there is another file of this name");
                }
            }
            _ => problems.add(path, "", "files are <profile>/<name>.yaml: move it or remove it"),
        }
    }
    if folders.is_empty() {
        problems.add("", "", "there is no profile");
    }
    let profiles = folders
        .into_iter()
        .filter_map(|(folder, files)| profile(folder, &files, &mut problems))
        .collect();
    if problems.0.is_empty() {
        Ok(profiles)
    } else {
        Err(SuiteError { problems: problems.0 })
    }
}

/// What is wrong so far.
#[derive(Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn add(&mut self, file: &str, field: &str, what: impl Into<String>) {
        self.0.push(Problem {
            file: file.to_owned(),
            field: field.to_owned(),
            what: what.into(),
        });
    }
}

fn profile(folder: &str, files: &BTreeMap<&str, &str>, problems: &mut Problems) -> Option<Profile> {
    let file = format!("{folder}/{PROFILE}");
    let Some(text) = files.get(PROFILE) else {
        problems.add(&file, "", "the file is missing");
        return None;
    };
    let tests: Vec<Test> = files
        .iter()
        .filter(|(name, _)| **name != PROFILE)
        .filter_map(|(name, text)| test(folder, name, text, problems))
        .collect();
    let written: ProfileFile = read(&file, text, problems)?;
    let mut profile = Profile {
        scope: written.scope,
        version: written.version,
        title: written.title,
        actor: written.actor,
        requirements: written.requirements,
        tests,
        sha256: sha256(files),
    };
    profile.tests.sort_by_key(|test| !test.is_nominal());
    check::profile(folder, &file, &profile, problems);
    Some(profile)
}

fn test(folder: &str, name: &str, text: &str, problems: &mut Problems) -> Option<Test> {
    let file = format!("{folder}/{name}");
    let written: TestFile = read(&file, text, problems)?;
    let mut verdicts = Vec::new();
    for (at, verdict) in written.verdicts.into_iter().enumerate() {
        match Rule::compile(&verdict.rule) {
            Ok(rule) => verdicts.push(Verdict {
                requirement: verdict.requirement,
                rule,
                says: verdict.says,
            }),
            Err(what) => problems.add(&file, &format!("verdicts[{at}].rule"), what),
        }
    }
    let stem = name.strip_suffix(".yaml").unwrap_or(name);
    let test = Test {
        id: format!("{folder}/{stem}"),
        title: written.title,
        task: written.task,
        action: written.action,
        given: written.given,
        faults: written.faults,
        verdicts,
    };
    check::test(&file, &test, problems);
    Some(test)
}

fn read<T: for<'de> Deserialize<'de>>(file: &str, text: &str, problems: &mut Problems) -> Option<T> {
    match serde_saphyr::from_str(text) {
        Ok(read) => Some(read),
        Err(error) => {
            problems.add(file, "", error.to_string());
            None
        }
    }
}

/// Of names and bytes, so that no two sets of files have one hash.
fn sha256(files: &BTreeMap<&str, &str>) -> String {
    let mut context = Context::new(&SHA256);
    for part in files.iter().flat_map(|(name, text)| [name, text]) {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    hex::encode(context.finish())
}

/// The file of a test, for messages.
pub(super) fn file_of(test: &Test) -> String {
    format!("{}.yaml", test.id)
}

/// Path of the nominal test of a folder.
pub(super) fn nominal(folder: &str) -> String {
    format!("{folder}/{NOMINAL}.yaml")
}
