//! Scenarios, the blocks that they make, and the order in which those run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::hash;
use crate::request::{Arrival, InstancesPerAssociation, Request, Sender, Target, TcpNoDelay, TransferSyntax};

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
    /// The SCP.
    pub target: Target,
    /// TCP_NODELAY in the SCP's environment.
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
    /// The SCP.
    pub target: Target,
    /// Associations open at once.
    pub associations: u32,
    /// C-STOREs an association.
    pub instances_per_association: InstancesPerAssociation,
    /// Maximum length of a PDU in bytes, both ways.
    pub max_pdu: u32,
    /// TCP_NODELAY: at both ends, at one of them, or at none.
    pub tcp_no_delay: TcpNoDelay,
    /// TLS.
    pub tls: bool,
    /// The transfer syntax that the dataset is sent in.
    pub transfer_syntax: TransferSyntax,
    /// When instances are sent.
    pub arrival: Arrival,
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
    let servers: usize = matrix.target.iter().map(|&target| orthanc_entries(request, target).len()).sum();
    [
        matrix.sender.len(),
        matrix.associations.len(),
        matrix.instances_per_association.len(),
        matrix.max_pdu.len(),
        matrix.tcp_no_delay.len(),
        matrix.tls.len(),
        matrix.transfer_syntax.len(),
        matrix.arrival.len(),
    ]
    .into_iter()
    .product::<usize>()
        * servers
}

pub(super) fn blocks(request: &Request) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut scenarios = 0..;
    for server in servers(request) {
        let settings = client_settings(request, &server);
        let scenarios = scenarios.by_ref().zip(settings).map(|(scenario, settings)| Scenario { scenario, settings });
        let block = u32::try_from(blocks.len()).unwrap_or(u32::MAX);
        blocks.push(Block { block, scenarios: scenarios.collect(), server });
    }
    blocks
}

/// Every configuration that the server has to be started with.
fn servers(request: &Request) -> Vec<ServerSettings> {
    let matrix = &request.matrix;
    let mut ends: Vec<bool> = Vec::new();
    for tcp_no_delay in &matrix.tcp_no_delay {
        if !ends.contains(&tcp_no_delay.server()) {
            ends.push(tcp_no_delay.server());
        }
    }
    let mut servers = Vec::new();
    for &target in &matrix.target {
        for orthanc in orthanc_entries(request, target) {
            for &max_pdu in &matrix.max_pdu {
                for &tls in &matrix.tls {
                    servers.extend(ends.iter().map(|&tcp_no_delay| {
                        let orthanc = orthanc.clone();
                        ServerSettings { target, tcp_no_delay, tls, max_pdu, orthanc }
                    }));
                }
            }
        }
    }
    servers
}

/// The configurations of Orthanc; of the sink, which has no keys, there is one.
fn orthanc_entries(request: &Request, target: Target) -> Vec<BTreeMap<String, Value>> {
    match target {
        Target::Sink => vec![BTreeMap::new()],
        Target::Orthanc => {
            let over = |keys: &BTreeMap<String, Value>| {
                let mut orthanc = request.server.orthanc.clone();
                orthanc.extend(keys.clone());
                orthanc
            };
            request.matrix.orthanc.iter().map(over).collect()
        }
    }
}

/// Every combination of what the client alone decides.
fn client_settings(request: &Request, server: &ServerSettings) -> Vec<Settings> {
    let matrix = &request.matrix;
    let mut all = Vec::new();
    for &tcp_no_delay in matrix.tcp_no_delay.iter().filter(|ends| ends.server() == server.tcp_no_delay) {
        for &sender in &matrix.sender {
            for &transfer_syntax in &matrix.transfer_syntax {
                for &arrival in &matrix.arrival {
                    for &instances_per_association in &matrix.instances_per_association {
                        all.extend(matrix.associations.iter().map(|&associations| Settings {
                            sender,
                            target: server.target,
                            associations,
                            instances_per_association,
                            max_pdu: server.max_pdu,
                            tcp_no_delay,
                            tls: server.tls,
                            transfer_syntax,
                            arrival,
                            orthanc: server.orthanc.clone(),
                        }));
                    }
                }
            }
        }
    }
    all
}

pub(super) fn sequence(blocks: &[Block], rounds: u32) -> Vec<BlockRun> {
    (0..rounds)
        .flat_map(|round| turn(blocks.len(), round).map(move |index| (round, index)))
        .zip(0..)
        .map(|((round, index), ordinal)| BlockRun { ordinal, block: blocks[index].block, round })
        .collect()
}
