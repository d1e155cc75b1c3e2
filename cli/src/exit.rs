//! Exit codes, and the errors that lead to them.

use std::panic;
use std::process::{self, ExitCode};

use dicomperf_aws::refusal::Refusal;
use dicomperf_model::results::{RunStatus, Verdict};

/// Bad input: nothing was started or changed.
pub const BAD_INPUT: u8 = 2;
/// It was carried out, and the result did not pass, or regressed.
pub const NOT_PASSED: u8 = 3;

/// Exit code of a command that fails.
const FAILED: i32 = 1;

/// Lets the process end without a word when its reader is gone, as in `dicomperf list | head -1`. `println!` panics then.
pub fn quietly_at_closed_output() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        // The words of `print_to` in the standard library's io/stdio.rs. EPIPE is error 32 on Linux and on macOS.
        let text = panic.payload_as_str().unwrap_or_default();
        if text.starts_with("failed printing to stdout") && text.contains("(os error 32)") {
            process::exit(FAILED);
        }
        report(panic);
    }));
}

/// Returns the exit code for a run's end.
pub fn of_run(status: RunStatus, verdict: Option<Verdict>) -> ExitCode {
    match (status, verdict) {
        (RunStatus::Succeeded, Some(Verdict::Passed)) => ExitCode::SUCCESS,
        (RunStatus::Succeeded, _) => ExitCode::from(NOT_PASSED),
        _ => ExitCode::FAILURE,
    }
}

/// Prints the error of a command, and returns its exit code. Input that is not allowed has one of its own.
pub fn of_error(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref::<Refusal>() {
        Some(Refusal::Invalid(invalid)) => {
            for error in &invalid.errors {
                eprintln!("dicomperf: {error}");
            }
            ExitCode::from(BAD_INPUT)
        }
        Some(Refusal::NotFound { .. } | Refusal::TokenReused { .. }) => {
            eprintln!("dicomperf: {error:#}");
            ExitCode::from(BAD_INPUT)
        }
        _ => {
            eprintln!("dicomperf: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use dicomperf_aws::failure::Failure;

    use super::*;

    #[test]
    fn bad_input_has_a_code_of_its_own() {
        let text = |code: ExitCode| format!("{code:?}");
        let code = |refusal: Refusal| text(of_error(&anyhow::Error::new(refusal)));
        assert_eq!(code(Refusal::not_found("run", "x")), text(ExitCode::from(2)));
        assert_eq!(code(Refusal::field("limit", "is 0", "1 to 100")), text(ExitCode::from(2)));
        assert_eq!(code(Refusal::Conflict("not over".to_owned())), text(ExitCode::from(1)));
        let failure = Failure::Aws { doing: "listing".to_owned(), reason: "AccessDenied".to_owned() };
        assert_eq!(code(failure.into()), text(ExitCode::from(1)));
    }
}
