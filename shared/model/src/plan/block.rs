//! Scenarios, the blocks that contain them, and the order in which the blocks run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::VariantArray as _;

use crate::request::{Request, Target, TcpNoDelay};
use crate::settings::{Axis, ServerSettings, Settings};
use crate::statistics::MIN_ITERATIONS;

/// Block runs (blocks times rounds) at most. With more, the execution's history could exceed 70% of its 25,000 events.
pub const MAX_BLOCK_RUNS: usize = 18;

/// The scenarios that share one server configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Block {
    /// The block's number, from 0.
    #[serde(rename = "block")]
    pub number: u32,
    /// The server's configuration.
    pub server: ServerSettings,
    /// The scenarios to measure with it.
    pub scenarios: Vec<Scenario>,
    /// True for a probe, which the request did not ask for. A probe shows the effect of TCP_NODELAY if the matrix does
    /// not. It runs once, before all other blocks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probe: bool,
}

/// One combination of settings to measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scenario {
    /// The scenario's number, from 0, over all blocks.
    #[serde(rename = "scenario")]
    pub number: u32,
    /// The settings.
    pub settings: Settings,
}

/// One run of a block, and its place in the sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlockRun {
    /// Place in the order of running, from 0.
    pub ordinal: u32,
    /// Number of the block.
    pub block: u32,
    /// Number of the round, from 0.
    pub round: u32,
}

impl Block {
    /// Returns the counted iterations of each scenario in each run of the block. A probe runs once, so it has as many
    /// as a verdict needs.
    #[must_use]
    pub fn iterations(&self, request: &Request) -> u32 {
        let least = if self.probe { MIN_ITERATIONS } else { 1 };
        request.iterations.max(u32::try_from(least).unwrap_or(u32::MAX))
    }

    /// Returns the number of times that the block runs.
    #[must_use]
    pub const fn rounds(&self, request: &Request) -> u32 {
        if self.probe { 1 } else { request.rounds }
    }
}

/// Returns the order of the scenarios in an iteration: forward and backward in turn, so that no scenario is always
/// first.
pub fn scenario_order(scenarios: usize, iteration: u32) -> impl Iterator<Item = usize> {
    (0..scenarios).map(move |index| if iteration.is_multiple_of(2) { index } else { scenarios - 1 - index })
}

/// The order in which the axes are multiplied, outermost first. Settings that need a restart of the server come before
/// those of the client. The order decides the numbers of the scenarios.
const PRODUCT_ORDER: [Axis; Axis::VARIANTS.len()] = [
    Axis::Target,
    Axis::OrthancBuild,
    Axis::Orthanc,
    Axis::MaxPdu,
    Axis::Tls,
    Axis::TcpNoDelay,
    Axis::Sender,
    Axis::TransferSyntax,
    Axis::Arrival,
    Axis::InstancesPerAssociation,
    Axis::Associations,
];

/// Counts the scenarios of a request without creating them: their product may not fit in memory.
pub(crate) fn scenario_count(request: &Request) -> usize {
    let others = || PRODUCT_ORDER.into_iter().filter(|axis| *axis != Axis::Target);
    // The number of an axis's values may depend on the target: the sink has no Orthanc keys and no build.
    let of_target = |settings: &Settings| others().map(|axis| axis.expand(request, settings).len()).product::<usize>();
    Axis::Target.expand(request, &Settings::default()).iter().map(of_target).sum()
}

/// Returns the blocks of a request: every combination of the axes' values, grouped by server configuration.
pub(crate) fn blocks(request: &Request) -> Vec<Block> {
    let product = PRODUCT_ORDER.into_iter().fold(vec![Settings::default()], |all, axis| {
        all.iter().flat_map(|settings| axis.expand(request, settings)).collect()
    });
    let mut by_server: Vec<(ServerSettings, Vec<Settings>)> = Vec::new();
    for settings in product {
        let server = ServerSettings::from_settings(&settings);
        match by_server.iter_mut().find(|(known, _)| *known == server) {
            Some((_, of_server)) => of_server.push(settings),
            None => by_server.push((server, vec![settings])),
        }
    }
    let mut numbers = 0..;
    let mut blocks: Vec<_> = (0..)
        .zip(by_server)
        .map(|(block, (server, settings))| Block {
            number: block,
            server,
            scenarios: numbers
                .by_ref()
                .zip(settings)
                .map(|(scenario, settings)| Scenario { number: scenario, settings })
                .collect(),
            probe: false,
        })
        .collect();
    blocks.extend(probe(request, &blocks));
    blocks
}

/// Returns a probe if no scenario has TCP_NODELAY at both ends: the first scenario that sends to Orthanc, with it at
/// both ends. Without such a pair, a slow server looks like a TCP timer.
fn probe(request: &Request, blocks: &[Block]) -> Option<Block> {
    let both = |scenario: &Scenario| scenario.settings.tcp_no_delay == TcpNoDelay::Both;
    let scenarios = || blocks.iter().flat_map(|block| &block.scenarios);
    // A search has its own questions, and a full plan has no room.
    if scenarios().any(both) || request.search.is_some() || blocks.len() * request.rounds as usize >= MAX_BLOCK_RUNS {
        return None;
    }
    let asked = blocks.iter().find(|block| block.server.target == Target::Orthanc)?;
    let settings = Settings { tcp_no_delay: TcpNoDelay::Both, ..asked.scenarios.first()?.settings.clone() };
    Some(Block {
        number: u32::try_from(blocks.len()).ok()?,
        server: ServerSettings { tcp_no_delay: true, ..asked.server.clone() },
        scenarios: vec![Scenario { number: u32::try_from(scenarios().count()).ok()?, settings }],
        probe: true,
    })
}

pub(crate) fn sequence(blocks: &[Block], request: &Request) -> Vec<BlockRun> {
    let (probes, asked): (Vec<_>, Vec<_>) = blocks.iter().partition(|block| block.probe);
    // Probes run first. The data that is collected from the server at the end then belong to a requested configuration.
    let probes = probes.into_iter().map(|block| (0, block));
    let rounds = (0..request.rounds)
        .flat_map(|round| scenario_order(asked.len(), round).map(move |index| (round, index)))
        .map(|(round, index)| (round, asked[index]));
    probes
        .chain(rounds)
        .zip(0..)
        .map(|((round, block), ordinal)| BlockRun { ordinal, block: block.number, round })
        .collect()
}
