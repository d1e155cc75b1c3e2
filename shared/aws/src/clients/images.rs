//! AMIs of the hosts.

use aws_sdk_ec2::types::{ArchitectureValues, ImageState};
use aws_sdk_ssm::error::ProvideErrorMetadata as _;

use super::{aws_failure, reason};
use crate::failure::Failure;
use dicomperf_model::plan::HostPlan;
use dicomperf_model::step::HostRole;

/// Device of the root volume if the AMI names none, as on Ubuntu's AMIs.
const USUAL_ROOT_DEVICE: &str = "/dev/sda1";

/// Returns the AMI's id: `ami` itself, or the value of the SSM parameter at that path.
///
/// # Errors
/// The parameter does not exist, or its value is not an AMI id.
pub async fn resolve(client: &aws_sdk_ssm::Client, ami: &str, host: HostRole) -> Result<String, Failure> {
    if !ami.starts_with('/') {
        return Ok(ami.to_owned());
    }
    let unusable = |reason: String| Failure::AmiUnusable { host, ami: ami.to_owned(), reason };
    let parameter = match client.get_parameter().name(ami).send().await {
        Ok(answer) => answer.parameter,
        Err(error) if matches!(error.code(), Some("ParameterNotFound" | "AccessDeniedException")) => {
            let region = client.config().region().map_or("", |region| region.as_ref());
            let hint = partition_hint(region);
            return Err(unusable(format!(
                "no such parameter in {region}, or not to be read: {}{hint}",
                reason(&error)
            )));
        }
        Err(error) => return Err(aws_failure(format!("reading parameter {ami}"))(error)),
    };
    let value = parameter.and_then(|parameter| parameter.value).unwrap_or_default();
    if value.starts_with("ami-") {
        return Ok(value);
    }
    Err(unusable("the parameter holds no AMI id".to_owned()))
}

/// The volume that an AMI boots from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootVolume {
    /// Name of its device.
    pub device: String,
    /// Size of its snapshot in GiB; 0 if unknown. EC2 makes no smaller volume of it (EC2 API Reference, EbsBlockDevice,
    /// VolumeSize).
    pub min_gib: i32,
}

/// An AMI, as EC2 describes it.
#[derive(Debug, Clone)]
pub(crate) struct ImageFacts {
    architecture: Option<ArchitectureValues>,
    state: Option<ImageState>,
    name: String,
    root: RootVolume,
}

/// Returns the facts of an AMI that decide if a host can be launched from it; `None` if EC2 does not describe it.
pub(crate) async fn describe(
    client: &aws_sdk_ec2::Client,
    ami: &str,
    host: HostRole,
) -> Result<Option<ImageFacts>, Failure> {
    let answer = match client.describe_images().image_ids(ami).send().await {
        Ok(answer) => answer,
        Err(error) if error.code().is_some_and(|code| code.starts_with("InvalidAMIID")) => {
            return Err(Failure::AmiUnusable { host, ami: ami.to_owned(), reason: reason(&error) });
        }
        Err(error) => return Err(aws_failure(format!("looking at AMI {ami}"))(error)),
    };
    Ok(answer.images().first().map(|image| {
        let device = image.root_device_name().filter(|name| !name.is_empty()).unwrap_or(USUAL_ROOT_DEVICE);
        let mapping = image.block_device_mappings().iter().find(|mapping| mapping.device_name() == Some(device));
        let min_gib = mapping.and_then(|mapping| mapping.ebs()?.volume_size()).unwrap_or_default();
        ImageFacts {
            architecture: image.architecture().cloned(),
            state: image.state().cloned(),
            name: image.name().unwrap_or("without a name").to_owned(),
            root: RootVolume { device: device.to_owned(), min_gib },
        }
    }))
}

impl ImageFacts {
    /// Returns words on the AMI, or the fault that makes it unusable for a host.
    pub(crate) fn fits(&self, host: &HostPlan) -> Result<String, String> {
        let ami = format!("{} ({})", host.ami, self.name);
        if let Some(fault) = self.architecture_fault() {
            return Err(format!("{ami} {fault}"));
        }
        if let Some(other) = self.state.as_ref().filter(|known| **known != ImageState::Available) {
            return Err(format!("{ami} is {other}, not available"));
        }
        if i64::from(self.root.min_gib) > i64::from(host.volume_gib) {
            let (snapshot, volume) = (self.root.min_gib, host.volume_gib);
            return Ok(format!("{ami}, x86_64; its snapshot has {snapshot} GiB, so the volume has too, not {volume}"));
        }
        Ok(format!("{ami}, x86_64, fits a volume of {} GiB", host.volume_gib))
    }

    /// Returns the fault of an AMI for another architecture.
    fn architecture_fault(&self) -> Option<String> {
        let other = self.architecture.as_ref().filter(|known| **known != ArchitectureValues::X8664)?;
        Some(format!("is for {other}; only x86_64 can be measured"))
    }
}

/// Checks that the AMI can be used, and returns its root volume.
///
/// If EC2 does not describe the AMI, RunInstances decides.
///
/// # Errors
/// The AMI does not exist, or is not for x86_64.
pub async fn root_volume(client: &aws_sdk_ec2::Client, ami: &str, host: HostRole) -> Result<RootVolume, Failure> {
    let Some(image) = describe(client, ami, host).await? else {
        return Ok(RootVolume { device: USUAL_ROOT_DEVICE.to_owned(), min_gib: 0 });
    };
    match image.architecture_fault() {
        Some(fault) => Err(Failure::AmiUnusable { host, ami: ami.to_owned(), reason: format!("it {fault}") }),
        None => Ok(image.root),
    }
}

/// Returns advice for regions outside of the partition `aws`, where AMIs differ; empty for other regions.
fn partition_hint(region: &str) -> &'static str {
    if is_in_other_partition(region) {
        return "; AMIs of this partition differ from those of other regions: set the stack's parameter Ami to the id of \
                an Ubuntu AMI in this region";
    }
    ""
}

/// Returns true for a region of another partition than `aws`: AWS China, AWS GovCloud (US) and isolated regions
/// (botocore, partitions.json).
pub(crate) fn is_in_other_partition(region: &str) -> bool {
    ["cn-", "us-gov-", "us-iso", "eu-iso", "eusc-"].iter().any(|prefix| region.starts_with(prefix))
}
