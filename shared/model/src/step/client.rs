//! The preparation of the client: its dataset and the source of that.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dataset::PlannedObject;
use crate::plan::{DatasetOrigin, DatasetPlan};
use crate::request::{Request, Synthetic, TransferSyntax};

/// The preparation of the client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientConfiguration {
    /// The dataset to prepare.
    pub dataset: DatasetSource,
    /// The transfer syntaxes that the dataset is sent in.
    pub transfer_syntaxes: Vec<TransferSyntax>,
    /// True to leave out a user's object that cannot be sent, instead of failing the step.
    #[serde(default)]
    pub skip_refused: bool,
    /// Copies of each study, each with new UIDs.
    #[serde(default = "one_copy")]
    pub multiply: u32,
    /// True to replace or remove the attributes that PS3.15's basic profile names.
    #[serde(default)]
    pub deidentify: bool,
    /// True if each iteration sends new UIDs, as an existing server needs: the files then get UIDs of a length that can
    /// be replaced in place, and the Patient ID of the run.
    #[serde(default)]
    pub renew_uids: bool,
    /// True to delete the datasets that other runs have left on this host. The host's disk has room for one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replaces_others: bool,
}

impl ClientConfiguration {
    /// Returns the configuration of a client that sends a dataset as it is.
    #[must_use]
    pub const fn new(dataset: DatasetSource, transfer_syntaxes: Vec<TransferSyntax>, skip_refused: bool) -> Self {
        Self {
            dataset,
            transfer_syntaxes,
            skip_refused,
            multiply: 1,
            deidentify: false,
            renew_uids: false,
            replaces_others: false,
        }
    }

    /// Returns the configuration of a client for a request, whose dataset comes from `source`.
    #[must_use]
    pub fn of_request(request: &Request, source: DatasetSource) -> Self {
        let own = request.dataset.own();
        Self {
            dataset: source,
            transfer_syntaxes: request.matrix.transfer_syntax.clone(),
            skip_refused: own.skip_refused,
            multiply: own.multiply,
            deidentify: own.deidentify,
            renew_uids: request.server.existing.is_some(),
            replaces_others: false,
        }
    }
}

const fn one_copy() -> u32 {
    1
}

/// The source of the client's dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DatasetSource {
    /// Made on the host.
    Synthetic(Synthetic),
    /// Downloaded from S3.
    Objects(Vec<ObjectSource>),
    /// Copied from a directory of this machine. Only `dicomperf measure` has it.
    Directory {
        /// The directory's path.
        path: PathBuf,
        /// The files to copy, in the order of sending.
        files: Vec<FileSource>,
    },
}

impl DatasetSource {
    /// Returns the source of a planned dataset that is on this machine or made here. `None` for objects in S3: only the
    /// account signs their URLs.
    #[must_use]
    pub fn local(plan: &DatasetPlan) -> Option<Self> {
        match &plan.source {
            DatasetOrigin::Synthetic(spec) => Some(Self::Synthetic(spec.clone())),
            DatasetOrigin::Directory { path, objects } => {
                let file = |object: &PlannedObject| FileSource { path: object.key.clone(), bytes: object.bytes };
                Some(Self::Directory { path: path.clone(), files: objects.iter().map(file).collect() })
            }
            DatasetOrigin::S3 { .. } => None,
        }
    }
}

/// One file to copy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileSource {
    /// Path in the directory.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// One object to download.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectSource {
    /// Presigned GET URL.
    pub url: String,
    /// The object's key, for messages.
    pub key: String,
    /// Size in bytes.
    pub bytes: u64,
}
