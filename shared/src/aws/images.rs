//! The AMIs that the hosts are launched from.

use aws_sdk_ec2::error::ProvideErrorMetadata as _;
use aws_sdk_ec2::types::ArchitectureValues;

use super::{failed, reason};
use crate::failure::Failure;
use crate::step::HostRole;

/// Where the root volume is attached unless the AMI says otherwise, as on Ubuntu's.
const USUAL_ROOT_DEVICE: &str = "/dev/sda1";

/// The AMI's id: what is given, or what the SSM parameter of that path holds.
///
/// # Errors
/// There is no such parameter, or it holds no AMI id.
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
        Err(error) => return Err(failed(format!("reading parameter {ami}"))(error)),
    };
    let value = parameter.and_then(|parameter| parameter.value).unwrap_or_default();
    if value.starts_with("ami-") {
        return Ok(value);
    }
    Err(unusable("the parameter holds no AMI id".to_owned()))
}

/// The name of the AMI's root device, once it is known that the AMI can be used.
///
/// An AMI that EC2 tells nothing of is left to RunInstances to judge.
///
/// # Errors
/// There is no such AMI, or it is not for x86_64.
pub async fn root_device(client: &aws_sdk_ec2::Client, ami: &str, host: HostRole) -> Result<String, Failure> {
    let unusable = |reason: String| Failure::AmiUnusable { host, ami: ami.to_owned(), reason };
    let images = match client.describe_images().image_ids(ami).send().await {
        Ok(answer) => answer.images.unwrap_or_default(),
        Err(error) if error.code().is_some_and(|code| code.starts_with("InvalidAMIID")) => {
            return Err(unusable(reason(&error)));
        }
        Err(error) => return Err(failed(format!("looking at AMI {ami}"))(error)),
    };
    let Some(image) = images.first() else { return Ok(USUAL_ROOT_DEVICE.to_owned()) };
    match image.architecture() {
        None | Some(ArchitectureValues::X8664) => {}
        Some(other) => return Err(unusable(format!("it is for {other}; only x86_64 can be measured"))),
    }
    Ok(image.root_device_name().filter(|name| !name.is_empty()).unwrap_or(USUAL_ROOT_DEVICE).to_owned())
}
