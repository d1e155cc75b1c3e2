//! A lane opens one association after another, never two at once. Each association sends its share of the lane's
//! instances.

use std::sync::Arc;

use dicomperf_model::sending::FailureCause;
use rustls::ClientConfig;

use super::arrival::Schedule;
use super::association::{self, Association, Contexts};
use super::document::SendDocument;
use super::lost::Lost;
use super::object::{Buffer, Object};
use super::status;
use super::transport::WallTime;
use crate::client::dataset::Instance;
use crate::interrupt;
use crate::timeline::{self, Failed, Store};
use crate::upper_layer::command::Command;
use crate::upper_layer::contexts::divide;

/// A lane gives up after this many lost associations. Each of them may take the whole time limit of an answer.
const MAX_LOST_ASSOCIATIONS: u32 = 10;

/// A sequence of associations, of which one is open at a time.
pub(super) struct Lane<'a> {
    pub document: &'a SendDocument,
    pub tls: Option<&'a Arc<ClientConfig>>,
    pub schedule: &'a Schedule,
    pub number: usize,
    pub instances: &'a [Instance],
}

/// The next instance.
enum Next {
    /// The buffer contains the instance, or its beginning.
    Ready(Object),
    /// The instance cannot be sent, but the association goes on.
    Skipped(FailureCause, String),
}

/// The instances of one association.
struct Share<'a> {
    lane: &'a Lane<'a>,
    contexts: &'a Contexts<'a>,
    /// The position of its first instance in the lane.
    offset: usize,
    instances: &'a [Instance],
}

/// The end of an association before its release.
struct Interrupted {
    lost: Lost,
    /// Number of instances whose outcome is known.
    handled: usize,
}

impl Lane<'_> {
    /// Sends all instances. An association that is lost costs the instance that it was sending, and another association
    /// is opened for the rest. After too many of them the lane gives up.
    pub(super) fn send(&self) -> Vec<timeline::Association> {
        let mut records = Vec::new();
        let mut buffer = Buffer::new();
        let mut begin = Some(|| self.schedule.begin());
        let mut lost = 0;
        let contexts = self.instances.iter().map(Instance::presentation_context);
        for mut range in divide(contexts, self.document.instances_per_association) {
            while !range.is_empty() && lost <= MAX_LOST_ASSOCIATIONS && !interrupt::is_requested() {
                let instances = &self.instances[range.clone()];
                let contexts = association::contexts(instances.iter().map(Instance::presentation_context));
                let share = Share { lane: self, contexts: &contexts, offset: range.start, instances };
                let mut record = timeline::Association::default();
                let sent = share.send(&mut buffer, &mut record, &mut begin);
                range.start += match sent {
                    Ok(()) => instances.len(),
                    Err(interrupted) => {
                        lost += 1;
                        record.complaints.push(interrupted.lost.words);
                        interrupted.handled
                    }
                };
                records.push(record);
            }
        }
        // With open arrival the other lanes wait for this one.
        if let Some(begin) = begin {
            begin();
        }
        records
    }
}

impl Share<'_> {
    /// Sends every instance on one association, and releases it. If the process is interrupted, the instances after the
    /// C-STORE under way are not tried.
    fn send(
        &self,
        buffer: &mut Buffer,
        record: &mut timeline::Association,
        begin: &mut Option<impl FnOnce()>,
    ) -> Result<(), Interrupted> {
        let opened = Association::open(&self.lane.document.peer(), self.lane.tls, self.contexts, record);
        if let Some(begin) = begin.take() {
            begin();
        }
        let mut association = opened.map_err(|lost| {
            self.instances.iter().for_each(|one| record.failures.push(failed(one, lost.cause.clone(), &lost.words)));
            Interrupted { lost, handled: self.instances.len() }
        })?;
        let mut handled = 0;
        let sent = self.send_all(&mut association, buffer, record, &mut handled);
        sent.and_then(|()| association.release(record)).map_err(|lost| {
            association.abort();
            if let Some(instance) = self.instances.get(handled) {
                record.failures.push(failed(instance, lost.cause.clone(), &lost.words));
            }
            Interrupted { lost, handled: handled + 1 }
        })
    }

    /// Sends one instance after the other, and counts them in `handled`.
    fn send_all(
        &self,
        association: &mut Association,
        buffer: &mut Buffer,
        record: &mut timeline::Association,
        handled: &mut usize,
    ) -> Result<(), Lost> {
        let mut next = self.prepare(association, 0, buffer);
        for (index, instance) in self.instances.iter().enumerate() {
            let scheduled = self.lane.schedule.wait(self.lane.number, self.offset + index);
            if interrupt::is_requested() {
                break;
            }
            match next {
                Next::Skipped(cause, words) => {
                    record.failures.push(failed(instance, cause, &words));
                    next = self.prepare(association, index + 1, buffer);
                }
                Next::Ready(mut object) => {
                    record.stores.push(Store {
                        file: instance.file.clone(),
                        scheduled_us: scheduled.map(WallTime::microseconds),
                        requested_us: WallTime::now().microseconds(),
                        response: None,
                    });
                    association.send(buffer.bytes_to_send())?;
                    while !object.is_over() {
                        object.fill(buffer).map_err(|error| unreadable(&error))?;
                        association.send(buffer.bytes_to_send())?;
                    }
                    // The next file is read while the peer processes this one. The kernel has its own copy of what was
                    // sent, so one buffer is enough.
                    next = self.prepare(association, index + 1, buffer);
                    let (response, time) = association.response(message_id(index))?;
                    if let Some(store) = record.stores.last_mut() {
                        store.response = Some((time.microseconds(), status::describe_status(&response)));
                    }
                    if let Some((cause, words)) = status::failure(&response) {
                        record.failures.push(failed(instance, cause, &words));
                    }
                }
            }
            *handled = index + 1;
        }
        Ok(())
    }

    /// Reads the instance at this position into the buffer, or its beginning.
    fn prepare(&self, association: &Association, index: usize, buffer: &mut Buffer) -> Next {
        let Some(instance) = self.instances.get(index) else {
            // Nothing follows, and nobody asks for it.
            return Next::Skipped(FailureCause::SenderStopped, String::new());
        };
        let (class, syntax) = instance.presentation_context();
        let context = self.contexts.get(&(class, syntax)).copied().unwrap_or_default();
        let result = association.context_result(context);
        if let Some(cause) = FailureCause::from_context_result(result, class, syntax) {
            return Next::Skipped(cause, format!("presentation context {context}: result {result}"));
        }
        let command = Command::store_request(message_id(index), class, &instance.sop_instance_uid).encode();
        let path = instance.path_for_native(&self.lane.document.directory);
        match Object::open(&path, instance.data_set_at, &command, context, association.max_fragment, buffer) {
            Ok(object) => Next::Ready(object),
            Err(error) => {
                let Lost { cause, words, .. } = unreadable(&error);
                Next::Skipped(cause, words)
            }
        }
    }
}

/// The message ids count from 1 to 65,535, and then start again at 1.
fn message_id(index: usize) -> u16 {
    u16::try_from(index % usize::from(u16::MAX)).unwrap_or_default() + 1
}

fn failed(instance: &Instance, cause: FailureCause, words: &str) -> Failed {
    Failed { file: instance.file.clone(), cause, words: Some(words.to_owned()) }
}

fn unreadable(error: &std::io::Error) -> Lost {
    Lost::new(FailureCause::Unsendable { words: error.to_string() }, error.to_string())
}
