//! A plugin's options as text whose lines match those of `fire.toml`, so that the plugin's complaint about
//! its line 3 can be told as a complaint about a line of the file.

/// The options, key by key on the lines that they have in the file. `header` is the line of the table's
/// header; the text's first line is the one after it. Keys whose line cannot be told come last.
pub(super) fn laid_out(options: &str, text: &str, header: usize) -> String {
    let Ok(table) = options.parse::<toml::Table>() else {
        return options.to_owned();
    };
    let end_of_table = text
        .lines()
        .skip(header)
        .position(|line| line.trim_start().starts_with('['))
        .unwrap_or(usize::MAX);
    let mut placed: Vec<(usize, String)> = Vec::new();
    let mut rest = toml::Table::new();
    for (key, value) in table {
        let line = text
            .lines()
            .skip(header)
            .take(end_of_table)
            .position(|line| defines(line, &key));
        let single = toml::Table::from_iter([(key.clone(), value.clone())]);
        match (line, toml::to_string(&single)) {
            (Some(line), Ok(text)) if text.lines().count() == 1 => placed.push((line, text)),
            _ => {
                rest.insert(key, value);
            }
        }
    }
    placed.sort();
    let mut laid_out = String::new();
    for (line, text) in placed {
        let written = laid_out.lines().count();
        laid_out.push_str(&"\n".repeat(line.saturating_sub(written)));
        laid_out.push_str(&text);
    }
    laid_out + &toml::to_string(&rest).unwrap_or_default()
}

fn defines(line: &str, key: &str) -> bool {
    let Some((name, _)) = line.split_once('=') else {
        return false;
    };
    name.trim().trim_matches(['"', '\'']) == key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_on_their_lines() {
        let text = "[policy]\n# careful\nname = \"x\"\n\nb = 1\n  a = [1,\n  2]\nc = 3\n[policy.deep]\nd = 4\n";
        let options = "a = [1, 2]\nb = 1\nc = 3\n\n[deep]\nd = 4\n";
        assert_eq!(
            laid_out(options, text, 1),
            "\n\n\nb = 1\na = [1, 2]\n\nc = 3\n[deep]\nd = 4\n"
        );
    }

    #[test]
    fn an_inline_table_loses_nothing() {
        let text = "policy = { name = \"x\", c = 3 }\n";
        assert_eq!(laid_out("c = 3\n", text, 1), "c = 3\n");
    }
}
