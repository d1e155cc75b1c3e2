//! Notes of a plan for the reader of the results.

use super::{Block, DatasetOrigin, DatasetPlan, Hosts, memory};
use crate::dataset;
use crate::host_type::HostType;
use crate::request::Request;

/// Returns the notes on a plan with these hosts. Of several types each has its own notes.
pub(super) fn notes(request: &Request, dataset: &DatasetPlan, blocks: &[Block], hosts: &Hosts) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(probe) = blocks.iter().filter(|block| block.probe).find_map(|block| block.scenarios.first()) {
        notes.push(format!(
            "Scenario {} is a probe: no scenario of the matrix has TCP_NODELAY at both ends. Without one, \
             a slow server looks like a TCP timer. The probe counts for no verdict.",
            probe.number
        ));
    }
    notes.extend(hosts.server.types().filter_map(|server_type| memory::note(request, dataset, server_type)));
    if let DatasetOrigin::S3 { objects, .. } = &dataset.source {
        let contexts = dataset::context_count(objects);
        if contexts > dataset::MAX_CONTEXTS {
            notes.push(format!(
                "The dataset has {contexts} pairs of SOP class and transfer syntax, and an association carries {} (PS3.8 \
                 9.3.2.2): every sender opens further associations for the rest.",
                dataset::MAX_CONTEXTS
            ));
        }
    }
    for (role, host) in [("server", &hosts.server), ("client", &hosts.client)] {
        for name in host.types() {
            let Some(host_type) = HostType::find(name) else { continue };
            if dataset.bytes > u64::from(host_type.memory_mib) << 19 {
                notes.push(format!(
                    "The dataset ({} MB) is more than half of the {role}'s memory ({name}): its disk is measured too.",
                    dataset.bytes / 1_000_000
                ));
            }
            if host_type.burstable {
                notes.push(format!(
                    "The {role} ({name}) is burstable: steal time and spent credits disturb the measurement."
                ));
            }
        }
    }
    notes
}
