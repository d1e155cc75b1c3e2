//! The environment of the command line, read once.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use dicomperf_model::step::Credentials;
use dicomperf_model::validation::{FieldError, InvalidRequest};

/// User of an existing server's REST interface.
const USER: &str = "DICOMPERF_SERVER_USER";
/// Its password. It is no argument, because every user of a machine may read the arguments of all processes.
const PASSWORD: &str = "DICOMPERF_SERVER_PASSWORD";

/// The part of the environment that `dicomperf measure` uses.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Directory of the state that outlives a run: `$XDG_STATE_HOME/dicomperf`. `None` if the user has no home.
    pub state: Option<PathBuf>,
    /// Credentials of the server's REST interface.
    pub credentials: Option<Credentials>,
    /// The search path of programs.
    pub path: Option<OsString>,
}

impl Environment {
    /// Reads the environment.
    ///
    /// # Errors
    /// One of two variables is set without the other.
    pub fn read() -> Result<Self, InvalidRequest> {
        let value = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let credentials = match (value(USER), value(PASSWORD)) {
            (Some(user), Some(password)) => Some(Credentials { user, password }),
            (None, None) => None,
            (Some(_), None) => return Err(alone(USER, PASSWORD)),
            (None, Some(_)) => return Err(alone(PASSWORD, USER)),
        };
        // XDG Base Directory Specification: a relative path is not valid, and `.local/state` is the default.
        let configured = env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let state = configured.or_else(|| Some(env::home_dir()?.join(".local/state")));
        Ok(Self { state: state.map(|state| state.join("dicomperf")), credentials, path: env::var_os("PATH") })
    }

    /// True if a program is in one of the directories of PATH.
    pub fn has_program(&self, name: &str) -> bool {
        self.path.as_ref().is_some_and(|path| env::split_paths(path).any(|directory| directory.join(name).is_file()))
    }
}

/// The error of a variable that is set without the other one of its pair.
fn alone(set: &str, missing: &str) -> InvalidRequest {
    let problem = format!("is set, and {missing} is not");
    InvalidRequest { errors: vec![FieldError::new(set, problem, "both of them, or neither")] }
}
