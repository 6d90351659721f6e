//! The table, and its place in a page of the documentation.

use std::fmt::Write as _;
use std::path::Path;

/// Lines of a table.
#[derive(Debug, Default)]
pub struct Table(Vec<(String, String)>);

impl Table {
    /// Adds a line, and says it at once.
    pub fn row(&mut self, what: impl Into<String>, figure: impl Into<String>) {
        let (what, figure) = (what.into(), figure.into());
        eprintln!("{what}: {figure}");
        self.0.push((what, figure));
    }

    /// Markdown, under a line that says where and when.
    pub fn markdown(&self, head: &str) -> String {
        let mut text = format!("{head}\n\n| what | measured |\n|---|---|\n");
        for (what, figure) in &self.0 {
            let _ = writeln!(text, "| {what} | {figure} |");
        }
        text
    }
}

/// The machine, how busy it is, the build and the day.
pub fn place() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |rest| {
            rest.trim_start_matches([':', '\t', ' '])
        });
    let day = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').nth(1).unwrap_or("unknown");
    // The operator's binary is the one of the same build, unless another is named.
    let build = if cfg!(debug_assertions) {
        "development build"
    } else {
        "release build"
    };
    format!("{day}, {cores} cores of {model}, {build}, load average at the end {load}")
}

/// Puts `table` between the page's markers `<!-- <name> -->` and `<!-- end -->`.
pub fn replace(page: &Path, name: &str, table: &str) {
    let text = std::fs::read_to_string(page).expect("the page");
    let replaced = between(&text, name, table).expect("the page has the markers");
    std::fs::write(page, replaced).expect("the page is written");
}

fn between(text: &str, name: &str, table: &str) -> Option<String> {
    let begin = format!("<!-- {name} -->\n");
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once("<!-- end -->")?;
    Some(format!("{before}{begin}{table}<!-- end -->{after}"))
}

#[cfg(test)]
mod tests {
    use super::between;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let page = "a\n<!-- x -->\nold\n<!-- end -->\nb <!-- y -->\n<!-- end -->\n";
        let new = between(page, "x", "new\n");
        assert_eq!(
            new.as_deref(),
            Some("a\n<!-- x -->\nnew\n<!-- end -->\nb <!-- y -->\n<!-- end -->\n")
        );
        assert_eq!(between(page, "z", "new"), None);
    }
}
