//! AMIs of the hosts.

use aws_sdk_ec2::types::ArchitectureValues;
use aws_sdk_ssm::error::ProvideErrorMetadata as _;

use super::{aws_failure, reason};
use crate::failure::Failure;
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
            return Err(unusable(format!("no such parameter in this region, or not to be read: {}", reason(&error))));
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
#[derive(Debug, PartialEq, Eq)]
pub struct RootVolume {
    /// Name of its device.
    pub device: String,
    /// Size of its snapshot in GiB; 0 if unknown. EC2 makes no smaller volume of it (EC2 API Reference, EbsBlockDevice,
    /// VolumeSize).
    pub min_gib: i32,
}

/// Checks that the AMI can be used, and returns its root volume.
///
/// If EC2 does not describe the AMI, RunInstances decides.
///
/// # Errors
/// The AMI does not exist, or is not for x86_64.
pub async fn root_volume(client: &aws_sdk_ec2::Client, ami: &str, host: HostRole) -> Result<RootVolume, Failure> {
    let unusable = |reason: String| Failure::AmiUnusable { host, ami: ami.to_owned(), reason };
    let images = match client.describe_images().image_ids(ami).send().await {
        Ok(answer) => answer.images.unwrap_or_default(),
        Err(error) if error.code().is_some_and(|code| code.starts_with("InvalidAMIID")) => {
            return Err(unusable(reason(&error)));
        }
        Err(error) => return Err(aws_failure(format!("looking at AMI {ami}"))(error)),
    };
    let Some(image) = images.first() else {
        return Ok(RootVolume { device: USUAL_ROOT_DEVICE.to_owned(), min_gib: 0 });
    };
    match image.architecture() {
        None | Some(ArchitectureValues::X8664) => {}
        Some(other) => return Err(unusable(format!("it is for {other}; only x86_64 can be measured"))),
    }
    let device = image.root_device_name().filter(|name| !name.is_empty()).unwrap_or(USUAL_ROOT_DEVICE);
    let mapping = image.block_device_mappings().iter().find(|mapping| mapping.device_name() == Some(device));
    let min_gib = mapping.and_then(|mapping| mapping.ebs()?.volume_size()).unwrap_or_default();
    Ok(RootVolume { device: device.to_owned(), min_gib })
}
