//! The defects: one for every automatic requirement, in the order of the profiles.

use clap::ValueEnum;

use super::{change, detour};
use crate::call::Operation::{Feed, Find, List, Retrieve, Submit};
use crate::habits::Habits;
use crate::retry::Reaction::{RepeatAtOnce, Stop};
use crate::retry::Trouble::{Busy, Conflict, NotAuthenticated, PreconditionFailed, Refused, TooMany};

macro_rules! defects {
    ($($(#[doc = $text:literal])+ $name:ident: $requirement:literal in $test:literal, $spoil:expr;)+) => {
        /// One deliberate mistake.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
        pub enum Defect {
            $($(#[doc = $text])+ $name,)+
        }

        impl Defect {
            /// The number of the requirement that it fails, and the only one.
            pub const fn requirement(self) -> &'static str {
                match self {
                    $(Self::$name => $requirement,)+
                }
            }

            /// The ids of the conformance tests where it shows.
            pub const fn tests(self) -> &'static [&'static str] {
                match self {
                    $(Self::$name => &[$test],)+
                }
            }

            /// Makes the software so.
            pub fn spoil(self, habits: &mut Habits) {
                let spoil: fn(&mut Habits) = match self {
                    $(Self::$name => $spoil,)+
                };
                spoil(habits);
            }
        }
    };
}

defects! {
    /// The SubmissionSet names a document that is not in the Bundle.
    NamesWhatIsNotSent: "DF-01" in "document-feeder/nominal",
        |habits| habits.before_sending = change::name_what_is_not_sent;
    /// The attachment's hash is of the base64 text, not of the bytes.
    HashOfOtherBytes: "DF-02" in "document-feeder/nominal",
        |habits| habits.before_sending = change::hash_other_bytes;
    /// The SubmissionSet's uniqueId is an OID without `urn:oid:`.
    UniqueIdWithoutUrn: "DF-03" in "document-feeder/nominal",
        |habits| habits.before_sending = change::write_unique_id_without_urn;
    /// The SubmissionSet does not say whose documents it brings.
    SetWithoutSubject: "DF-04" in "document-feeder/nominal",
        |habits| habits.before_sending = change::leave_out_subject_of_set;
    /// Submits first, and gets a token when it is told to.
    SubmitsBeforeToken: "DF-05" in "document-feeder/nominal",
        |habits| habits.without_token = Some(Submit);
    /// The document's type is a text, not a code.
    TypeAsText: "DF-06" in "document-feeder/nominal",
        |habits| habits.before_sending = change::write_type_as_text;
    /// Ends the document with a line break it did not have (size and hash fit).
    DocumentRewritten: "DF-07" in "document-feeder/nominal",
        |habits| habits.before_sending = change::rewrite_document;
    /// Writes local time as if it were UTC: an hour ahead.
    LocalTimeAsUtc: "DF-08" in "document-feeder/nominal",
        |habits| habits.before_sending = change::write_local_time_as_utc;
    /// Repeats a submission at once, whatever `Retry-After` of a 503 says.
    NoWait: "DF-10" in "document-feeder/busy",
        |habits| habits.exceptions = &[(Submit, Busy, RepeatAtOnce)];
    /// Leaves a document unpublished after the first 503 with `Retry-After`.
    GivesUp: "DF-11" in "document-feeder/busy",
        |habits| habits.exceptions = &[(Submit, Busy, Stop)];
    /// Repeats a submission at once after 429.
    TooManyNoWait: "DF-12" in "document-feeder/too-many",
        |habits| habits.exceptions = &[(Submit, TooMany, RepeatAtOnce)];
    /// A submission whose answer was lost is sent again as another one.
    NewIdsOnRepeat: "DF-13" in "document-feeder/answer-lost",
        |habits| habits.before_repeating = change::submit_anew;
    /// Repeats a submission with the token that was not taken.
    KeepsOldToken: "DF-14" in "document-feeder/token-expired",
        |habits| habits.exceptions = &[(Submit, NotAuthenticated, RepeatAtOnce)];
    /// Repeats a submission that was refused.
    InsistsAfterRefusal: "DF-15" in "document-feeder/refused",
        |habits| habits.exceptions = &[(Submit, Refused, RepeatAtOnce)];
    /// Repeats a submission unchanged after 412.
    InsistsAfterPrecondition: "DF-16" in "document-feeder/invalid",
        |habits| habits.exceptions = &[(Submit, PreconditionFailed, RepeatAtOnce)];
    /// Repeats a submission unchanged after 409.
    InsistsAfterConflict: "DF-17" in "document-feeder/conflict",
        |habits| habits.exceptions = &[(Submit, Conflict, RepeatAtOnce)];

    /// Names the patient by a number that is padded with spaces, which the resource does not have so.
    FeedPadsNumber: "IF-01" in "identity-feed/nominal",
        |habits| habits.before_sending = change::pad_number;
    /// Does not map its own code of the gender.
    FeedGenderNotMapped: "IF-02" in "identity-feed/nominal",
        |habits| habits.before_sending = change::forget_gender;
    /// Feeds first, and gets a token when it is told to.
    FeedsBeforeToken: "IF-03" in "identity-feed/nominal",
        |habits| habits.without_token = Some(Feed);
    /// Feeds only the number that the patient is named by.
    FeedsOneIdentifier: "IF-04" in "identity-feed/nominal",
        |habits| habits.before_sending = change::feed_one_identifier;
    /// An update names the patient by another of her numbers.
    UpdatesUnderOtherIdentifier: "IF-05" in "identity-feed/update",
        |habits| habits.before_sending = change::update_under_other_identifier;
    /// Repeats a feed at once, whatever `Retry-After` of a 503 says.
    FeedNoWait: "IF-10" in "identity-feed/busy",
        |habits| habits.exceptions = &[(Feed, Busy, RepeatAtOnce)];
    /// Repeats a feed at once after 429.
    FeedTooManyNoWait: "IF-11" in "identity-feed/too-many",
        |habits| habits.exceptions = &[(Feed, TooMany, RepeatAtOnce)];
    /// Repeats a feed with the token that was not taken.
    FeedKeepsOldToken: "IF-12" in "identity-feed/token-expired",
        |habits| habits.exceptions = &[(Feed, NotAuthenticated, RepeatAtOnce)];
    /// Repeats a feed that was refused.
    FeedInsistsAfterRefusal: "IF-13" in "identity-feed/refused",
        |habits| habits.exceptions = &[(Feed, Refused, RepeatAtOnce)];
    /// Repeats a feed unchanged after 412.
    FeedInsistsAfterPrecondition: "IF-14" in "identity-feed/invalid",
        |habits| habits.exceptions = &[(Feed, PreconditionFailed, RepeatAtOnce)];
    /// Repeats a feed unchanged after 409.
    FeedInsistsAfterConflict: "IF-15" in "identity-feed/conflict",
        |habits| habits.exceptions = &[(Feed, Conflict, RepeatAtOnce)];

    /// Writes the identifier's system otherwise than it is.
    SearchPadsSystem: "RC-01" in "registry-consumer/nominal",
        |habits| habits.before_sending = change::pad_system;
    /// Searches with the patient's number in the URL.
    SearchInUrl: "RC-02" in "registry-consumer/nominal",
        |habits| habits.before_sending = change::search_patient_in_url;
    /// Searches first, and gets a token when it is told to.
    SearchesBeforeToken: "RC-03" in "registry-consumer/nominal",
        |habits| habits.without_token = Some(Find);
    /// Searches by the bare number when nobody is found.
    SearchesByLess: "RC-04" in "registry-consumer/unknown",
        |habits| habits.afterwards = detour::search_by_less;
    /// Repeats a search at once, whatever `Retry-After` of a 503 says.
    SearchNoWait: "RC-10" in "registry-consumer/busy",
        |habits| habits.exceptions = &[(Find, Busy, RepeatAtOnce)];
    /// Repeats a search at once after 429.
    SearchTooManyNoWait: "RC-11" in "registry-consumer/too-many",
        |habits| habits.exceptions = &[(Find, TooMany, RepeatAtOnce)];
    /// Repeats a search with the token that was not taken.
    SearchKeepsOldToken: "RC-12" in "registry-consumer/token-expired",
        |habits| habits.exceptions = &[(Find, NotAuthenticated, RepeatAtOnce)];
    /// Repeats a search that was refused.
    SearchInsistsAfterRefusal: "RC-13" in "registry-consumer/refused",
        |habits| habits.exceptions = &[(Find, Refused, RepeatAtOnce)];

    /// Names the patient by a number that is padded with spaces.
    ListPadsNumber: "DR-01" in "document-reader/nominal",
        |habits| habits.before_sending = change::pad_number_of_list;
    /// Fetches every document twice.
    RetrievesTwice: "DR-02" in "document-reader/nominal",
        |habits| habits.afterwards = detour::retrieve_again;
    /// Lists first, and gets a token when it is told to.
    ListsBeforeToken: "DR-03" in "document-reader/nominal",
        |habits| habits.without_token = Some(List);
    /// Lists with the patient's number in the URL.
    ListInUrl: "DR-04" in "document-reader/nominal",
        |habits| habits.before_sending = change::list_in_url;
    /// Takes a document whose hash is not the one listed.
    TrustsWrongHash: "DR-05" in "document-reader/wrong-hash",
        |habits| habits.fetches = 1;
    /// Claims an emergency when the patient's documents are not shown.
    ClaimsEmergency: "DR-06" in "document-reader/opposed",
        |habits| habits.afterwards = detour::claim_emergency;
    /// Asks again for a document that was refused.
    DocumentInsistsAfterRefusal: "DR-07" in "document-reader/relation-ended",
        |habits| habits.exceptions = &[(Retrieve, Refused, RepeatAtOnce)];
    /// Repeats a list at once, whatever `Retry-After` of a 503 says.
    ListNoWait: "DR-10" in "document-reader/busy",
        |habits| habits.exceptions = &[(List, Busy, RepeatAtOnce)];
    /// Asks at once again for a document, whatever `Retry-After` of a 503 says.
    DocumentNoWait: "DR-11" in "document-reader/busy-document",
        |habits| habits.exceptions = &[(Retrieve, Busy, RepeatAtOnce)];
    /// Lists and reads on at once after 429.
    ReaderTooManyNoWait: "DR-12" in "document-reader/too-many",
        |habits| habits.exceptions = &[(List, TooMany, RepeatAtOnce), (Retrieve, TooMany, RepeatAtOnce)];
    /// Lists and reads on with the token that was not taken.
    ReaderKeepsOldToken: "DR-13" in "document-reader/token-expired",
        |habits| habits.exceptions = &[(List, NotAuthenticated, RepeatAtOnce), (Retrieve, NotAuthenticated, RepeatAtOnce)];
}
