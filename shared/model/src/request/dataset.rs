//! The dataset of a request: synthetic instances, or a user's own objects.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The dataset to send: exactly one of `synthetic`, `s3` and `directory`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct Dataset {
    /// Instances that the client host makes from a seed: the same bytes every time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Synthetic")]
    pub synthetic: Option<Synthetic>,
    /// A user's own objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "S3Objects")]
    pub s3: Option<S3Objects>,
    /// A user's own files on the machine of `dicomperf measure`. No run in AWS can read them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Directory")]
    pub directory: Option<Directory>,
}

/// Synthetic studies, one after another until there are enough instances. docs/dataset.md describes their content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Synthetic {
    /// The kind of image, as in Modality (0008,0060).
    pub modality: Modality,
    /// Number of instances.
    #[schemars(range(min = 1, max = 100_000))]
    pub instances: u32,
    /// The same seed gives the same bytes.
    pub seed: u64,
}

/// A modality of synthetic instances: the value of Modality (0008,0060), PS3.3 C.7.3.1.1.1, except `DBT` and `mix`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Modality {
    /// CT Image Storage: 0.5 MB an instance.
    #[serde(rename = "CT")]
    Ct,
    /// MR Image Storage: 0.13 to 0.5 MB an instance.
    #[serde(rename = "MR")]
    Mr,
    /// Computed Radiography Image Storage: 6 MB an instance.
    #[serde(rename = "CR")]
    Cr,
    /// Digital X-Ray Image Storage - For Presentation: 11 MB an instance.
    #[serde(rename = "DX")]
    Dx,
    /// Digital Mammography X-Ray Image Storage - For Presentation: 2.5 to 16 MB an instance.
    #[serde(rename = "MG")]
    Mg,
    /// Breast Tomosynthesis Image Storage: 0.4 GB an instance, of 60 frames.
    #[serde(rename = "DBT")]
    Dbt,
    /// X-Ray Angiographic Image Storage: 39 MB an instance, of 150 frames.
    #[serde(rename = "XA")]
    Xa,
    /// Ultrasound Multi-frame Image Storage: 18 MB an instance, of 60 frames.
    #[serde(rename = "US")]
    Us,
    /// Positron Emission Tomography Image Storage: 80 KB an instance.
    #[serde(rename = "PT")]
    Pt,
    /// Nuclear Medicine Image Storage: 3.9 MB an instance, of 120 frames.
    #[serde(rename = "NM")]
    Nm,
    /// All of these, in the proportion in which they arrive at an archive.
    #[serde(rename = "mix")]
    Mix,
}

/// A user's own objects in S3.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct S3Objects {
    /// The bucket's name.
    #[schemars(regex(pattern = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"))]
    pub bucket: String,
    /// Prefix of the objects to send.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[A-Za-z0-9!_.*'()/ =+@-]{0,512}$"))]
    pub prefix: String,
    /// Measure with the accepted objects, instead of refusing the run if an object is refused.
    #[serde(default)]
    pub skip_refused: bool,
    /// Accept objects that identify a patient.
    #[serde(default)]
    pub allow_identified: bool,
    /// Send this many copies of each study, each with new UIDs.
    #[serde(default = "one_copy")]
    #[schemars(range(min = 1, max = 1000))]
    pub multiply: u32,
    /// Replace or remove the attributes that PS3.15's Basic Application Level Confidentiality Profile names.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deidentify: bool,
}

/// A user's own files in a directory of this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Directory {
    /// Path of the directory. Its subdirectories count too.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
    /// Measure with the accepted files, instead of refusing the run if a file is refused.
    #[serde(default)]
    pub skip_refused: bool,
    /// Accept files that identify a patient.
    #[serde(default)]
    pub allow_identified: bool,
    /// Send this many copies of each study, each with new UIDs.
    #[serde(default = "one_copy")]
    #[schemars(range(min = 1, max = 1000))]
    pub multiply: u32,
    /// Replace or remove the attributes that PS3.15's Basic Application Level Confidentiality Profile names.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deidentify: bool,
}

/// The choices of a request on a user's own objects, from S3 or from a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnObjects {
    /// Measure with the accepted objects, instead of refusing the run if an object is refused.
    pub skip_refused: bool,
    /// Accept objects that identify a patient.
    pub allow_identified: bool,
    /// Copies of each study.
    pub multiply: u32,
    /// Replace or remove the attributes that PS3.15's Basic Application Level Confidentiality Profile names.
    pub deidentify: bool,
}

impl Dataset {
    /// Returns the choices on a user's own objects. A synthetic dataset has those that change nothing.
    #[must_use]
    pub fn own(&self) -> OwnObjects {
        let (s3, directory) = (self.s3.as_ref().map(S3Objects::own), self.directory.as_ref().map(Directory::own));
        s3.or(directory).unwrap_or(OwnObjects {
            skip_refused: false,
            allow_identified: false,
            multiply: 1,
            deidentify: false,
        })
    }

    /// Returns the path of a field of the user's own objects, for an error.
    #[must_use]
    pub fn path_of(&self, field: &str) -> String {
        format!("dataset.{}.{field}", if self.directory.is_some() { "directory" } else { "s3" })
    }
}

impl S3Objects {
    /// Returns the choices on these objects.
    #[must_use]
    pub const fn own(&self) -> OwnObjects {
        let Self { skip_refused, allow_identified, multiply, deidentify, .. } = *self;
        OwnObjects { skip_refused, allow_identified, multiply, deidentify }
    }
}

impl Directory {
    /// Returns the choices on these files.
    #[must_use]
    pub const fn own(&self) -> OwnObjects {
        let Self { skip_refused, allow_identified, multiply, deidentify, .. } = *self;
        OwnObjects { skip_refused, allow_identified, multiply, deidentify }
    }
}

impl Default for Dataset {
    fn default() -> Self {
        Self { synthetic: Some(Synthetic::default()), s3: None, directory: None }
    }
}

impl Default for Synthetic {
    fn default() -> Self {
        Self { modality: Modality::Ct, instances: 200, seed: 1 }
    }
}

const fn one_copy() -> u32 {
    1
}
