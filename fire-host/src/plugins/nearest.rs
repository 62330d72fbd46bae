//! The valid name that a misspelt one is nearest to.

/// The nearest of `valid`, if it is near enough to have been meant.
pub fn nearest<'a>(name: &str, valid: &[&'a str]) -> Option<&'a str> {
    valid
        .iter()
        .map(|candidate| (strsim::osa_distance(name, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name() {
        for (name, expected) in [
            ("smh", Some("shm")),
            ("Pipe", Some("pipe")),
            ("pip", Some("pipe")),
            ("tpc", Some("tcp")),
            ("", None),
            ("quic", None),
            ("shared-memory", None),
        ] {
            assert_eq!(nearest(name, &["shm", "pipe", "tcp"]), expected, "{name}");
        }
        let policies = ["serious-changes", "keep-state"];
        assert_eq!(nearest("keepstate", &policies), Some("keep-state"));
        assert_eq!(
            nearest("serious-change", &policies),
            Some("serious-changes")
        );
    }
}
