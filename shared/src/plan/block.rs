//! Scenarios, the blocks that they make, and the order in which those run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::hash;
use crate::request::{Request, Sender};

/// The scenarios that share one server configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Block {
    /// From 0.
    pub block: u32,
    /// The server's configuration.
    pub server: ServerSettings,
    /// What is measured under it.
    pub scenarios: Vec<Scenario>,
}

/// The settings that need a restart of the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerSettings {
    /// TCP_NODELAY in Orthanc's environment; the sender's is the same.
    pub tcp_no_delay: bool,
    /// TLS.
    pub tls: bool,
    /// Maximum length of a PDU in bytes.
    pub max_pdu: u32,
    /// Orthanc configuration keys.
    pub orthanc: BTreeMap<String, Value>,
}

/// One combination of settings that is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scenario {
    /// From 0, over all blocks.
    pub scenario: u32,
    /// The settings.
    pub settings: Settings,
}

/// All settings of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// The SCU.
    pub sender: Sender,
    /// Associations open at once.
    pub associations: u32,
    /// Maximum length of a PDU in bytes, both ways.
    pub max_pdu: u32,
    /// TCP_NODELAY at both ends.
    pub tcp_no_delay: bool,
    /// TLS.
    pub tls: bool,
    /// Orthanc configuration keys.
    pub orthanc: BTreeMap<String, Value>,
}

/// A block's place in the order of things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlockRun {
    /// From 0, in the order of running.
    pub ordinal: u32,
    /// Which block.
    pub block: u32,
    /// Which round, from 0.
    pub round: u32,
}

impl Settings {
    /// The same text for the same settings: what history is kept by.
    #[must_use]
    pub fn key(&self) -> String {
        hash(self)
    }
}

/// The order in which `scenarios` scenarios take their turn in an iteration: forth and back, so that none is always first.
pub fn turn(scenarios: usize, iteration: u32) -> impl Iterator<Item = usize> {
    (0..scenarios).map(move |index| if iteration.is_multiple_of(2) { index } else { scenarios - 1 - index })
}

pub(super) fn scenario_count(request: &Request) -> usize {
    let matrix = &request.matrix;
    [
        matrix.sender.len(),
        matrix.associations.len(),
        matrix.max_pdu.len(),
        matrix.tcp_no_delay.len(),
        matrix.tls.len(),
        matrix.orthanc.len(),
    ]
    .into_iter()
    .product()
}

pub(super) fn blocks(request: &Request) -> Vec<Block> {
    let matrix = &request.matrix;
    let mut blocks: Vec<Block> = Vec::new();
    let mut scenario = 0;
    for keys in &matrix.orthanc {
        let mut orthanc = request.server.orthanc.clone();
        orthanc.extend(keys.clone());
        for &max_pdu in &matrix.max_pdu {
            for &tls in &matrix.tls {
                for &tcp_no_delay in &matrix.tcp_no_delay {
                    let server = ServerSettings { tcp_no_delay, tls, max_pdu, orthanc: orthanc.clone() };
                    let mut scenarios = Vec::new();
                    for &sender in &matrix.sender {
                        for &associations in &matrix.associations {
                            let orthanc = orthanc.clone();
                            let settings = Settings { sender, associations, max_pdu, tcp_no_delay, tls, orthanc };
                            scenarios.push(Scenario { scenario, settings });
                            scenario += 1;
                        }
                    }
                    blocks.push(Block { block: u32::try_from(blocks.len()).unwrap_or(u32::MAX), server, scenarios });
                }
            }
        }
    }
    blocks
}

pub(super) fn sequence(blocks: &[Block], rounds: u32) -> Vec<BlockRun> {
    (0..rounds)
        .flat_map(|round| turn(blocks.len(), round).map(move |index| (round, index)))
        .zip(0..)
        .map(|((round, index), ordinal)| BlockRun { ordinal, block: blocks[index].block, round })
        .collect()
}
