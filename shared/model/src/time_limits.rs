//! The time limits of a run, each inside the next one.
//!
//! The agent stops before SSM ends its command. SSM ends the command before the state machine gives up on the step. All
//! work of the agent ends before its host expires. So a step that overruns always reports itself.
//!
//! | limit | begins | ends |
//! |---|---|---|
//! | [`MAX_STEP_SECONDS`] | the agent starts | no further iteration begins |
//! | [`GRACE_SECONDS`] | that deadline | the iteration that still runs is stopped |
//! | [`UPLOAD_SECONDS`] | that stop | samples, report and log are uploaded, or given up |
//! | [`EXECUTION_SECONDS`] | SSM starts the script | SSM ends the script |
//! | [`DELIVERY_SECONDS`] | SendCommand | SSM gives up on a host that does not take the command |
//! | [`STEP_BUDGET_SECONDS`] | SendCommand | the state machine gives up on the step |
//!
//! `statemachine/run.asl.json` and `template.yaml` have the limits around these; a test compares them all.

/// Seconds of a step at most. The agent begins no iteration after them.
pub const MAX_STEP_SECONDS: u64 = 1800;
/// Seconds by which the agent's last iteration may overrun a step's deadline.
pub const GRACE_SECONDS: u64 = 120;
/// Seconds for the uploads at the end of a step. The agent tries no longer.
pub const UPLOAD_SECONDS: u64 = 60;
/// Seconds in which the script fetches the agent and its document: at most 120 each (`agent.sh`).
pub const FETCH_SECONDS: u64 = 240;
/// Seconds that a command may run, counted from the script's start (SSM: `executionTimeout`).
pub const EXECUTION_SECONDS: u64 = 2_250;
/// Seconds for which SSM tries to deliver a command (SendCommand: `TimeoutSeconds`).
pub const DELIVERY_SECONDS: u64 = 300;
/// Seconds from SendCommand until the state machine gives up on a step.
pub const STEP_BUDGET_SECONDS: u64 = 2_610;
/// Seconds for which a presigned URL of the agent and of its document is valid. It covers delivery and fetch.
pub const FETCH_URL_SECONDS: u64 = 600;
/// Seconds for which the other presigned URLs of a step are valid. A role that another role assumes allows no longer
/// session (STS, AssumeRole).
pub const SESSION_SECONDS: u64 = 3_600;

/// Seconds between two signs of life of the agent.
pub const HEARTBEAT_SECONDS: u64 = 20;
/// Seconds without a sign of life after which a step counts as stalled: six heartbeats, each of which may be late.
pub const STALL_SECONDS: u64 = 120;
/// Seconds of a Wait of the state machine at most.
pub const MAX_WAIT_SECONDS: u64 = 120;

#[cfg(test)]
mod tests {
    use super::*;

    /// Each limit has exactly the time of those inside it, and the time named here for what comes in between. A number
    /// that is changed alone fails.
    #[test]
    fn every_limit_has_the_time_of_those_inside_it() {
        let agent = MAX_STEP_SECONDS + GRACE_SECONDS + UPLOAD_SECONDS;
        assert_eq!(EXECUTION_SECONDS, FETCH_SECONDS + agent + 30, "30 s to start and to end the agent");
        assert_eq!(STEP_BUDGET_SECONDS, DELIVERY_SECONDS + EXECUTION_SECONDS + 60, "60 s until SSM reports the end");
        assert_eq!(FETCH_URL_SECONDS, DELIVERY_SECONDS + FETCH_SECONDS + 60, "60 s between signing and SendCommand");
        assert_eq!(SESSION_SECONDS, 3_600, "as long as STS allows");
        const { assert!(SESSION_SECONDS > STEP_BUDGET_SECONDS) };
        assert_eq!(STALL_SECONDS, 6 * HEARTBEAT_SECONDS);
        assert_eq!(MAX_WAIT_SECONDS, STALL_SECONDS, "a stalled step is found in the next look but one");
    }
}
