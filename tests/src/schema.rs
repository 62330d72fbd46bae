//! As much of JSON Schema as `schema/events.json` uses.

use serde_json::Value;

/// The schema of events.
pub fn events() -> Value {
    serde_json::from_str(include_str!("../../schema/events.json")).expect("the schema is JSON")
}

/// What is wrong with the value, if anything is.
pub fn check(root: &Value, value: &Value) -> Result<(), String> {
    walk(root, root, value)
}

fn walk(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let Some(rules) = schema.as_object() else {
        return Err(format!("{schema} is no schema"));
    };
    for (rule, wanted) in rules {
        let wrong = || Err(format!("{rule} {wanted} does not hold for {value}"));
        let holds = match rule.as_str() {
            "$schema" | "title" | "description" | "$defs" => true,
            "$ref" => {
                let path = wanted.as_str().and_then(|path| path.strip_prefix('#'));
                let target = path.and_then(|path| root.pointer(path));
                walk(root, target.ok_or_else(|| format!("no {wanted}"))?, value)?;
                true
            }
            "type" => match wanted.as_str() {
                Some("object") => value.is_object(),
                Some("array") => value.is_array(),
                Some("string") => value.is_string(),
                Some("boolean") => value.is_boolean(),
                Some("integer") => value.is_i64() || value.is_u64(),
                _ => return Err(format!("unknown type {wanted}")),
            },
            "const" => value == wanted,
            "enum" => wanted.as_array().is_some_and(|all| all.contains(value)),
            "minimum" => value.as_f64() >= wanted.as_f64(),
            "minItems" => value.as_array().map(Vec::len).map(|len| len as u64) >= wanted.as_u64(),
            "required" => wanted.as_array().is_some_and(|keys| {
                keys.iter()
                    .flat_map(Value::as_str)
                    .all(|key| value.get(key).is_some())
            }),
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    walk(root, wanted, item)?;
                }
                true
            }
            "properties" => {
                for (key, schema) in wanted.as_object().into_iter().flatten() {
                    if let Some(value) = value.get(key) {
                        walk(root, schema, value)?;
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = |key: &String| schema["properties"].get(key).is_some();
                for (_, value) in value
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(key, _)| !known(key))
                {
                    if *wanted == Value::Bool(false) {
                        return wrong();
                    }
                    walk(root, wanted, value)?;
                }
                true
            }
            "oneOf" => {
                let all = wanted.as_array().into_iter().flatten();
                all.filter(|schema| walk(root, schema, value).is_ok())
                    .count()
                    == 1
            }
            _ => {
                return Err(format!(
                    "the schema uses {rule}, which this test does not know"
                ));
            }
        };
        if !holds {
            return wrong();
        }
    }
    Ok(())
}
