//! What a person has set down for all calls: `config.toml` in the configuration folder, where the identity lives, too.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// Defaults of the arguments of calls, as they are written there, and who may call without a ticket.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Config {
    pub(crate) camera: Option<String>,
    pub(crate) size: Option<String>,
    pub(crate) fps: Option<f64>,
    pub(crate) microphone: Option<String>,
    pub(crate) speaker: Option<String>,
    pub(crate) display: Option<String>,
    pub(crate) delay_ceiling_ms: Option<u64>,
    pub(crate) patience_s: Option<f64>,
    pub(crate) diagnostics: Option<PathBuf>,
    /// Where `answer` listens.
    pub(crate) listen: Option<SocketAddr>,
    /// Whether a peer whose call was accepted before may call with an old ticket.
    pub(crate) known_peers_may_call: bool,
}

impl Config {
    /// What is set down in `folder`; nothing if there is no file.
    pub(crate) fn load(folder: &Path) -> Result<Self> {
        let path = folder.join("config.toml");
        match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            read => {
                let text = read.with_context(|| format!("{}: cannot read", path.display()))?;
                toml::from_str(&text).with_context(|| path.display().to_string())
            }
        }
    }
}

/// The configuration folder: `oyster` in `$XDG_CONFIG_HOME`, or in `.config` at home.
pub(crate) fn folder() -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    match variable("XDG_CONFIG_HOME").or_else(|| variable("HOME").map(|home| home.join(".config"))) {
        Some(parent) => Ok(parent.join("oyster")),
        None => bail!("neither XDG_CONFIG_HOME nor HOME says where the identity is to be kept"),
    }
}
