//! The repository's CRDs, manifests, samples and fixtures, as they were when the program was built.

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The file at this path from the root of the repository.
pub fn file(path: &str) -> Option<&'static [u8]> {
    FILES
        .iter()
        .find(|(name, _)| *name == path)
        .map(|(_, content)| *content)
}

/// As [`file`], for text.
pub fn text(path: &str) -> Option<&'static str> {
    file(path).and_then(|bytes| std::str::from_utf8(bytes).ok())
}

/// Files below a folder whose name ends so, in order of their paths.
pub fn below(folder: &str, ending: &str) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    let folder = format!("{folder}/");
    let ending = ending.to_owned();
    FILES
        .iter()
        .filter(move |(name, _)| name.starts_with(&folder) && name.ends_with(&ending))
        .map(|(name, content)| (*name, *content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_are_inside() {
        assert!(text("manifests/openbao/config/openbao.hcl").is_some());
        assert!(below("manifests/openbao", ".policy").count() >= 8);
        assert!(below("manifests/openbao", ".yaml").count() >= 3);
        assert!(file("manifests/none").is_none());
    }
}
