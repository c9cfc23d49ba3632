//! Where settings come from: the environment first, then the TOML file; every complaint names the key.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A setting: its name in the file (a dot for a table) and its variable.
pub(crate) struct Key {
    pub(crate) toml: &'static str,
    pub(crate) env: &'static str,
    pub(crate) help: &'static str,
}

/// A setting that can't be used, by the name under which the operator wrote it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("{key}: {reason}")]
    Wrong { key: String, reason: String },
    #[error("unknown setting {key} in {path}")]
    Unknown { key: String, path: PathBuf },
    #[error("SOTTO_CONFIG: {path}: {reason}")]
    File { path: PathBuf, reason: String },
}

/// Values by setting, with the name to complain under.
pub(crate) struct Source {
    environment: HashMap<String, String>,
    file: BTreeMap<String, String>,
    path: Option<PathBuf>,
}

impl Source {
    /// Reads the file (if one is named) and refuses keys that it does not know: a misspelt limit must not be a silent default.
    pub(crate) fn read(keys: &[Key], path: Option<&Path>, environment: HashMap<String, String>) -> Result<Self, ConfigError> {
        let Some(path) = path else {
            return Ok(Self { environment, file: BTreeMap::new(), path: None });
        };
        let wrong = |reason: String| ConfigError::File { path: path.to_owned(), reason };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| wrong(error.to_string()))?;
        let mut file = BTreeMap::new();
        flatten("", table, &mut file).map_err(|key| ConfigError::Wrong {
            key: format!("{key} in {}", path.display()),
            reason: "expected text, a number, true or false, or a list of texts".into(),
        })?;
        if let Some(key) = file.keys().find(|name| keys.iter().all(|key| key.toml != name.as_str())) {
            return Err(ConfigError::Unknown { key: key.clone(), path: path.to_owned() });
        }
        Ok(Self { environment, file, path: Some(path.to_owned()) })
    }

    /// The value of a setting, parsed; `None` where it is not set or empty.
    pub(crate) fn find<T: FromStr>(&self, key: &Key) -> Result<Option<T>, ConfigError>
    where
        T::Err: Display,
    {
        let Some(text) = self.text(key) else { return Ok(None) };
        text.parse().map(Some).map_err(|error: T::Err| self.wrong(key, error))
    }

    /// A complaint about a setting, under the name that it was given by.
    pub(crate) fn wrong(&self, key: &Key, reason: impl Display) -> ConfigError {
        let by_file = !self.environment.contains_key(key.env) && self.file.contains_key(key.toml);
        let name = match &self.path {
            Some(path) if by_file => format!("{} in {}", key.toml, path.display()),
            _ => key.env.to_owned(),
        };
        ConfigError::Wrong { key: name, reason: reason.to_string() }
    }

    fn text(&self, key: &Key) -> Option<&str> {
        let text = self.environment.get(key.env).or_else(|| self.file.get(key.toml))?;
        Some(text.trim()).filter(|text| !text.is_empty())
    }
}

fn flatten(prefix: &str, table: toml::Table, out: &mut BTreeMap<String, String>) -> Result<(), String> {
    for (name, value) in table {
        let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        let text = match value {
            toml::Value::Table(inner) => {
                flatten(&key, inner, out)?;
                continue;
            }
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(word) => word.to_string(),
            toml::Value::Array(items) => {
                let texts: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
                texts.ok_or_else(|| key.clone())?.join(",")
            }
            toml::Value::Float(_) | toml::Value::Datetime(_) => return Err(key),
        };
        out.insert(key, text);
    }
    Ok(())
}
