//! Classes of documents: the columns of the matrix.
//!
//! A document is sorted by the LOINC codes of `DocumentReference.type`, then of `category`. What no table knows is
//! [`Category::Other`]: open to physicians and to the patient only.

/// `http://loinc.org`, as FHIR writes it.
const LOINC: &str = "http://loinc.org";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// Summaries and letters: discharge, transfer, referral, patient summary.
    Summary,
    /// Consultation, history, progress, procedure, operation.
    Note,
    /// Prescription, dispensation, medication list.
    Medication,
    /// Laboratory and pathology reports.
    Laboratory,
    Imaging,
    Vaccination,
    Nursing,
    /// Pregnancy, birth, post-partum.
    Maternity,
    Other,
}

impl Category {
    pub const ALL: [Self; 9] = [
        Self::Summary,
        Self::Note,
        Self::Medication,
        Self::Laboratory,
        Self::Imaging,
        Self::Vaccination,
        Self::Nursing,
        Self::Maternity,
        Self::Other,
    ];

    /// The code in the policies and in stored metadata.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Summary => "summary",
            Self::Note => "note",
            Self::Medication => "medication",
            Self::Laboratory => "laboratory",
            Self::Imaging => "imaging",
            Self::Vaccination => "vaccination",
            Self::Nursing => "nursing",
            Self::Maternity => "maternity",
            Self::Other => "other",
        }
    }

    /// The category of a stored code; `None` when there is no such category.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.as_str() == code)
    }

    /// The category of the first known `(system, code)`, in the order given: type codings before category codings.
    pub fn of_codes<'a>(codes: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        codes
            .into_iter()
            .filter(|(system, _)| *system == LOINC)
            .find_map(|(_, code)| Self::of_loinc(code))
            .unwrap_or(Self::Other)
    }

    /// LOINC document codes of the C-CDA, IPS and IHE document types (a code's class is that of its LOINC kind of document).
    fn of_loinc(code: &str) -> Option<Self> {
        Some(match code {
            // Summary of episode note, discharge summaries, patient summary, referral and transfer notes, care plan.
            "34133-9" | "18842-5" | "11490-0" | "34105-7" | "28655-9" | "28574-2" | "60591-5" | "57133-1"
            | "57113-1" | "18761-7" | "18776-5" => Self::Summary,
            // Consultation, history and physical, progress, procedure, operation, evaluation, unstructured clinical note.
            "11488-4" | "34117-2" | "11506-3" | "28570-0" | "11504-8" | "51845-6" | "34111-5" | "34099-2"
            | "34131-3" | "34847-4" | "51847-2" | "28636-9" | "11492-6" | "34878-9" | "34109-9" => Self::Note,
            // Prescription, dispensation, medication summary, history of medication use, medication treatment plan.
            "57833-6" | "60593-1" | "56445-0" | "10160-0" | "29551-9" | "77603-9" | "61356-2" => {
                Self::Medication
            }
            // Laboratory report, microbiology, pathology, diagnostic results.
            "11502-2" | "18725-2" | "11526-1" | "18719-5" | "18721-1" | "18722-9" | "18723-7" | "18724-5"
            | "18727-8" | "18728-6" | "26436-6" | "30954-2" | "60567-5" => Self::Laboratory,
            // Diagnostic imaging study, radiology, echography, endoscopy.
            "18748-4" | "68604-8" | "18726-0" | "18755-9" | "18782-3" | "25045-6" | "24627-2" | "18751-8"
            | "55113-5" => Self::Imaging,
            // History of immunization, immunization summary and note.
            "11369-6" | "82593-5" | "87273-9" => Self::Vaccination,
            // Nurse notes: general, transfer, discharge, initial evaluation.
            "34746-8" | "28651-8" | "34745-0" | "28621-1" | "34119-8" => Self::Nursing,
            // Pregnancy summary, antepartum, labour and delivery, post-partum.
            "57055-6" | "57056-4" | "57057-2" | "57058-0" | "57059-8" | "15508-5" => Self::Maternity,
            _ => return None,
        })
    }
}
