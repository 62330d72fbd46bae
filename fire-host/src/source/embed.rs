//! `//go:embed` patterns: which files of a package's directory they take in
//! (documentation of package embed; `path.Match`).

/// Splits the words of a `//go:embed` line; quoted ones may hold blanks.
pub(super) fn patterns(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = line.trim();
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '"' | '`' => {
                let inner = &rest[1..];
                let end = inner.find(first).unwrap_or(inner.len());
                (&inner[..end], inner.get(end + 1..).unwrap_or_default())
            }
            _ => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        found.push(word.to_string());
        rest = after.trim_start();
    }
    found
}

/// Whether the pattern takes in the file, given relative to the package's directory with `/`.
pub(super) fn takes_in(pattern: &str, file: &str) -> bool {
    let (pattern, hidden_too) = match pattern.strip_prefix("all:") {
        Some(rest) => (rest, true),
        None => (pattern, false),
    };
    // The pattern names the file, or a directory above it.
    let ends = file
        .match_indices('/')
        .map(|(at, _)| at)
        .chain([file.len()]);
    for end in ends {
        if pattern == "." || matches(pattern.as_bytes(), &file.as_bytes()[..end]) {
            let below = if pattern == "." { file } else { &file[end..] };
            let hidden = below.split('/').any(|part| part.starts_with(['.', '_']));
            return hidden_too || !hidden;
        }
    }
    false
}

/// `path.Match`: `*` and `?` do not cross `/`.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    // Where to go on from when a later byte does not fit: after the last star, one byte further.
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p + 1, t));
            p += 1;
        } else if let Some(length) = one(&pattern[p..], text[t]) {
            p += length;
            t += 1;
        } else {
            match star {
                Some((after, from)) if text[from] != b'/' => {
                    star = Some((after, from + 1));
                    (p, t) = (after, from + 1);
                }
                _ => return false,
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// The length of the pattern element that fits this byte.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern.first()? {
        b'?' => (byte != b'/').then_some(1),
        b'[' => class(pattern, byte),
        b'\\' => (pattern.get(1) == Some(&byte)).then_some(2),
        own => (*own == byte).then_some(1),
    }
}

fn class(pattern: &[u8], byte: u8) -> Option<usize> {
    let negated = pattern.get(1) == Some(&b'^');
    let mut at = if negated { 2 } else { 1 };
    let mut inside = false;
    while *pattern.get(at)? != b']' {
        let low = pattern[at];
        let high = if pattern.get(at + 1) == Some(&b'-') {
            *pattern.get(at + 2)?
        } else {
            low
        };
        at += if high == low && pattern.get(at + 1) != Some(&b'-') {
            1
        } else {
            3
        };
        inside |= (low..=high).contains(&byte);
    }
    (inside != negated && byte != b'/').then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_quotes() {
        assert_eq!(
            patterns(" a.txt  static/* \"two words\" `b c`"),
            ["a.txt", "static/*", "two words", "b c"]
        );
        assert_eq!(patterns("\"open"), ["open"]);
    }

    #[test]
    fn files_directories_and_hidden_ones() {
        assert!(takes_in("static", "static/css/a.css"));
        assert!(takes_in("static/*", "static/a.css"));
        assert!(takes_in("*.tmpl", "a.tmpl"));
        assert!(takes_in("page[0-9].?tml", "page3.html"));
        assert!(takes_in("all:static", "static/.hidden"));
        assert!(takes_in("static/.hidden", "static/.hidden"));
        assert!(!takes_in("static", "static/.hidden"));
        assert!(!takes_in("static", "static/_old/a.css"));
        assert!(!takes_in("*.tmpl", "sub/a.tmpl"));
        assert!(!takes_in("static/*.css", "static/a.js"));
        assert!(!takes_in("[", "a"));
    }
}
