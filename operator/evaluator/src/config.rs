//! How the process is configured: flags or environment.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use dmp_policies::history::{FEWEST_YEARS, USUAL_YEARS};
use dmp_policies::oscal::kept::{FEWEST_MONTHS, USUAL_DAYS};

/// `dmp-operator evaluate`.
#[derive(Args, Clone, Debug)]
pub struct EvaluatorConfig {
    /// Seconds between two passes.
    #[arg(long, env = "DMP_EVALUATION_PERIOD", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub period: u64,
    /// Years of which the posture of each day is kept; older ones are removed
    #[arg(long, env = "DMP_POSTURE_YEARS", default_value_t = USUAL_YEARS, value_parser = clap::value_parser!(u16).range(i64::from(FEWEST_YEARS)..=100))]
    pub posture_years: u16,
    /// Days of which the OSCAL documents are kept
    #[arg(long, env = "DMP_OSCAL_DAYS", default_value_t = USUAL_DAYS, value_parser = clap::value_parser!(u16).range(1..=366))]
    pub oscal_days: u16,
    /// Months of which the OSCAL documents of the first day are kept; older ones are removed
    #[arg(long, env = "DMP_OSCAL_MONTHS", default_value_t = FEWEST_MONTHS, value_parser = clap::value_parser!(u16).range(i64::from(FEWEST_MONTHS)..=1200))]
    pub oscal_months: u16,
    /// Write the reports as PolicyReports (wgpolicyk8s.io) too, for tools that do not read OpenReports
    #[arg(long, env = "DMP_POLICY_REPORTS")]
    pub policy_reports: bool,
    /// Plain HTTP: `/livez`, `/readyz`, `/metrics`.
    #[arg(long, env = "DMP_HEALTH_LISTEN", default_value = "0.0.0.0:9090")]
    pub health_listen: SocketAddr,
}

impl EvaluatorConfig {
    pub const fn period(&self) -> Duration {
        Duration::from_secs(self.period)
    }
}
