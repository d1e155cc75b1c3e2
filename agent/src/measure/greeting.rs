//! The questions to a server before an iteration, and after one that was not answered.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use dicomperf_model::measurement::Negotiated;
use dicomperf_model::sending::FailureCause;
use dicomperf_model::settings::Settings;

use super::BlockRunner;
use super::outcome::Outcome;
use crate::failure::Failure;
use crate::native::{Lost, Peer, SILENCE_TIMEOUT, negotiate, while_busy};
use crate::server::echo;
use crate::tls;

impl BlockRunner<'_> {
    /// Proves that an existing server answers, and that it offers the receipt and the cleanup. Nothing was sent yet.
    pub(super) fn greet(&self) -> Result<(), Failure> {
        match self.echo(self.block.settings.tls) {
            Ok(()) => {}
            // Storage is what is measured, and its negotiation follows.
            Err(lost) if is_without_verification(&lost.cause) => tracing::warn!("{lost}"),
            Err(lost) => return Err(self.no_association(format!("C-ECHO: {}", self.with_advice(&lost)))),
        }
        self.server.check_control_interface()
    }

    /// Proposes every presentation context of the block's datasets. A server of the run that does not answer shows its
    /// fault in the iterations.
    pub(super) fn negotiate(&self) -> Result<Option<Negotiated>, Failure> {
        let (server, scenarios) = (&self.block.server, &self.block.scenarios);
        let instances = self.datasets.values().flat_map(|(_, dataset)| &dataset.instances);
        let pairs: BTreeSet<_> = instances.map(|instance| instance.presentation_context()).collect();
        let peer = Peer {
            address: &server.address,
            port: server.dicom_port,
            called_ae_title: &server.ae_title,
            calling_ae_title: &self.block.calling_ae_title,
            max_pdu: scenarios.first().map_or(0, |scenario| scenario.settings.max_pdu),
            tcp_no_delay: true,
            silence: SILENCE_TIMEOUT,
        };
        match while_busy(|| negotiate(&peer, self.block.settings.tls, pairs.iter().copied())) {
            Ok(negotiated) => Ok(Some(negotiated)),
            Err(lost) if self.server.is_existing() => {
                Err(self.no_association(format!("negotiation: {}", self.with_advice(&lost))))
            }
            Err(lost) => {
                tracing::warn!("negotiation: {lost}");
                Ok(None)
            }
        }
    }

    /// Proves by C-ECHO that the server still serves with these settings, after an iteration without any response or with
    /// an answer that did not come in time.
    pub(super) fn prove_server(&self, settings: &Settings, outcome: &Outcome) -> Result<(), Failure> {
        let Err(lost) = self.echo(settings.tls) else { return Ok(()) };
        let says = outcome.failures.first().map(|failure| format!("{}; ", failure.says)).unwrap_or_default();
        let echo = if self.server.is_existing() { self.with_advice(&lost) } else { lost.to_string() };
        Err(self.no_association(format!("{says}C-ECHO: {echo}")))
    }

    fn echo(&self, tls: bool) -> Result<(), Lost> {
        let tls = tls.then(tls::anonymous_client).transpose();
        let tls = tls.map_err(|error| Lost::new(FailureCause::ConnectionFailed, error.to_string()))?;
        while_busy(|| echo::echo(&self.block.server, &self.block.calling_ae_title, tls.clone()))
    }

    fn no_association(&self, reason: String) -> Failure {
        let server = &self.block.server;
        Failure::AssociationFailed {
            address: format!("{}:{}", server.address, server.dicom_port),
            calling: self.block.calling_ae_title.clone(),
            called: server.ae_title.clone(),
            reason,
        }
    }

    /// The cause, and what may help with a server of somebody else.
    fn with_advice(&self, lost: &Lost) -> String {
        let mut text = lost.to_string();
        let (calling, called) = (&self.block.calling_ae_title, &self.block.server.ae_title);
        if let Some(advice) = lost.advice.map(str::to_owned).or_else(|| advice(&lost.cause, calling, called)) {
            let _ = write!(text, "; {advice}");
        }
        text
    }
}

const fn is_without_verification(cause: &FailureCause) -> bool {
    matches!(
        cause,
        FailureCause::ClassRejected { .. } | FailureCause::SyntaxRejected { .. } | FailureCause::ContextRejected { .. }
    )
}

/// The action that may help. The reasons of a rejection are those of PS3.8 table 9-21.
#[must_use]
pub fn advice(cause: &FailureCause, calling: &str, called: &str) -> Option<String> {
    Some(match cause {
        FailureCause::AssociationRejected { source: 1, reason: 3, .. } => format!(
            "ask the server's administrator to add the AE title {calling} with this machine's address to the server's \
             list of AE titles"
        ),
        FailureCause::AssociationRejected { source: 1, reason: 7, .. } => {
            format!(
                "check that {called} is the server's AE title. DCMTK's dcmqrscp gives the same reason where it does not \
                 know the calling AE title: ask its administrator to add {calling} with this machine's address"
            )
        }
        FailureCause::AssociationRejected { source: 3, reason: 2, .. } => {
            "use fewer associations, or wait until others have ended".to_owned()
        }
        FailureCause::AssociationRejected { source: 3, reason: 1, .. } => "try again later".to_owned(),
        FailureCause::AssociationRejected { .. } => {
            format!(
                "look for {calling} in the server's log: many servers reject an unknown AE title without its reason"
            )
        }
        FailureCause::ConnectionRefused => "check the port, and that the server runs".to_owned(),
        FailureCause::ConnectionFailed => "check the address and the port, and that no firewall is between".to_owned(),
        FailureCause::NoAnswer | FailureCause::ProtocolBroken => {
            "check that the port is the server's port for DICOM".to_owned()
        }
        FailureCause::AssociationEnded => {
            format!("look for {calling} in the server's log: a server may abort where it does not know the AE title")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_has_its_remedy() {
        let advice = |source, reason| {
            let cause = FailureCause::AssociationRejected { result: 1, source, reason };
            advice(&cause, "DICOMPERF", "PACS").expect("advice")
        };
        assert!(advice(1, 3).contains("add the AE title DICOMPERF with this machine's address"));
        assert!(advice(1, 7).contains("check that PACS is the server's AE title"));
        assert!(advice(3, 2).contains("fewer associations"));
        assert!(advice(1, 1).contains("DICOMPERF in the server's log"));
    }
}
