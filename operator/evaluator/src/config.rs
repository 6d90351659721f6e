//! How the process is configured: flags or environment.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use dmp_policies::history::{FEWEST_YEARS, USUAL_YEARS};

/// `dmp-operator evaluate`.
#[derive(Args, Clone, Debug)]
pub struct EvaluatorConfig {
    /// Seconds between two passes.
    #[arg(long, env = "DMP_EVALUATION_PERIOD", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub period: u64,
    /// Years of which the posture of each day is kept; older ones are removed
    #[arg(long, env = "DMP_POSTURE_YEARS", default_value_t = USUAL_YEARS, value_parser = clap::value_parser!(u16).range(i64::from(FEWEST_YEARS)..=100))]
    pub posture_years: u16,
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
