//! Logs: JSON lines on standard output, filtered by `DMP_LOG` (`info`, `debug,sqlx=warn`…). Traces: [`trace`].
//!
//! No line carries a patient's name, identifier or data, a query string or a token. A panic is logged by its place
//! and, when the message is a constant of the program, its message.

use tracing_subscriber::EnvFilter;

pub mod trace;

/// The variable of the filter.
pub const LOG_VARIABLE: &str = "DMP_LOG";

/// Starts logging and the panic hook; a second call changes nothing.
pub fn init() {
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    let started = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(std::io::stdout)
        .try_init();
    if started.is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
}

fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    // a formatted message may repeat data
    let message = panic
        .payload()
        .downcast_ref::<&'static str>()
        .copied()
        .unwrap_or("formatted message left out");
    tracing::error!(place, message, "panic");
}
