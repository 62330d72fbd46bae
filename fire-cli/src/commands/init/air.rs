//! What an `.air.toml` says, in the words of `fire.toml`. Pure.

use toml::Value;

use super::Setting;

/// What could be taken over, and what could not.
#[derive(Debug, Default)]
pub struct Taken {
    /// For `fire.toml`.
    pub settings: Vec<Setting>,
    /// Key, value and why not.
    pub left_out: Vec<String>,
}

/// Keys that fire needs no counterpart for: it does so anyway, or has nothing of the kind to set.
const NEEDLESS: [&str; 13] = [
    "bin",
    "delay",
    "exclude_unchanged",
    "log",
    "rerun_delay",
    "follow_symlink",
    "entrypoint",
    "ignore_dangerous_root_dir",
    "root",
    "tmp_dir",
    "testdata_dir",
    "stop_on_error",
    "rerun",
];
/// Directories that fire leaves out anyway.
const LEFT_OUT_ANYWAY: [&str; 5] = ["assets", "tmp", "vendor", "testdata", "node_modules"];

/// Reads the text of an `.air.toml`.
pub fn read(text: &str) -> Result<Taken, toml::de::Error> {
    let file: toml::Table = toml::from_str(text)?;
    let mut taken = Taken::default();
    let empty = toml::Table::new();
    let build = file
        .get("build")
        .and_then(Value::as_table)
        .unwrap_or(&empty);
    let mut before = strings(build, "pre_cmd");
    if let Some(command) = text_of(build, "cmd") {
        taken.build_command(command, &mut before);
    }
    if !before.is_empty() {
        taken.set("build", "before", before.into());
    }
    let mut arguments = strings(build, "args_bin");
    if let Some(full) = text_of(build, "full_bin").filter(|full| !full.is_empty()) {
        taken.full_command(full, &mut arguments);
    }
    if !arguments.is_empty() {
        taken.set("run", "args", arguments.into());
    }
    taken.stopping(build);
    taken.watching(build);
    for (key, value) in build {
        let known = NEEDLESS.contains(&key.as_str()) || HANDLED.contains(&key.as_str());
        let said = !matches!(value, Value::Boolean(false))
            && value.as_array().is_none_or(|list| !list.is_empty())
            && value.as_str() != Some("");
        if !known && said {
            taken.leave("build", key, value, "fire has nothing like it");
        }
    }
    for (key, value) in &file {
        if key == "proxy" && value.get("enabled").and_then(Value::as_bool) == Some(true) {
            taken.leave(
                "",
                key,
                &Value::Boolean(true),
                "fire has no proxy that reloads the browser",
            );
        }
    }
    Ok(taken)
}

/// Keys of `[build]` that are looked at above and below.
const HANDLED: [&str; 15] = [
    "cmd",
    "pre_cmd",
    "args_bin",
    "full_bin",
    "kill_delay",
    "send_interrupt",
    "exclude_dir",
    "exclude_file",
    "exclude_regex",
    "include_ext",
    "include_file",
    "poll",
    "poll_interval",
    "post_cmd",
    "include_dir",
];

impl Taken {
    fn set(&mut self, table: &'static str, key: &'static str, value: Value) {
        self.settings.push(Setting { table, key, value });
    }

    fn leave(&mut self, table: &str, key: &str, value: &Value, why: &str) {
        let dot = if table.is_empty() { "" } else { "." };
        self.left_out
            .push(format!("{table}{dot}{key} = {value}: {why}"));
    }

    /// `generate && CGO_ENABLED=0 go build -tags x -o ./tmp/main ./cmd/server`.
    fn build_command(&mut self, command: &str, before: &mut Vec<String>) {
        let mut parts: Vec<&str> = command.split("&&").map(str::trim).collect();
        let last = parts.pop().unwrap_or_default();
        let words = split(last);
        let assigned = words.iter().take_while(|word| is_assignment(word)).count();
        let (assignments, words) = words.split_at(assigned);
        if words.len() < 2 || words[0] != "go" || words[1] != "build" {
            self.leave(
                "build",
                "cmd",
                &command.into(),
                "fire builds with `go build` itself",
            );
            return;
        }
        before.extend(parts.into_iter().map(str::to_owned));
        if !assignments.is_empty() {
            self.set("build", "env", table(assignments));
        }
        let mut flags: Vec<String> = Vec::new();
        let mut packages: Vec<String> = Vec::new();
        let mut rest = words[2..].iter();
        while let Some(word) = rest.next() {
            let Some(flag) = word.strip_prefix('-') else {
                packages.push(word.clone());
                continue;
            };
            let flag = flag.strip_prefix('-').unwrap_or(flag);
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (flag, None),
            };
            let valued = [
                "o", "tags", "ldflags", "gcflags", "asmflags", "mod", "p", "pgo", "modfile",
            ];
            let value = value.or_else(|| {
                valued
                    .contains(&name)
                    .then(|| rest.next().cloned())
                    .flatten()
            });
            match (name, value) {
                ("o", _) => {}
                ("race", None) => self.set("build", "race", true.into()),
                ("tags", Some(tags)) => {
                    let tags: Vec<&str> = tags
                        .split([',', ' '])
                        .filter(|tag| !tag.is_empty())
                        .collect();
                    self.set("build", "tags", tags.into());
                }
                ("ldflags", Some(value)) => self.set("build", "ldflags", value.into()),
                ("gcflags", Some(value)) => self.set("build", "gcflags", value.into()),
                (name, Some(value)) => flags.push(format!("-{name}={value}")),
                (name, None) => flags.push(format!("-{name}")),
            }
        }
        if !flags.is_empty() {
            self.set("build", "flags", flags.into());
        }
        match packages.as_slice() {
            [] => {}
            [one] if one == "." => {}
            [one] => self.set("", "package", one.clone().into()),
            _ => self.set("", "package", packages.into()),
        }
    }

    /// `APP_ENV=dev ./tmp/main -port 80`.
    fn full_command(&mut self, command: &str, arguments: &mut Vec<String>) {
        let words = split(command);
        let assigned = words.iter().take_while(|word| is_assignment(word)).count();
        if command.contains(['|', ';', '&', '$']) || words.len() == assigned {
            self.leave(
                "build",
                "full_bin",
                &command.into(),
                "fire starts the program itself",
            );
            return;
        }
        if assigned > 0 {
            self.set("run", "env", table(&words[..assigned]));
        }
        arguments.splice(0..0, words[assigned + 1..].iter().cloned());
    }

    fn stopping(&mut self, build: &toml::Table) {
        if build.get("send_interrupt").and_then(Value::as_bool) == Some(true) {
            self.set("run", "stop_signal", "SIGINT".into());
        }
        match build
            .get("kill_delay")
            .map(|delay| (delay, milliseconds(delay)))
        {
            Some((_, Some(ms))) if ms > 0 => self.set("run", "grace_ms", ms.into()),
            Some((delay, None)) => self.leave("build", "kill_delay", delay, "it is no duration"),
            _ => {}
        }
        for (key, why) in [
            (
                "post_cmd",
                "air runs it when it ends; fire's `after` runs after each build",
            ),
            (
                "include_dir",
                "fire watches the directories that the program is built from",
            ),
        ] {
            if let Some(value) = build
                .get(key)
                .filter(|value| value.as_array().is_some_and(|list| !list.is_empty()))
            {
                self.leave("build", key, value, why);
            }
        }
    }

    fn watching(&mut self, build: &toml::Table) {
        let mut exclude: Vec<String> = strings(build, "exclude_dir")
            .into_iter()
            .filter(|dir| !LEFT_OUT_ANYWAY.contains(&dir.as_str()))
            .map(|dir| format!("/{}", dir.trim_matches('/')))
            .collect();
        exclude.extend(
            strings(build, "exclude_file")
                .into_iter()
                .map(|file| format!("/{file}")),
        );
        if !exclude.is_empty() {
            self.set("watch", "exclude", exclude.into());
        }
        let odd: Vec<String> = strings(build, "exclude_regex")
            .into_iter()
            .filter(|regex| !regex.contains("_test"))
            .collect();
        if !odd.is_empty() {
            self.leave(
                "build",
                "exclude_regex",
                &odd.into(),
                "write it as patterns in watch.exclude",
            );
        }
        let mut include: Vec<String> = strings(build, "include_ext")
            .into_iter()
            .filter(|ending| ending != "go")
            .map(|ending| format!("*.{ending}"))
            .collect();
        include.extend(
            strings(build, "include_file")
                .into_iter()
                .map(|file| format!("/{file}")),
        );
        if !include.is_empty() {
            self.set("watch", "include", include.into());
        }
        if build.get("poll").and_then(Value::as_bool) == Some(true) {
            self.set("watch", "poll", true.into());
            if let Some(ms) = build
                .get("poll_interval")
                .and_then(milliseconds)
                .filter(|ms| *ms > 0)
            {
                self.set("watch", "poll_ms", ms.into());
            }
        }
    }
}

fn text_of<'a>(table: &'a toml::Table, key: &str) -> Option<&'a str> {
    table.get(key).and_then(Value::as_str)
}

fn strings(table: &toml::Table, key: &str) -> Vec<String> {
    let list = table.get(key).and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// `"500ms"`, `"2s"`, or nanoseconds: what Go's durations are in TOML.
fn milliseconds(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(nanoseconds) => Some(nanoseconds / 1_000_000),
        Value::String(text) => {
            let text = text.trim();
            let number = |unit: &str| text.strip_suffix(unit)?.parse::<f64>().ok();
            #[expect(clippy::cast_possible_truncation, reason = "a delay fits")]
            number("ms")
                .or_else(|| number("s").map(|seconds| seconds * 1_000.0))
                .map(|ms| ms as i64)
        }
        _ => None,
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

fn table(assignments: &[String]) -> Value {
    let pairs = assignments.iter().filter_map(|word| word.split_once('='));
    Value::Table(
        pairs
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect(),
    )
}

/// Words as a shell splits them, quotes understood, nothing expanded.
fn split(command: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    for c in command.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, settings: &[&str], left_out: &[&str]) {
        let taken = read(text).unwrap();
        let shown: Vec<String> = taken.settings.iter().map(Setting::shown).collect();
        assert_eq!(shown, settings, "{text}");
        assert_eq!(taken.left_out.len(), left_out.len(), "{:?}", taken.left_out);
        for (left, begins) in taken.left_out.iter().zip(left_out) {
            assert!(left.starts_with(begins), "{left}");
        }
    }

    #[test]
    fn what_air_init_writes() {
        check(
            "root = \".\"\ntmp_dir = \"tmp\"\n[build]\nargs_bin = []\nbin = \"./tmp/main\"\ncmd = \"go build -o ./tmp/main .\"\ndelay = 1000\nexclude_dir = [\"assets\", \"tmp\", \"vendor\", \"testdata\"]\nexclude_regex = [\"_test.go\"]\ninclude_ext = [\"go\", \"tpl\"]\nkill_delay = \"0s\"\nlog = \"build-errors.log\"\npoll = false\npoll_interval = 0\npost_cmd = []\nrerun_delay = 500\nsend_interrupt = false\n[color]\nmain = \"magenta\"\n[proxy]\nenabled = false\n",
            &["watch.include = [\"*.tpl\"]"],
            &[],
        );
    }

    #[test]
    fn commands_are_taken_apart() {
        check(
            "[build]\ncmd = \"templ generate && CGO_ENABLED=0 go build -race -tags 'a b' -ldflags=\\\"-X main.v=1\\\" -trimpath -o tmp/x ./cmd/x\"\nfull_bin = \"APP_ENV=dev ./tmp/x -port 80\"\n",
            &[
                "build.env = { CGO_ENABLED = \"0\" }",
                "build.race = true",
                "build.tags = [\"a\", \"b\"]",
                "build.ldflags = \"-X main.v=1\"",
                "build.flags = [\"-trimpath\"]",
                "package = \"./cmd/x\"",
                "build.before = [\"templ generate\"]",
                "run.env = { APP_ENV = \"dev\" }",
                "run.args = [\"-port\", \"80\"]",
            ],
            &[],
        );
    }

    #[test]
    fn what_cannot_be_taken_over_is_listed() {
        check(
            "[build]\ncmd = \"make build\"\npost_cmd = [\"rm x\"]\nkill_delay = \"500ms\"\nsend_interrupt = true\nexclude_regex = [\"gen.*\"]\nmystery = 3\n[proxy]\nenabled = true\n",
            &["run.stop_signal = \"SIGINT\"", "run.grace_ms = 500"],
            &[
                "build.cmd",
                "build.post_cmd",
                "build.exclude_regex",
                "build.mystery",
                "proxy",
            ],
        );
    }
}
