//! How a naughty plugin fails: at the call, and in the way, that its option names, `fails = "judge panics"`, say.

use fire_plugin_api::Error;

#[derive(Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ways {
    #[serde(default)]
    pub fails: String,
}

impl Ways {
    /// Fails, if it is to fail here.
    pub fn at(&self, call: &str) -> Result<(), Error> {
        match self.way(call) {
            Some("panics") => panic!("naughty {call}"),
            Some("hangs") => loop {
                std::thread::park();
            },
            Some("fails") => Err(Error::new("naughty")),
            _ => Ok(()),
        }
    }

    /// The way in which it is to fail here.
    pub fn way(&self, call: &str) -> Option<&str> {
        self.fails.strip_prefix(call)?.strip_prefix(' ')
    }
}
