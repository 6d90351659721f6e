//! The README's list of defects is the enum.

use clap::ValueEnum as _;
use dmp_solution::defect::Defect;

const README: &str = include_str!("../../README.md");

#[test]
fn the_readme_lists_every_defect_with_its_requirement() {
    let (_, list) = README.split_once("## Defects").unwrap();
    let listed: Vec<&str> = list
        .lines()
        .filter(|line| line.starts_with("| "))
        .flat_map(|line| line.split('|'))
        .map(str::trim)
        .filter(|cell| cell.contains('`'))
        .collect();
    let expected: Vec<String> = Defect::value_variants()
        .iter()
        .map(|defect| {
            let value = defect.to_possible_value().unwrap();
            format!("{} `{}`", defect.requirement(), value.get_name())
        })
        .collect();
    assert_eq!(listed, expected);
}
