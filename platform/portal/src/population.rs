//! The invented people of a sandbox: who they are follows from the realm's name and nothing else. Pure.
//!
//! Three professionals and twenty patients: families with children and twins of both kinds, a newborn, old people whose
//! birth is known by its year, a person with one name. Identity cards begin with `XT`, which no real one does.

use dmp_client::registry::{
    PopulationEstablishment, PopulationPatient, PopulationProfessional, PopulationRequest,
};
use dmp_core::ids::Identifier;
use dmp_fhir::systems;
use serde_json::{Value, json};

/// Latin and Arabic.
type Name = (&'static str, &'static str);

const FAMILIES: [Name; 12] = [
    ("AIT TALEB", "آيت طالب"),
    ("BENSOUDA", "بنسودة"),
    ("CHERKAOUI", "الشرقاوي"),
    ("DRISSI", "الإدريسي"),
    ("EL FASSI", "الفاسي"),
    ("GHARBAOUI", "الغرباوي"),
    ("HADDOUCHI", "حدوشي"),
    ("IDRISSI", "الادريسي"),
    ("KETTANI", "الكتاني"),
    ("LAHLOU", "لحلو"),
    ("MANSOURI", "المنصوري"),
    ("TAZI", "التازي"),
];
const WOMEN: [Name; 10] = [
    ("Amina", "أمينة"),
    ("Fatima Zahra", "فاطمة الزهراء"),
    ("Ghita", "غيثة"),
    ("Hajar", "هاجر"),
    ("Imane", "إيمان"),
    ("Khadija", "خديجة"),
    ("Meryem", "مريم"),
    ("Nadia", "نادية"),
    ("Salma", "سلمى"),
    ("Zineb", "زينب"),
];
const MEN: [Name; 10] = [
    ("Abdellah", "عبد الله"),
    ("Brahim", "إبراهيم"),
    ("Driss", "إدريس"),
    ("Hamza", "حمزة"),
    ("Ilyas", "إلياس"),
    ("Karim", "كريم"),
    ("Mehdi", "المهدي"),
    ("Omar", "عمر"),
    ("Rachid", "رشيد"),
    ("Youssef", "يوسف"),
];
const CITIES: [&str; 8] = [
    "Agadir",
    "Casablanca",
    "Fès",
    "Marrakech",
    "Oujda",
    "Rabat",
    "Salé",
    "Tanger",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gender {
    Female,
    Male,
}
use Gender::{Female, Male};

/// What is known of a birth.
#[derive(Clone, Copy, Debug)]
enum Born {
    On(u32),
    /// Day and month are not.
    In(u32),
    /// With the one before, the same day; the order among them.
    Twin(u32),
}

/// One patient to be.
#[derive(Clone, Copy, Debug)]
struct Person {
    /// People of one household have family name and address in common.
    household: usize,
    gender: Gender,
    born: Born,
}

const fn person(household: usize, gender: Gender, born: Born) -> Person {
    Person {
        household,
        gender,
        born,
    }
}

const PEOPLE: [Person; 20] = [
    person(0, Female, Born::On(1988)),
    person(0, Male, Born::On(1984)),
    person(0, Female, Born::On(2019)),
    person(0, Male, Born::Twin(2)),
    person(0, Male, Born::On(2022)),
    person(1, Female, Born::On(1993)),
    person(1, Female, Born::On(2021)),
    person(1, Female, Born::Twin(2)),
    person(2, Female, Born::In(1951)),
    person(2, Male, Born::In(1946)),
    person(3, Female, Born::On(1997)),
    person(3, Male, Born::On(1995)),
    person(3, Male, Born::On(2026)),
    person(4, Male, Born::On(2010)),
    person(5, Female, Born::On(1979)),
    person(6, Male, Born::On(1972)),
    person(7, Female, Born::On(2004)),
    person(8, Male, Born::On(1961)),
    person(9, Female, Born::On(1938)),
    person(10, Male, Born::In(1957)),
];
/// Has one name.
const ONE_NAME: usize = 19;

const PROFESSIONALS: [(&str, Gender); 3] = [("physician", Female), ("nurse", Male), ("pharmacist", Female)];

/// The people of one realm.
#[derive(Clone, PartialEq)]
pub struct Population {
    pub realm: String,
    pub establishment: PopulationEstablishment,
    pub professionals: Vec<PopulationProfessional>,
    pub patients: Vec<PopulationPatient>,
}

impl Population {
    /// The people of `realm`; the professionals work at the establishment with the INPE `establishment`.
    pub fn of(realm: &str, establishment: &str) -> Self {
        let chance = Chance(realm);
        let professionals = PROFESSIONALS.iter().zip(1..).map(|(&(profession, gender), n)| {
            let what = format!("professional/{n}");
            PopulationProfessional {
                inpe: format!("1{:07}{n}", chance.below(&format!("{what}/inpe"), 10_000_000)),
                family: chance.of(&what, &FAMILIES, ("", "")).0.to_owned(),
                given: chance.given(&what, gender, n).0.to_owned(),
                profession: profession.to_owned(),
            }
        });
        let mut born = String::new();
        let patients = PEOPLE.iter().enumerate().map(|(n, person)| {
            born = birth(&chance, n, person.born, &born);
            let twin = match (person.born, PEOPLE.get(n + 1).map(|next| next.born)) {
                (Born::Twin(order), _) => Some(order),
                (_, Some(Born::Twin(_))) => Some(1),
                _ => None,
            };
            patient(&chance, n, person, &born, twin)
        });
        Self {
            realm: realm.to_owned(),
            establishment: PopulationEstablishment {
                inpe: establishment.to_owned(),
                name: format!("Centre hospitalier d'essai {realm}"),
            },
            professionals: professionals.collect(),
            patients: patients.collect(),
        }
    }

    /// As the registry takes it.
    pub fn into_request(self) -> PopulationRequest {
        PopulationRequest {
            realm: self.realm,
            establishment: self.establishment,
            professionals: self.professionals,
            patients: self.patients,
        }
    }
}

/// A FHIR date, of the year alone when no more is known; a twin's is that of the one before.
fn birth(chance: &Chance<'_>, n: usize, born: Born, before: &str) -> String {
    match born {
        Born::In(year) => year.to_string(),
        Born::Twin(_) => before.to_owned(),
        Born::On(year) => {
            let month = chance.below(&format!("patient/{n}/month"), 9) + 1;
            let day = chance.below(&format!("patient/{n}/day"), 28) + 1;
            format!("{year}-{month:02}-{day:02}")
        }
    }
}

fn patient(
    chance: &Chance<'_>,
    n: usize,
    person: &Person,
    born: &str,
    twin: Option<u32>,
) -> PopulationPatient {
    let household = format!("household/{}", person.household);
    // Neighbours in the list never share a name: a household's people are told apart by it.
    let family = chance.shifted("households", person.household, &FAMILIES);
    let given = chance.given("patients", person.gender, n);
    let identifier = Identifier {
        system: systems::CNIE.to_owned(),
        value: format!(
            "XT{:04}{n:02}",
            chance.below(&format!("patient/{n}/cnie"), 10_000)
        ),
    };
    let names = if n == ONE_NAME {
        json!([{ "use": "official", "text": given.0 }, { "use": "usual", "text": given.1 }])
    } else {
        json!([
            { "use": "official", "family": family.0, "given": [given.0] },
            { "use": "usual", "text": format!("{} {}", given.1, family.1), "family": family.1, "given": [given.1] },
        ])
    };
    let mut resource = json!({
        "resourceType": "Patient",
        "identifier": [{ "use": "official", "system": identifier.system, "value": identifier.value }],
        "active": true,
        "name": names,
        "gender": match person.gender {
            Female => "female",
            Male => "male",
        },
        "birthDate": born,
        "address": [{ "use": "home", "city": chance.of(&household, &CITIES, ""), "country": "MA" }],
    });
    if let (Some(order), Value::Object(members)) = (twin, &mut resource) {
        members.insert("multipleBirthInteger".to_owned(), json!(order));
    }
    PopulationPatient {
        identifier,
        patient: resource,
    }
}

/// What looks like chance and is the realm's name.
struct Chance<'a>(&'a str);

impl Chance<'_> {
    /// A number below `end`.
    fn below(&self, what: &str, end: usize) -> usize {
        let hash = dmp_homologation::canonical::sha256(&(self.0, what));
        let number = hash
            .get(..8)
            .and_then(|start| usize::from_str_radix(start, 16).ok());
        number.unwrap_or_default().checked_rem(end).unwrap_or_default()
    }

    fn of<T: Copy>(&self, what: &str, choice: &[T], otherwise: T) -> T {
        let number = self.below(what, choice.len());
        choice.get(number).copied().unwrap_or(otherwise)
    }

    /// The `n`th of a list that begins somewhere.
    fn shifted(&self, what: &str, n: usize, choice: &[Name]) -> Name {
        let number = (self.below(what, choice.len()) + n)
            .checked_rem(choice.len())
            .unwrap_or_default();
        choice.get(number).copied().unwrap_or_default()
    }

    fn given(&self, what: &str, gender: Gender, n: usize) -> Name {
        match gender {
            Female => self.shifted(what, n, &WOMEN),
            Male => self.shifted(what, n, &MEN),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;

    use dmp_fhir::patient::Patient;

    use super::*;

    fn realms() -> Vec<Population> {
        ["atlas-1", "atlas-2", "rif-1", "x"]
            .iter()
            .map(|realm| Population::of(realm, "900000001"))
            .collect()
    }

    #[test]
    fn they_follow_from_the_realms_name() {
        let again = Population::of("atlas-1", "900000001");
        let all = realms();
        let (first, second) = (&all[0], &all[1]);
        assert!(again == *first);
        let cards = |population: &Population| -> BTreeSet<String> {
            population
                .patients
                .iter()
                .map(|p| p.identifier.value.clone())
                .collect()
        };
        assert_ne!(cards(first), cards(second));
        assert_ne!(first.professionals, second.professionals);
    }

    #[test]
    fn three_professionals_with_numbers_of_their_own() {
        for population in realms() {
            let professions: Vec<&str> = population
                .professionals
                .iter()
                .map(|p| p.profession.as_str())
                .collect();
            assert_eq!(professions, ["physician", "nurse", "pharmacist"]);
            let numbers: BTreeSet<&str> = population.professionals.iter().map(|p| p.inpe.as_str()).collect();
            assert_eq!(numbers.len(), 3);
            for number in numbers {
                assert!(number.len() == 9 && number.starts_with('1'), "{number}");
                assert!(number.bytes().all(|byte| byte.is_ascii_digit()), "{number}");
            }
        }
    }

    #[test]
    fn twenty_patients_whom_the_registry_takes_and_tells_apart() {
        for population in realms() {
            assert_eq!(population.patients.len(), 20);
            let mut cards = BTreeSet::new();
            let mut people = BTreeSet::new();
            for person in &population.patients {
                let read = Patient::parse(&person.patient).unwrap();
                assert!(read.has_identifier(&person.identifier.system, &person.identifier.value));
                assert_eq!(person.identifier.system, systems::CNIE);
                assert!(person.identifier.value.starts_with("XT"));
                assert!(read.birth_date.is_some() && read.gender.is_some() && !read.names.is_empty());
                cards.insert(person.identifier.value.clone());
                people.insert((
                    person.patient["name"].to_string(),
                    person.patient["birthDate"].to_string(),
                ));
            }
            assert_eq!((cards.len(), people.len()), (20, 20));
        }
    }

    #[test]
    fn children_and_twins_are_among_them() {
        for population in realms() {
            let of = |n: usize, name: &str| population.patients[n].patient[name].clone();
            for (one, other) in [(2, 3), (6, 7)] {
                assert_eq!(of(one, "birthDate"), of(other, "birthDate"));
                assert_eq!(of(one, "address"), of(other, "address"));
                assert_eq!(of(one, "name")[0]["family"], of(other, "name")[0]["family"]);
                assert_ne!(of(one, "name")[0]["given"], of(other, "name")[0]["given"]);
                assert_eq!(
                    (of(one, "multipleBirthInteger"), of(other, "multipleBirthInteger")),
                    (json!(1), json!(2))
                );
            }
            assert_eq!(of(0, "name")[0]["family"], of(4, "name")[0]["family"]);
            assert_eq!(of(0, "multipleBirthInteger"), Value::Null);
            assert_eq!(of(8, "birthDate"), "1951");
            assert_eq!(of(ONE_NAME, "name")[0]["family"], Value::Null);
            let born = of(12, "birthDate");
            assert!(
                born.as_str().unwrap() < "2026-10-01",
                "{born} is not in the future"
            );
        }
    }
}
