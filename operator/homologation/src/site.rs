//! Is a place qualified today, and for health data? Pure: the day is an argument.

use dmp_api::SiteSpec;
use jiff::civil::Date;

/// What the DGSSI's qualification comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Qualification {
    /// Not stated: a machine under development.
    None,
    Valid,
    Expired,
    /// The date is none.
    Unreadable,
}

/// The level that health data needs (arrêté 3-17-25; `levelForHealthData` of DMP-RES-05).
pub const LEVEL_FOR_HEALTH_DATA: &str = "2";

/// Whether health data of real people may be there.
pub fn is_for_health_data(spec: &SiteSpec, today: Date) -> bool {
    let stated = spec.qualification.as_ref();
    validate(spec, today) == Qualification::Valid
        && stated.is_some_and(|stated| stated.level == LEVEL_FOR_HEALTH_DATA)
}

pub fn validate(spec: &SiteSpec, today: Date) -> Qualification {
    let Some(stated) = &spec.qualification else {
        return Qualification::None;
    };
    match stated.expires.parse::<Date>() {
        Ok(last) if last >= today => Qualification::Valid,
        Ok(_) => Qualification::Expired,
        Err(_) => Qualification::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use dmp_api::site;
    use jiff::civil::date;

    use super::*;

    fn spec(expires: Option<&str>) -> SiteSpec {
        SiteSpec {
            territory: "MA".to_owned(),
            region: "MA-06".to_owned(),
            qualification: expires.map(|expires| site::Qualification {
                level: "PASSI".to_owned(),
                expires: expires.to_owned(),
            }),
            zones: Vec::new(),
        }
    }

    #[test]
    fn the_last_day_still_counts() {
        let today = date(2026, 11, 25);
        assert_eq!(validate(&spec(Some("2026-11-25")), today), Qualification::Valid);
        assert_eq!(validate(&spec(Some("2026-11-24")), today), Qualification::Expired);
        assert_eq!(
            validate(&spec(Some("2026-02-31")), today),
            Qualification::Unreadable
        );
        assert_eq!(validate(&spec(None), today), Qualification::None);
    }

    #[test]
    fn health_data_need_the_level_and_the_day() {
        let today = date(2026, 11, 25);
        let at = |level: &str, expires: &str| {
            let mut spec = spec(Some(expires));
            if let Some(stated) = spec.qualification.as_mut() {
                level.clone_into(&mut stated.level);
            }
            is_for_health_data(&spec, today)
        };
        assert!(at(LEVEL_FOR_HEALTH_DATA, "2026-11-25"));
        assert!(!at(LEVEL_FOR_HEALTH_DATA, "2026-11-24"));
        assert!(!at("1", "2026-11-25"));
        assert!(!is_for_health_data(&spec(None), today));
    }
}
