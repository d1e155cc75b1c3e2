//! The table of routes. Dispatch, the OpenAPI document, and the test of the template's routes come from it.

/// Bytes of a body at most. No plan of a longer request is within the limits. API Gateway itself takes 10 MB (Quotas for
/// configuring and running an HTTP API).
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// An operation of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Starts a run.
    StartRun,
    /// Lists runs.
    ListRuns,
    /// Shows a run.
    ShowRun,
    /// Leads to a run's report.
    ShowReport,
    /// Stops a run.
    AbortRun,
    /// Compares two runs.
    CompareRuns,
    /// Checks a request and starts nothing.
    ValidateRequest,
    /// Lists the schedules.
    ListSchedules,
    /// Creates a schedule.
    CreateSchedule,
    /// Shows a schedule.
    ShowSchedule,
    /// Changes a schedule.
    ChangeSchedule,
    /// Deletes a schedule.
    DeleteSchedule,
    /// Starts a run of a schedule now.
    RunSchedule,
    /// Lists the named baselines.
    ListBaselines,
    /// Shows a named baseline.
    ShowBaseline,
    /// Gives a run the name of a baseline.
    SetBaseline,
    /// Removes the name of a baseline.
    RemoveBaseline,
    /// Returns the OpenAPI document.
    ShowOpenApi,
}

/// A route: a method and a path lead to an operation.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path. A segment in braces is a parameter.
    pub path: &'static str,
    /// The operation.
    pub operation: Operation,
}

const fn route(method: &'static str, path: &'static str, operation: Operation) -> Route {
    Route { method, path, operation }
}

/// Every route.
pub const ROUTES: &[Route] = &[
    route("POST", "/runs", Operation::StartRun),
    route("GET", "/runs", Operation::ListRuns),
    route("GET", "/runs/{id}", Operation::ShowRun),
    route("DELETE", "/runs/{id}", Operation::AbortRun),
    route("GET", "/runs/{id}/report", Operation::ShowReport),
    route("GET", "/compare", Operation::CompareRuns),
    route("POST", "/requests/validate", Operation::ValidateRequest),
    route("GET", "/schedules", Operation::ListSchedules),
    route("POST", "/schedules", Operation::CreateSchedule),
    route("GET", "/schedules/{name}", Operation::ShowSchedule),
    route("PATCH", "/schedules/{name}", Operation::ChangeSchedule),
    route("DELETE", "/schedules/{name}", Operation::DeleteSchedule),
    route("POST", "/schedules/{name}/run", Operation::RunSchedule),
    route("GET", "/baselines", Operation::ListBaselines),
    route("GET", "/baselines/{name}", Operation::ShowBaseline),
    route("PUT", "/baselines/{name}", Operation::SetBaseline),
    route("DELETE", "/baselines/{name}", Operation::RemoveBaseline),
    route("GET", "/openapi.json", Operation::ShowOpenApi),
];

/// Result of a look in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The operation, and the parameter of the path; empty without one.
    Operation(Operation, String),
    /// The path exists, and these are its methods.
    Methods(Vec<&'static str>),
    /// The path does not exist.
    Nothing,
}

/// Returns the operation of a method and a path.
#[must_use]
pub fn find(method: &str, path: &str) -> Found {
    let mut methods = Vec::new();
    for route in ROUTES {
        let Some(parameter) = parameter(route.path, path) else { continue };
        if route.method == method {
            return Found::Operation(route.operation, parameter);
        }
        methods.push(route.method);
    }
    if methods.is_empty() { Found::Nothing } else { Found::Methods(methods) }
}

/// Returns the value of the template's parameter, if the path is in the template's form. A template has at most one.
fn parameter(template: &str, path: &str) -> Option<String> {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    if template.len() != path.len() {
        return None;
    }
    let mut value = String::new();
    for (expected, segment) in template.iter().zip(path) {
        if expected.starts_with('{') && !segment.is_empty() {
            segment.clone_into(&mut value);
        } else if *expected != segment {
            return None;
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_its_operation_with_its_parameter() {
        assert_eq!(find("GET", "/runs/run-1/report"), Found::Operation(Operation::ShowReport, "run-1".to_owned()));
        assert_eq!(find("POST", "/runs"), Found::Operation(Operation::StartRun, String::new()));
    }

    #[test]
    fn a_method_that_a_path_has_not_gets_the_methods_that_it_has() {
        assert_eq!(find("PUT", "/runs/run-1"), Found::Methods(vec!["GET", "DELETE"]));
    }

    #[test]
    fn a_path_that_no_route_has_is_nothing() {
        for path in ["/", "", "/run", "/runs/", "/runs/a/b", "/runs/a/report/", "runs"] {
            assert_eq!(find("GET", path), Found::Nothing, "{path}");
        }
    }
}
