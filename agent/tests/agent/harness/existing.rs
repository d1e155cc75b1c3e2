//! Blocks of a server that exists already.

use std::collections::BTreeMap;

use dicomperf_model::request::{Cleanup, OrthancBuild, Receipt, Sender, Synthetic, Target, TcpNoDelay, TransferSyntax};
use dicomperf_model::settings::ServerSettings;
use dicomperf_model::step::{
    ClientConfiguration, Credentials, DatasetSource, ExistingInterfaces, MeasureBlock, ServerAddress, StepId, Work,
};

use serde_json::{Value, json};

use super::orthanc::{PASSWORD, settings};
use super::run::block_at;
use super::{OrthancProcess, Run};

/// A server's address and its receipt by C-FIND, without cleanup.
pub fn address(port: u16, ae_title: &str) -> ServerAddress {
    ServerAddress {
        address: "127.0.0.1".to_owned(),
        dicom_port: port,
        rest_port: 0,
        ae_title: ae_title.to_owned(),
        rest_user: String::new(),
        rest_password: String::new(),
        existing: Some(ExistingInterfaces {
            receipt: Receipt::CFind,
            cleanup: Cleanup::None,
            url: None,
            credentials: None,
        }),
    }
}

/// One iteration of native on one association to an existing server.
pub fn block_to(address: &ServerAddress) -> MeasureBlock {
    let settings = ServerSettings {
        target: Target::Existing,
        tcp_no_delay: false,
        tls: false,
        max_pdu: 0,
        orthanc: BTreeMap::new(),
        orthanc_build: OrthancBuild::Distribution,
    };
    let mut block = block_at(address, &settings, &[1], 0, 1);
    for scenario in &mut block.scenarios {
        scenario.settings.sender = Sender::Native;
        scenario.settings.max_pdu = 16_384;
        scenario.settings.tcp_no_delay = TcpNoDelay::Client;
    }
    block
}

/// The same with another receipt or cleanup.
pub fn block_with(port: u16, ae_title: &str, change: impl FnOnce(&mut ExistingInterfaces)) -> MeasureBlock {
    let mut address = address(port, ae_title);
    change(address.existing.as_mut().expect("interfaces"));
    block_to(&address)
}

impl Run {
    /// A run whose client has synthetic instances for an existing server.
    pub fn with_new_instances(instances: u32) -> Self {
        let run = Self::new();
        let spec = Synthetic { instances, ..Synthetic::default() };
        run.configure_client_for_existing(DatasetSource::Synthetic(spec), 1);
        run
    }

    /// Configures the client with this many copies of each study.
    pub fn configure_client_for_existing(&self, dataset: DatasetSource, multiply: u32) {
        let configuration = ClientConfiguration::new(dataset, vec![TransferSyntax::Original], false);
        let configuration = ClientConfiguration { renew_uids: true, multiply, ..configuration };
        self.carry_out(StepId::ConfigureClient, Work::ConfigureClient(configuration)).succeeds();
    }
}

impl OrthancProcess {
    /// The base URL of its REST interface.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.address.rest_port)
    }
}

/// The credentials of an Orthanc of the tests.
pub fn credentials() -> Option<Credentials> {
    Some(Credentials { user: "dicomperf".to_owned(), password: PASSWORD.to_owned() })
}

/// An Orthanc that answers C-FIND from an AE title that it does not know.
pub fn findable_orthanc(tls: bool, keys: &[(&str, Value)]) -> OrthancProcess {
    let keys = [keys, &[("DicomAlwaysAllowFind", json!(true))]].concat();
    OrthancProcess::start(settings(true, tls, &keys))
}
