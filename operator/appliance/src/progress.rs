//! What a person sees while a long command works: each step, what it is at, how long so far.
//!
//! On a terminal a spinner per running step; elsewhere plain lines, one when a step has taken a
//! second, one every 15 s after that, one at its end. All of it goes to standard error: standard
//! output is for results.

use std::{
    borrow::Cow,
    io::{IsTerminal, Write},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;

const FIRST_LINE: Duration = Duration::from_secs(1);
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Where progress goes. Cheap to clone; steps of several tasks may run at once.
#[derive(Clone)]
pub struct Progress {
    start: Instant,
    output: Output,
}

#[derive(Clone)]
enum Output {
    Terminal(MultiProgress),
    Lines,
    Silent,
}

impl Progress {
    /// Spinners when standard error is a terminal, plain lines when it is not.
    pub fn to_stderr() -> Self {
        let output = if std::io::stderr().is_terminal() {
            Output::Terminal(MultiProgress::new())
        } else {
            Output::Lines
        };
        Self {
            start: Instant::now(),
            output,
        }
    }

    /// Says nothing; for tests and for callers that have their own display.
    pub fn silent() -> Self {
        Self {
            start: Instant::now(),
            output: Output::Silent,
        }
    }

    /// Begins a step. It ends with [`Step::done`]; a step that is dropped before failed.
    pub fn step(&self, what: impl Into<String>) -> Step {
        let what = what.into();
        let at = Arc::new(Mutex::new(String::new()));
        let display = match &self.output {
            Output::Silent => Display::Nothing,
            Output::Terminal(all) => {
                let bar = all.add(ProgressBar::new_spinner());
                if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {msg} {elapsed}") {
                    bar.set_style(style);
                }
                bar.set_prefix(what.clone());
                bar.enable_steady_tick(Duration::from_millis(120));
                Display::Bar(all.clone(), bar)
            }
            Output::Lines => {
                Display::Lines(tokio::spawn(heartbeat(self.start, what.clone(), Arc::clone(&at))))
            }
        };
        Step {
            what,
            at,
            program_start: self.start,
            step_start: Instant::now(),
            display,
        }
    }

    /// One line outside any step.
    pub fn say(&self, line: impl AsRef<str>) {
        match &self.output {
            Output::Silent => {}
            Output::Terminal(all) => drop(all.println(line.as_ref())),
            Output::Lines => print_line(self.start, line.as_ref()),
        }
    }
}

/// One running step of a long command.
pub struct Step {
    what: String,
    at: Arc<Mutex<String>>,
    program_start: Instant,
    step_start: Instant,
    display: Display,
}

enum Display {
    Bar(MultiProgress, ProgressBar),
    Lines(JoinHandle<()>),
    Nothing,
}

impl Step {
    /// Says what the step is doing or waiting for.
    pub fn at(&self, detail: impl Into<Cow<'static, str>>) {
        let detail = detail.into();
        if let Display::Bar(_, bar) = &self.display {
            bar.set_message(detail.clone());
        }
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = detail.into_owned();
    }

    /// Ends the step and says how long it took.
    pub fn done(mut self) {
        let line = format!("{}: done in {}", self.what, clock(self.step_start.elapsed()));
        self.finish(&line);
    }

    /// Ends the step with a result instead of a duration.
    pub fn done_with(mut self, result: impl AsRef<str>) {
        let line = format!("{}: {}", self.what, result.as_ref());
        self.finish(&line);
    }

    fn finish(&mut self, line: &str) {
        match std::mem::replace(&mut self.display, Display::Nothing) {
            Display::Nothing => {}
            Display::Bar(all, bar) => {
                bar.finish_and_clear();
                drop(all.println(format!("  {line}")));
            }
            Display::Lines(heartbeat) => {
                heartbeat.abort();
                print_line(self.program_start, line);
            }
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        let line = format!(
            "{}: stopped after {}",
            self.what,
            clock(self.step_start.elapsed())
        );
        self.finish(&line);
    }
}

async fn heartbeat(program_start: Instant, what: String, at: Arc<Mutex<String>>) {
    let begin = Instant::now();
    tokio::time::sleep(FIRST_LINE).await;
    loop {
        let detail = at.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let separator = if detail.is_empty() { "" } else { ": " };
        let so_far = clock(begin.elapsed());
        print_line(
            program_start,
            &format!("{what}{separator}{detail} … {so_far} so far"),
        );
        tokio::time::sleep(HEARTBEAT).await;
    }
}

fn print_line(start: Instant, line: &str) {
    // A closed standard error must not end the command.
    drop(writeln!(
        std::io::stderr(),
        "[{:>5}] {line}",
        clock(start.elapsed())
    ));
}

/// `m:ss`.
fn clock(elapsed: Duration) -> String {
    format!("{}:{:02}", elapsed.as_secs() / 60, elapsed.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_shows_minutes_and_seconds() {
        assert_eq!(clock(Duration::from_secs(7)), "0:07");
        assert_eq!(clock(Duration::from_secs(605)), "10:05");
    }
}
