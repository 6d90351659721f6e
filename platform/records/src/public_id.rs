//! Public ids of a group's resources: `<tag>-<uuid without dashes>`. Opaque, and they lead the gateway to the group.

use dmp_core::ids::GroupName;
use uuid::Uuid;

/// Writes and reads the ids of one group.
#[derive(Clone, Debug)]
pub(crate) struct PublicIds {
    tag: String,
}

impl PublicIds {
    pub(crate) fn new(group: &GroupName) -> Self {
        Self { tag: group.tag() }
    }

    pub(crate) fn format(&self, id: Uuid) -> String {
        format!("{}-{}", self.tag, id.simple())
    }

    /// `None` when it is not an id of this group, in its one canonical form.
    pub(crate) fn parse(&self, text: &str) -> Option<Uuid> {
        let id: Uuid = text.strip_prefix(&self.tag)?.strip_prefix('-')?.parse().ok()?;
        (self.format(id) == text).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_the_groups_own_canonical_ids_are_read() {
        let ids = PublicIds::new(&"a".parse().unwrap());
        let id = Uuid::new_v4();
        let text = ids.format(id);
        assert_eq!(ids.parse(&text), Some(id));
        assert_eq!(PublicIds::new(&"b".parse().unwrap()).parse(&text), None);
        for bad in [
            text.to_uppercase(),
            format!("{text}0"),
            format!("{}-{id}", ids.tag),
            String::new(),
            "é".repeat(9),
        ] {
            assert_eq!(ids.parse(&bad), None, "{bad}");
        }
    }
}
