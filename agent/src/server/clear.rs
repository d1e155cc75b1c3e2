//! `server clear`: deletes every instance from the server that was configured last.

use dicomperf_model::step::{ServerAddress, StepOutput};

use super::files;
use super::target::every_server;
use crate::failure::Failure;
use crate::home::RunHome;
use crate::reporter::{Reporter, WorkEnd};

/// Runs `server clear`: empties the server that answers, and asks it again for its contents. Deletes the storage of a server
/// that does not run.
///
/// # Errors
/// `ServerUnreachable` if no server answers, or if instances are left.
pub fn clear(address: &ServerAddress, _home: &RunHome, reporter: &mut Reporter) -> Result<WorkEnd, Failure> {
    reporter.stage(0, 1, "deleting the server's instances");
    let mut unreachable = None;
    for server in every_server(address) {
        match server.count() {
            Ok(before) => {
                server.empty()?;
                let left = server.count()?;
                if left > 0 {
                    let trouble = format!("has {left} instances after it was emptied");
                    let url = format!("http://{}:{}", address.address, address.rest_port);
                    return Err(Failure::ServerUnreachable { interface: server.name(), url, trouble });
                }
                delete_leftovers(address)?;
                tracing::info!(deleted = before, "{} has no instance", server.name());
                reporter.set_output(StepOutput::Cleared { deleted: before });
                return Ok(WorkEnd::Done);
            }
            Err(failure) => unreachable = unreachable.or(Some(failure)),
        }
    }
    Err(unreachable.unwrap_or(Failure::ServerNotStarted {
        server: "the server".to_owned(),
        reason: "no server was configured on this host".to_owned(),
    }))
}

/// Deletes the storage of every server without a process. An earlier block may have left it.
fn delete_leftovers(address: &ServerAddress) -> Result<(), Failure> {
    for server in every_server(address) {
        let Some(storage) = server.storage() else { continue };
        if server.processes()?.is_empty() {
            files::delete_contents(storage, None)?;
        }
    }
    Ok(())
}
