//! Quotas of the account, from Service Quotas.

use aws_sdk_servicequotas::Client;

use super::aws_failure;
use crate::failure::Failure;

/// Name of the quota that counts the vCPUs of all instances of the families A, C, D, H, I, M, R, T and Z.
pub(crate) const QUOTA_NAME: &str = "Running On-Demand Standard instances";
/// Code of that quota (Amazon EC2 endpoints and quotas).
const STANDARD_VCPUS: &str = "L-1216C47A";

/// The quotas of the account.
#[derive(Debug, Clone)]
pub struct Quotas {
    client: Client,
}

impl Quotas {
    /// Wraps a client of Service Quotas.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Returns the number of vCPUs that standard on-demand instances may have in this region.
    ///
    /// # Errors
    /// Service Quotas does not answer.
    pub async fn standard_vcpus(&self) -> Result<f64, Failure> {
        let doing = "reading the vCPU quota";
        let request = self.client.get_service_quota().service_code("ec2").quota_code(STANDARD_VCPUS);
        let answer = request.send().await.map_err(aws_failure(doing))?;
        answer
            .quota()
            .and_then(|quota| quota.value())
            .ok_or_else(|| Failure::Aws { doing: doing.to_owned(), reason: "the answer has no value".to_owned() })
    }
}
