//! The condition `Homologated` of the platform and of production groups: what [`dmp_homologation::gates`] comes to, and what to do.

use dmp_homologation::gates::Outcome;
use dmp_homologation::system::{Gate, State};
use jiff::civil::Date;

use crate::status::Fact;

/// Name of the condition.
pub const CONDITION: &str = "Homologated";

/// The condition that says it, and what to do.
pub fn fact(outcome: &Outcome, today: Date) -> Fact {
    let open = outcome.gate == Gate::Open;
    let standing = &outcome.standing;
    let until = standing.until.map_or_else(String::new, |until| until.to_string());
    let serving = match outcome.gate {
        Gate::Open => "open",
        Gate::ReadOnly => "nothing new is written",
        Gate::Closed => "the gateways serve sandboxes only",
    };
    let own_gate = standing.gate();
    if own_gate == Gate::Open && !outcome.qualified {
        let message =
            format!("{serving}: the site's qualification is missing or has ended (kubectl get sites)");
        return Fact::new(CONDITION, false, "SiteNotQualified", message);
    }
    if own_gate == Gate::Open && outcome.above != Gate::Open {
        let message = format!("{serving}: the platform itself is not homologated (kubectl get platform)");
        return Fact::new(CONDITION, false, "PlatformNotHomologated", message);
    }
    let message = match standing.state {
        State::Active => format!("open until {until}"),
        State::Expiring => format!(
            "open until {until}: {} days are left for the next audit and decision",
            standing.days_left(today).unwrap_or_default()
        ),
        State::Extended => format!("open until {until} by the word of two bodies, in an emergency"),
        State::Ended => format!("{serving} since {until}: have it audited and decided again"),
        State::Undecided => {
            format!("{serving}: no authority has decided (dmpctl homologation system decide)")
        }
        State::AuditMissing => format!(
            "{serving}: no favourable audit, not older than a year at the decision, has the report that the decision names"
        ),
        State::Refused => format!("{serving}: the authority's last word is no"),
    };
    Fact::new(CONDITION, open, standing.state.reason(), message)
}
