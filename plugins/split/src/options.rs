//! The TOML table of a strategy. `only` and `except` bound what moves before the program starts;
//! an edited function moves whatever they say.

use fire_plugin_api::split::Function;
use serde::Deserialize;

/// Keys of the strategies that move functions before the program starts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Options {
    /// Import path prefixes; functions of other packages stay at home. Empty: no bound.
    pub(crate) only: Vec<String>,
    /// Import path prefixes whose functions stay at home.
    pub(crate) except: Vec<String>,
}

/// `OnEdit` has no keys: nothing moves before an edit.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NoOptions {}

impl Options {
    /// Whether the function may move before the program starts.
    pub(crate) fn admit(&self, function: &Function) -> bool {
        let within = |prefix: &String| is_within(&function.package, prefix);
        (self.only.is_empty() || self.only.iter().any(within)) && !self.except.iter().any(within)
    }
}

/// Whether the package is the one named or lies below it.
fn is_within(package: &str, prefix: &str) -> bool {
    package
        .strip_prefix(prefix.trim_end_matches('/'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fire_plugin_api::options;

    #[test]
    fn a_prefix_ends_at_a_path_element() {
        assert!(is_within("shop/store", "shop"));
        assert!(is_within("shop/store", "shop/store/"));
        assert!(!is_within("shopper", "shop"));
    }

    #[test]
    fn a_wrong_key_is_told_with_its_line() {
        let error = options::read::<Options>("only = []\nexcpet = []").unwrap_err();
        assert_eq!(error.line, Some(2));
        assert!(error.message.contains("`excpet`"), "{error}");
    }
}
