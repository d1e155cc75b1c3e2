//! The EC2 instance types that a host may have: processors, memory, price.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// An EC2 instance type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HostType {
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory in MiB (2^20 bytes).
    pub memory_mib: u32,
    /// US dollars an hour.
    pub usd_per_hour: f64,
    /// True for a T type, which earns and spends CPU credits.
    pub burstable: bool,
}

/// Family, GiB of memory for each vCPU, US dollars an hour of its `large` size, which has two vCPUs.
///
/// Prices are for Linux on demand in us-east-1, x86_64, from <https://aws.amazon.com/ec2/pricing/on-demand/>. Other
/// regions differ by up to two thirds (docs/cost.md). Within a family, AWS's price grows with the size.
const FAMILIES: &[(&str, u32, f64)] = &[
    ("m5", 4, 0.096),
    ("m5a", 4, 0.086),
    ("m5n", 4, 0.119),
    ("m6i", 4, 0.096),
    ("m6a", 4, 0.0864),
    ("m7i", 4, 0.1008),
    ("c5", 2, 0.085),
    ("c5a", 2, 0.077),
    ("c5n", 0, 0.108),
    ("c6i", 2, 0.085),
    ("c6a", 2, 0.0765),
    ("c6in", 2, 0.1134),
    ("c7i", 2, 0.08925),
    ("r5", 8, 0.126),
    ("r6i", 8, 0.126),
    ("r7i", 8, 0.1323),
];

/// Sizes and their multiple of `large`, in vCPUs and in price.
const SIZES: &[(&str, u32)] = &[("large", 1), ("xlarge", 2), ("2xlarge", 4), ("4xlarge", 8)];

/// Size, vCPUs, memory in MiB, multiple of the price of `micro`.
const BURSTABLE_SIZES: &[(&str, u32, u32, u32)] = &[
    ("micro", 2, 1024, 1),
    ("small", 2, 2048, 2),
    ("medium", 2, 4096, 4),
    ("large", 2, 8192, 8),
    ("xlarge", 4, 16_384, 16),
    ("2xlarge", 8, 32_768, 32),
];

/// Family and price of its `micro` size.
const BURSTABLE_FAMILIES: &[(&str, f64)] = &[("t3", 0.0104), ("t3a", 0.0094)];

impl HostType {
    /// Returns the type of this name; `None` if a host may not have it.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        host_types().find(|(known, _)| known == name).map(|(_, host_type)| host_type)
    }
}

/// Returns every type that a host may have, with its name.
pub fn host_types() -> impl Iterator<Item = (String, HostType)> {
    let burstable = BURSTABLE_FAMILIES.iter().flat_map(|(family, micro_usd)| {
        BURSTABLE_SIZES.iter().map(move |(size, vcpus, memory_mib, factor)| {
            let usd_per_hour = micro_usd * f64::from(*factor);
            (
                format!("{family}.{size}"),
                HostType { vcpus: *vcpus, memory_mib: *memory_mib, usd_per_hour, burstable: true },
            )
        })
    });
    let steady = FAMILIES.iter().flat_map(|(family, gib_per_vcpu, large_usd)| {
        SIZES.iter().map(move |(size, factor)| {
            let vcpus = 2 * factor;
            // c5n is the only family whose memory is not a whole number of GiB for each vCPU: 5.25 GiB at `large`.
            let memory_mib = if *gib_per_vcpu == 0 { 5376 * factor } else { gib_per_vcpu * vcpus * 1024 };
            let usd_per_hour = large_usd * f64::from(*factor);
            (format!("{family}.{size}"), HostType { vcpus, memory_mib, usd_per_hour, burstable: false })
        })
    });
    burstable.chain(steady)
}

/// The longest list of types. Each type is tried in each zone, so a longer list takes longer to end with `NoCapacity`.
const MAX_TYPES: usize = 4;

/// The instance types of a host, in order of preference. In JSON one type is a string, and several are an array.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "OneOrMany", into = "OneOrMany")]
pub struct TypePreference {
    first: String,
    further: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl TypePreference {
    /// Returns the type that is tried first.
    #[must_use]
    pub fn first(&self) -> &str {
        &self.first
    }

    /// Returns the types that are tried after the first, in order.
    #[must_use]
    pub fn further(&self) -> &[String] {
        &self.further
    }

    /// Returns every type in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.first).chain(&self.further).map(String::as_str)
    }
}

impl From<&str> for TypePreference {
    fn from(name: &str) -> Self {
        Self { first: name.to_owned(), further: Vec::new() }
    }
}

impl From<OneOrMany> for TypePreference {
    fn from(types: OneOrMany) -> Self {
        match types {
            OneOrMany::One(first) => Self { first, further: Vec::new() },
            OneOrMany::Many(types) => {
                let mut types = types.into_iter();
                // The schema refuses an empty list.
                Self { first: types.next().unwrap_or_default(), further: types.collect() }
            }
        }
    }
}

impl From<TypePreference> for OneOrMany {
    fn from(types: TypePreference) -> Self {
        if types.further.is_empty() {
            return Self::One(types.first);
        }
        Self::Many(std::iter::once(types.first).chain(types.further).collect())
    }
}

impl JsonSchema for TypePreference {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TypePreference".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<_> = host_types().map(|(name, _)| name).collect();
        let one = json!({ "type": "string", "enum": names });
        json_schema!({ "anyOf": [
            one,
            { "type": "array", "items": one, "minItems": 1, "maxItems": MAX_TYPES, "uniqueItems": true },
        ] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_the_size_that_aws_documents() {
        let micro = HostType::find("t3.micro").expect("known");
        assert_eq!((micro.vcpus, micro.memory_mib, micro.burstable), (2, 1024, true));
        let c5n = HostType::find("c5n.2xlarge").expect("known");
        assert_eq!((c5n.vcpus, c5n.memory_mib), (8, 21_504));
        let m6i = HostType::find("m6i.4xlarge").expect("known");
        assert_eq!((m6i.vcpus, m6i.memory_mib), (16, 65_536));
        assert!((m6i.usd_per_hour - 0.768).abs() < 1e-9);
    }

    #[test]
    fn an_arm_type_is_not_known() {
        assert_eq!(HostType::find("t4g.micro"), None);
    }
}
