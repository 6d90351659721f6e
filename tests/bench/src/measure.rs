//! Quantiles, and what the kernel says about a process.

use std::time::Duration;

/// Latencies of one kind of event.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    pub fn add(&mut self, latency: Duration) {
        self.0.push(latency);
        self.0.sort_unstable();
    }

    /// Of many at once.
    pub fn of(mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        Self(latencies)
    }

    /// The value that a fraction of all does not exceed.
    pub fn quantile(&self, fraction: f64) -> Duration {
        let rank = (self.0.len() as f64 * fraction).ceil() as usize;
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// `p50 / p99 / max (n)`, milliseconds.
    pub fn text(&self) -> String {
        let [half, most, all] = [0.5, 0.99, 1.0].map(|fraction| self.quantile(fraction).as_millis());
        format!("{half} / {most} / {all} ms (n = {})", self.0.len())
    }

    /// `p50 / p99 (n)`, microseconds.
    pub fn fine(&self) -> String {
        let [half, most] = [0.5, 0.99].map(|fraction| self.quantile(fraction).as_micros());
        format!("{half} / {most} µs (n = {})", self.0.len())
    }

    /// Of the medians.
    pub fn ratio(&self, other: &Self) -> f64 {
        self.quantile(0.5).as_secs_f64() / other.quantile(0.5).as_secs_f64()
    }
}

/// Memory of a process.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// MiB.
    pub now: u64,
    /// MiB, since it started.
    pub peak: u64,
}

impl Memory {
    pub fn of(pid: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
        let field = |name: &str| {
            let line = status
                .lines()
                .find(|line| line.starts_with(name))
                .expect("its memory");
            let kib: u64 = line
                .split_whitespace()
                .nth(1)
                .and_then(|text| text.parse().ok())
                .expect("KiB");
            kib / 1024
        };
        Self {
            now: field("VmRSS:"),
            peak: field("VmHWM:"),
        }
    }
}

/// Processor time a process has used.
pub fn processor_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    let after_name = stat.rsplit_once(") ").expect("its name").1;
    let ticks = |field: usize| -> u64 {
        let text = after_name.split(' ').nth(field).expect("a field");
        text.parse().expect("ticks")
    };
    // utime and stime; a tick is 10 ms on Linux.
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let mut latencies = Latencies::default();
        for milliseconds in (1..=100).rev() {
            latencies.add(Duration::from_millis(milliseconds));
        }
        assert_eq!(latencies.text(), "50 / 99 / 100 ms (n = 100)");
    }

    #[test]
    fn this_process_has_memory_and_has_used_the_processor() {
        let pid = std::process::id();
        let memory = Memory::of(pid);
        assert!(memory.peak >= memory.now && memory.peak > 0);
        assert!(processor_time(pid) < Duration::from_secs(60));
    }
}
