//! Scenarios, the blocks that they make, and the order in which those run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{MAX_BLOCK_RUNS, hash};
use crate::request::{Arrival, InstancesPerAssociation, Request, Sender, Target, TcpNoDelay, TransferSyntax};
use crate::verdict::LEAST_ITERATIONS;

/// The scenarios that share one server configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Block {
    /// From 0.
    pub block: u32,
    /// The server's configuration.
    pub server: ServerSettings,
    /// What is measured under it.
    pub scenarios: Vec<Scenario>,
    /// Whether nobody asked for it: it shows what TCP_NODELAY does where the matrix does not. It runs once, before all others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probe: bool,
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

impl Block {
    /// Counted iterations of each scenario in each run of the block. A probe, which runs once, has as many as a verdict
    /// needs.
    #[must_use]
    pub fn iterations(&self, request: &Request) -> u32 {
        let least = if self.probe { LEAST_ITERATIONS } else { 1 };
        request.iterations.max(u32::try_from(least).unwrap_or(u32::MAX))
    }

    /// How often it runs.
    #[must_use]
    pub const fn rounds(&self, request: &Request) -> u32 {
        if self.probe { 1 } else { request.rounds }
    }
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
        blocks.push(Block { block, scenarios: scenarios.collect(), server, probe: false });
    }
    blocks.extend(probe(request, &blocks));
    blocks
}

/// The first scenario that sends to Orthanc, with TCP_NODELAY at both ends, where none has it: without such a pair nobody
/// can tell a slow server from a timer of TCP.
fn probe(request: &Request, blocks: &[Block]) -> Option<Block> {
    let both = |scenario: &Scenario| scenario.settings.tcp_no_delay == TcpNoDelay::Both;
    let scenarios = || blocks.iter().flat_map(|block| &block.scenarios);
    // A search has its own questions, and a plan that is full has no room.
    if scenarios().any(both) || request.search.is_some() || blocks.len() * request.rounds as usize >= MAX_BLOCK_RUNS {
        return None;
    }
    let asked = blocks.iter().find(|block| block.server.target == Target::Orthanc)?;
    let settings = Settings { tcp_no_delay: TcpNoDelay::Both, ..asked.scenarios.first()?.settings.clone() };
    Some(Block {
        block: u32::try_from(blocks.len()).ok()?,
        server: ServerSettings { tcp_no_delay: true, ..asked.server.clone() },
        scenarios: vec![Scenario { scenario: u32::try_from(scenarios().count()).ok()?, settings }],
        probe: true,
    })
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

pub(super) fn sequence(blocks: &[Block], request: &Request) -> Vec<BlockRun> {
    let (probes, asked): (Vec<_>, Vec<_>) = blocks.iter().partition(|block| block.probe);
    // First, so that what is collected from the server at the end is of a configuration that was asked for.
    let probes = probes.into_iter().map(|block| (0, block));
    let rounds = (0..request.rounds)
        .flat_map(|round| turn(asked.len(), round).map(move |index| (round, index)))
        .map(|(round, index)| (round, asked[index]));
    probes
        .chain(rounds)
        .zip(0..)
        .map(|((round, block), ordinal)| BlockRun { ordinal, block: block.block, round })
        .collect()
}
