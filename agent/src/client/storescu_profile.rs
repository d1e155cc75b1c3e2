//! storescu's profile. It proposes exactly the SOP classes and transfer syntaxes of one association.
//!
//! By default storescu proposes no compressed transfer syntax, and would decompress or refuse compressed instances. The
//! profile has a presentation context for each pair, so that every instance is sent unchanged.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::dataset::Instance;

/// The profile's name in the file.
pub const PROFILE_NAME: &str = "Dataset";

/// Returns a configuration file for `storescu -xf` (DCMTK, asconfig.txt) with the presentation contexts of these
/// instances.
#[must_use]
pub fn storescu_profile<'a>(instances: impl IntoIterator<Item = &'a Instance>) -> String {
    let pairs: BTreeSet<(&str, &str)> = instances.into_iter().map(Instance::presentation_context).collect();
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
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_is_proposed_once() {
        let instance = |syntax: &str| Instance {
            file: "000001.dcm".to_owned(),
            bytes: 1,
            sop_instance_uid: "1.2.3".to_owned(),
            sop_class_uid: "1.2.840.10008.5.1.4.1.1.2".to_owned(),
            study_instance_uid: "1.2.3.1".to_owned(),
            series_instance_uid: "1.2.3.2".to_owned(),
            transfer_syntax_uid: syntax.to_owned(),
            data_set_at: 300,
            sent_file: None,
        };
        let instances = ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.1"].map(instance);
        assert_eq!(
            storescu_profile(&instances),
            "[[TransferSyntaxes]]\n[Syntax0]\nTransferSyntax1 = 1.2.840.10008.1.2.1\n[Syntax1]\n\
             TransferSyntax1 = 1.2.840.10008.1.2.4.90\n[[PresentationContexts]]\n[Contexts]\n\
             PresentationContext1 = 1.2.840.10008.5.1.4.1.1.2\\Syntax0\n\
             PresentationContext2 = 1.2.840.10008.5.1.4.1.1.2\\Syntax1\n\
             [[Profiles]]\n[Dataset]\nPresentationContexts = Contexts\n"
        );
    }
}
