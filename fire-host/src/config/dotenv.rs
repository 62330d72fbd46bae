//! Env files: `KEY=value` lines, as Docker, Ruby's dotenv and godotenv read them.

/// A line that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct EnvError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// The pairs in order. Later ones win. Values in double quotes know `\n`, `\t`, `\"`, `\\` and may
/// span lines; values in single quotes are literal; others end at ` #`. `$NAME` is left as it is.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, EnvError> {
    let mut pairs = Vec::new();
    let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let wrong = |message: &str| EnvError {
            line: index + 1,
            message: message.into(),
        };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").map_or(line, str::trim_start);
        let (key, value) = line
            .split_once('=')
            .ok_or_else(|| wrong("there is no `=` in it"))?;
        let key = key.trim();
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err(wrong("the name before `=` is no name"));
        }
        let value = value.trim();
        let value = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let mut whole = value[1..].to_owned();
                loop {
                    if let Some(end) = closing(&whole, quote) {
                        whole.truncate(end);
                        break;
                    }
                    let (_, more) = lines
                        .next()
                        .ok_or_else(|| wrong("the quote is never closed"))?;
                    whole.push('\n');
                    whole.push_str(more);
                }
                if quote == '"' {
                    unescape(&whole)
                } else {
                    whole
                }
            }
            _ => value
                .find(" #")
                .map_or(value, |comment| &value[..comment])
                .trim_end()
                .to_owned(),
        };
        pairs.push((key.to_owned(), value));
    }
    Ok(pairs)
}

fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        if escaped {
            escaped = false;
        } else if c == '\\' && quote == '"' {
            escaped = true;
        } else if c == quote {
            return Some(at);
        }
        None
    })
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('t') => plain.push('\t'),
            Some(other @ ('"' | '\\' | '$')) => plain.push(other),
            Some(other) => plain.extend(['\\', other]),
            None => plain.push('\\'),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let found = parse(text).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn lines() {
        check(
            "A=1\n# no\n\nexport B = two words # comment\n",
            &[("A", "1"), ("B", "two words")],
        );
        check(
            "A='x # $y \\n'\nB=\"a\\n\\\"b\\\"\" # c\n",
            &[("A", "x # $y \\n"), ("B", "a\n\"b\"")],
        );
        check(
            "KEY=\"one\ntwo\"\nURL=http://h/#frag\nE=\n",
            &[("KEY", "one\ntwo"), ("URL", "http://h/#frag"), ("E", "")],
        );
    }

    #[test]
    fn wrong_lines_are_numbered() {
        assert_eq!(parse("A=1\nwhat\n").unwrap_err().line, 2);
        assert_eq!(
            parse("A=\"x\n").unwrap_err().message,
            "the quote is never closed"
        );
        assert_eq!(parse("a b=1").unwrap_err().line, 1);
    }
}
