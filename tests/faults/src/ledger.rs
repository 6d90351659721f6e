//! What was sent and what was acknowledged: pure bookkeeping, one entry per submission.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::Value;

/// Which software sends it, and so which group keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sender {
    /// The hospital in Tanger.
    Tanger,
    /// The hospital in Casablanca.
    Casablanca,
}

/// Whether a submission counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Sent at least once, never answered with a success: may be there or not.
    Uncertain,
    /// Answered with 200: `Binary/<id>` must give the bytes for ever.
    Acknowledged { binary: String, document: String },
}

/// One submission of one document.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Index of the patient in the cast.
    pub patient: usize,
    pub sender: Sender,
    /// `masterIdentifier` of the document.
    pub document: String,
    pub bytes: Vec<u8>,
    /// The Bundle, to send the very same again.
    pub bundle: Value,
    pub state: State,
}

/// All submissions by the `uniqueId` of their SubmissionSet.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: BTreeMap<String, Entry>,
    /// Acknowledged submissions in the order of their first acknowledgement.
    order: Vec<(Instant, String)>,
    /// Acknowledgements that said something else than an earlier one of the same submission.
    contradictions: Vec<String>,
}

impl Ledger {
    /// Before it is sent the first time.
    pub fn sent(&mut self, set: &str, entry: Entry) {
        self.entries.insert(set.to_owned(), entry);
    }

    /// A success was answered.
    pub fn acknowledged(&mut self, set: &str, binary: String, document: String) {
        let Some(entry) = self.entries.get_mut(set) else {
            self.contradictions
                .push(format!("{set}: acknowledged, never sent"));
            return;
        };
        let new = State::Acknowledged { binary, document };
        if entry.state != State::Uncertain && entry.state != new {
            self.contradictions
                .push(format!("{set}: acknowledged twice with different ids"));
        }
        if entry.state == State::Uncertain {
            self.order.push((Instant::now(), set.to_owned()));
        }
        entry.state = new;
    }

    /// The newest one acknowledged before a moment that `wanted` accepts.
    pub fn newest(&self, before: Instant, wanted: impl Fn(&Entry) -> bool) -> Option<Entry> {
        self.order
            .iter()
            .rev()
            .filter(|(at, _)| *at <= before)
            .filter_map(|(_, set)| self.entries.get(set))
            .find(|entry| wanted(entry))
            .cloned()
    }

    pub fn contradictions(&self) -> &[String] {
        &self.contradictions
    }

    /// `(set, entry)` of what must be there.
    pub fn acknowledgements(&self) -> Vec<(String, Entry)> {
        self.filtered(|state| *state != State::Uncertain)
    }

    /// `(set, entry)` of what may be there.
    pub fn uncertain(&self) -> Vec<(String, Entry)> {
        self.filtered(|state| *state == State::Uncertain)
    }

    fn filtered(&self, keep: impl Fn(&State) -> bool) -> Vec<(String, Entry)> {
        self.entries
            .iter()
            .filter(|(_, entry)| keep(&entry.state))
            .map(|(set, entry)| (set.clone(), entry.clone()))
            .collect()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// What is wrong with a list of a patient's documents (`masterIdentifier` of each): one that must be there is missing,
/// one is there twice.
pub fn faults_of_list(entries: &[(String, Entry)], patient: usize, listed: &[String]) -> Vec<String> {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for document in listed {
        *count.entry(document).or_default() += 1;
    }
    let mut faults: Vec<String> = count
        .iter()
        .filter(|(_, count)| **count > 1)
        .map(|(document, count)| format!("{document} is there {count} times"))
        .collect();
    for (set, entry) in entries.iter().filter(|(_, entry)| entry.patient == patient) {
        if !count.contains_key(entry.document.as_str()) {
            faults.push(format!("{set}: acknowledged, not in the list"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(patient: usize, document: &str) -> Entry {
        Entry {
            patient,
            sender: Sender::Tanger,
            document: document.to_owned(),
            bytes: Vec::new(),
            bundle: Value::Null,
            state: State::Uncertain,
        }
    }

    #[test]
    fn an_unanswered_submission_is_uncertain_until_its_repetition_is_acknowledged() {
        let mut ledger = Ledger::default();
        ledger.sent("s", entry(0, "d"));
        assert_eq!(
            (ledger.uncertain().len(), ledger.acknowledgements().len()),
            (1, 0)
        );
        ledger.acknowledged("s", "Binary/1".into(), "DocumentReference/1".into());
        ledger.acknowledged("s", "Binary/1".into(), "DocumentReference/1".into());
        assert_eq!(
            (ledger.uncertain().len(), ledger.acknowledgements().len()),
            (0, 1)
        );
        assert!(ledger.contradictions().is_empty());
        ledger.acknowledged("s", "Binary/2".into(), "DocumentReference/2".into());
        assert_eq!(
            ledger.contradictions().len(),
            1,
            "two documents for one submission"
        );
    }

    #[test]
    fn the_newest_is_the_last_acknowledged_not_the_last_sent() {
        let mut ledger = Ledger::default();
        let before = Instant::now();
        for set in ["a", "b", "c"] {
            ledger.sent(set, entry(0, set));
        }
        for set in ["c", "a", "c"] {
            ledger.acknowledged(set, format!("Binary/{set}"), format!("DocumentReference/{set}"));
        }
        let newest = ledger
            .newest(Instant::now(), |_| true)
            .map(|entry| entry.document);
        assert_eq!(newest.as_deref(), Some("a"));
        let other = ledger.newest(Instant::now(), |entry| entry.document != "a");
        assert_eq!(other.map(|entry| entry.document).as_deref(), Some("c"));
        assert!(ledger.newest(before, |_| true).is_none());
    }

    proptest! {
        #[test]
        fn a_list_is_right_only_when_each_is_there_once(missing in 0_usize..5, twice in 0_usize..5) {
            let entries: Vec<_> = (0..5).map(|n| (format!("s{n}"), entry(0, &format!("d{n}")))).collect();
            let mut listed: Vec<String> = (0..5).map(|n| format!("d{n}")).collect();
            prop_assert!(faults_of_list(&entries, 0, &listed).is_empty());
            prop_assert!(faults_of_list(&entries, 1, &[]).is_empty(), "another patient's");
            listed.push(format!("d{twice}"));
            prop_assert_eq!(faults_of_list(&entries, 0, &listed).len(), 1);
            listed.retain(|document| *document != format!("d{missing}"));
            prop_assert!(!faults_of_list(&entries, 0, &listed).is_empty());
        }
    }
}
