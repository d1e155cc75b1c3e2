//! One transfer of the dataset, by any sender.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use dicomperf_model::request::Sender;

use super::lanes::{self, Process};
use super::sending::Sending;
use super::{dcmtk, native};
use crate::clock::{Moment, milliseconds};
use crate::failure::{DuringIo as _, Failure};
use crate::timeline::{Association, Store};

/// A finished transfer.
#[derive(Debug)]
pub(super) struct Transfer {
    /// The program that sent the instances.
    pub sender: Sender,
    /// The start of the first process.
    pub started: Moment,
    /// The time from that start to the exit of the last process.
    pub duration: Duration,
    /// The ms by which the wall clock was set during the transfer.
    pub wall_clock_step_ms: Option<f64>,
    /// The reason why the processes were stopped, if they were.
    pub stopped: Option<String>,
    /// Number of planned processes.
    pub processes: usize,
    /// Number of processes with exit code 0.
    pub succeeded: usize,
    /// CPU time of the processes, in ms.
    pub sender_cpu_ms: Option<f64>,
    /// For each process, the time from its start to its first association request, in us.
    pub startup_us: Vec<u64>,
    /// Every association, in the order of lanes.
    pub associations: Vec<Association>,
    /// The processes' other output.
    pub words: String,
}

impl Sending<'_> {
    /// Sends the dataset once.
    pub fn send(&self, limit: Instant) -> Result<Transfer, Failure> {
        let directory = self.home.path("iteration");
        if directory.exists() {
            fs::remove_dir_all(&directory).while_path("remove", &directory)?;
        }
        fs::create_dir(&directory).while_path("make", &directory)?;
        if self.settings.sender == Sender::Native {
            let (files, prepared) = native::prepare(self, &directory)?;
            let (mut transfer, processes) = self.run(vec![vec![prepared]], limit)?;
            let process = processes.into_iter().flatten().next();
            (transfer.associations, transfer.words) = files.read(process.as_ref(), self.dataset);
            let first = transfer.associations.iter().filter_map(|one| one.requested_us).min();
            transfer.add_startup(process, first);
            return Ok(transfer);
        }
        let (mut shares, mut prepared) = (Vec::new(), Vec::new());
        for lane in dcmtk::prepare(self, &directory)? {
            let (of_lane, to_start): (Vec<_>, Vec<_>) = lane.into_iter().unzip();
            shares.push(of_lane);
            prepared.push(to_start);
        }
        let (mut transfer, processes) = self.run(prepared, limit)?;
        for (process, share) in
            processes.into_iter().zip(&shares).flat_map(|(lane, shares)| lane.into_iter().zip(shares))
        {
            let (association, words) = share.read(&process);
            transfer.add_startup(Some(process), association.requested_us);
            transfer.associations.push(association);
            transfer.words.push_str(&words);
        }
        Ok(transfer)
    }

    fn run(
        &self,
        prepared: Vec<Vec<lanes::Prepared>>,
        limit: Instant,
    ) -> Result<(Transfer, Vec<Vec<Process>>), Failure> {
        let processes = prepared.iter().map(Vec::len).sum();
        let finished = lanes::run(prepared, limit)?;
        let ended = finished.lanes.iter().flatten();
        let transfer = Transfer {
            sender: self.settings.sender,
            started: finished.started,
            duration: finished.duration,
            wall_clock_step_ms: finished.started.wall_clock_step_ms(&Moment::now()),
            stopped: finished.stopped,
            processes,
            succeeded: ended.filter(|process| process.status.success()).count(),
            sender_cpu_ms: finished.cpu.map(milliseconds),
            startup_us: Vec::new(),
            associations: Vec::new(),
            words: String::new(),
        };
        Ok((transfer, finished.lanes))
    }
}

impl Transfer {
    /// True if the server answered no C-STORE.
    pub fn has_no_response(&self) -> bool {
        self.stores().all(|store| store.response.is_none())
    }

    /// The first complaint of a sender.
    pub fn complaint(&self) -> Option<String> {
        let complaints = self.associations.iter().flat_map(|one| one.complaints.iter().map(String::as_str));
        complaints.chain(self.words.lines()).map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
    }

    pub fn stores(&self) -> impl Iterator<Item = &Store> {
        self.associations.iter().flat_map(|association| &association.stores)
    }

    /// Mean time from a response to the next request on the same association, in us.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub fn between_us(&self) -> Option<f64> {
        let pairs = self.associations.iter().flat_map(|association| association.stores.windows(2));
        let gaps = pairs.filter_map(|pair| Some(pair[1].requested_us.saturating_sub(pair[0].response.as_ref()?.0)));
        let (count, sum) = gaps.fold((0_u64, 0_u64), |(count, sum), gap| (count + 1, sum + gap));
        (count > 0).then(|| sum as f64 / count as f64)
    }

    /// The time from the first request to the last response, over all associations.
    pub fn transfer_ms(&self) -> f64 {
        let first = self.stores().map(|store| store.requested_us).min();
        let last = self.stores().filter_map(|store| Some(store.response.as_ref()?.0)).max();
        match (first, last) {
            (Some(first), Some(last)) => milliseconds(Duration::from_micros(last.saturating_sub(first))),
            _ => 0.0,
        }
    }

    /// Counts the C-STOREs that were answered with Success, and the bytes of their files.
    pub fn count_succeeded(&self, bytes: &BTreeMap<&str, u64>) -> (u32, u64) {
        self.stores().filter(|store| store.succeeded()).fold((0, 0), |(count, sum), store| {
            (count + 1, sum + bytes.get(store.file.as_str()).copied().unwrap_or_default())
        })
    }

    fn add_startup(&mut self, process: Option<Process>, requested_us: Option<u64>) {
        if let (Some(process), Some(requested_us)) = (process, requested_us) {
            self.startup_us.push(requested_us.saturating_sub(process.started.wall_us()));
        }
    }
}

/// The latency of a C-STORE in us: from its request, or with open arrival from its scheduled time. `None` without a
/// response. A wall clock that was set back in between makes the iteration invalid anyway.
pub(super) fn latency_us(store: &Store) -> Option<u64> {
    let since = store.scheduled_us.unwrap_or(store.requested_us);
    Some(store.response.as_ref()?.0.saturating_sub(since))
}

#[cfg(test)]
pub(super) mod fixture {
    use super::*;
    use crate::client::dataset::{Dataset, Instance};

    /// CT instances `000001.dcm` and so on.
    pub fn dataset(instances: usize) -> Dataset {
        let instance = |number: usize| Instance {
            file: format!("{number:06}.dcm"),
            bytes: 100,
            sop_instance_uid: format!("1.2.{number}"),
            sop_class_uid: "1.2.840.10008.5.1.4.1.1.2".to_owned(),
            study_instance_uid: "1.2.3.1".to_owned(),
            series_instance_uid: "1.2.3.2".to_owned(),
            transfer_syntax_uid: "1.2.840.10008.1.2.1".to_owned(),
            data_set_at: 300,
            sent_file: None,
        };
        Dataset { instances: (1..=instances).map(instance).collect(), renewable: None }
    }

    /// A transfer by one storescu with these C-STOREs and their statuses.
    pub fn transfer(stores: &[(String, &str)]) -> Transfer {
        let store = |(file, status): &(String, &str)| Store {
            file: file.clone(),
            scheduled_us: None,
            requested_us: 10,
            response: Some((20, (*status).to_owned())),
        };
        Transfer {
            sender: Sender::Storescu,
            started: Moment::now(),
            duration: Duration::from_millis(1),
            wall_clock_step_ms: None,
            stopped: None,
            processes: 1,
            succeeded: 1,
            sender_cpu_ms: None,
            startup_us: Vec::new(),
            associations: vec![Association { stores: stores.iter().map(store).collect(), ..Association::default() }],
            words: String::new(),
        }
    }
}
