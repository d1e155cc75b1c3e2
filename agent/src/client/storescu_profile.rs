//! storescu's profile. It proposes exactly the SOP classes and transfer syntaxes of the dataset.
//!
//! By default storescu proposes no compressed transfer syntax, and would decompress or refuse compressed instances. The
//! profile has a presentation context for each pair, so that every instance is sent unchanged.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::dataset::Dataset;
use crate::failure::Failure;

/// The profile's name in the file.
pub const PROFILE_NAME: &str = "Dataset";
/// Presentation context IDs are odd and take one byte (PS3.8 9.3.2.2).
const MAX_CONTEXTS: usize = 128;

/// Returns a configuration file for `storescu -xf` (DCMTK, asconfig.txt).
///
/// # Errors
/// `DatasetFailed` if the dataset needs more presentation contexts than one association has.
pub fn storescu_profile(dataset: &Dataset) -> Result<String, Failure> {
    let pairs: BTreeSet<(&str, &str)> = dataset
        .instances
        .iter()
        .map(|instance| (instance.sop_class_uid.as_str(), instance.transfer_syntax_uid.as_str()))
        .collect();
    if pairs.len() > MAX_CONTEXTS {
        return Err(Failure::DatasetFailed(format!(
            "it has {} pairs of SOP class and transfer syntax, and an association carries {MAX_CONTEXTS} at most",
            pairs.len()
        )));
    }
    let syntaxes: Vec<&str> = pairs.iter().map(|pair| pair.1).collect::<BTreeSet<_>>().into_iter().collect();
    let mut text = String::from("[[TransferSyntaxes]]\n");
    for (number, syntax) in syntaxes.iter().enumerate() {
        let _ = write!(text, "[Syntax{number}]\nTransferSyntax1 = {syntax}\n");
    }
    text.push_str("[[PresentationContexts]]\n[Contexts]\n");
    for (context, (class, syntax)) in pairs.iter().enumerate() {
        let number = syntaxes.iter().position(|other| other == syntax).unwrap_or_default();
        let _ = writeln!(text, "PresentationContext{} = {class}\\Syntax{number}", context + 1);
    }
    let _ = write!(text, "[[Profiles]]\n[{PROFILE_NAME}]\nPresentationContexts = Contexts\n");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::super::dataset::Instance;
    use super::*;

    fn dataset(pairs: &[(String, &str)]) -> Dataset {
        let instance = |(class, syntax): &(String, &str)| Instance {
            file: "000001.dcm".to_owned(),
            bytes: 1,
            sop_instance_uid: "1.2.3".to_owned(),
            sop_class_uid: class.clone(),
            transfer_syntax_uid: (*syntax).to_owned(),
            sent_file: None,
        };
        Dataset { instances: pairs.iter().map(instance).collect() }
    }

    #[test]
    fn each_pair_is_proposed_once() {
        let class = "1.2.840.10008.5.1.4.1.1.2".to_owned();
        let pairs = [
            (class.clone(), "1.2.840.10008.1.2.1"),
            (class.clone(), "1.2.840.10008.1.2.4.90"),
            (class, "1.2.840.10008.1.2.1"),
        ];
        let profile = storescu_profile(&dataset(&pairs)).expect("a profile");
        assert_eq!(
            profile,
            "[[TransferSyntaxes]]\n[Syntax0]\nTransferSyntax1 = 1.2.840.10008.1.2.1\n[Syntax1]\n\
             TransferSyntax1 = 1.2.840.10008.1.2.4.90\n[[PresentationContexts]]\n[Contexts]\n\
             PresentationContext1 = 1.2.840.10008.5.1.4.1.1.2\\Syntax0\n\
             PresentationContext2 = 1.2.840.10008.5.1.4.1.1.2\\Syntax1\n\
             [[Profiles]]\n[Dataset]\nPresentationContexts = Contexts\n"
        );
    }

    #[test]
    fn more_pairs_than_an_association_carries_are_refused() {
        let pairs: Vec<_> = (0..129).map(|number| (format!("1.2.3.{number}"), "1.2.840.10008.1.2.1")).collect();
        assert!(storescu_profile(&dataset(&pairs[..128])).is_ok());
        let error = storescu_profile(&dataset(&pairs)).expect_err("too many").to_string();
        assert!(error.contains("129 pairs"), "{error}");
    }
}
