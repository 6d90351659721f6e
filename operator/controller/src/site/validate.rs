//! Is the place qualified today? Pure: the day is an argument.

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
}
