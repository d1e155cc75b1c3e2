//! The division of instances into associations. An association carries a limited number of presentation contexts.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::ops::Range;

use dicomperf_model::dataset::MAX_CONTEXTS;

/// Divides instances, in order, into associations. An association ends before the instance that would exceed
/// `instances_per_association`, or that would need a 129th presentation context. `contexts` has the pair of SOP class
/// and transfer syntax of each instance.
pub fn divide<'a>(
    contexts: impl IntoIterator<Item = (&'a str, &'a str)>,
    instances_per_association: Option<NonZeroU32>,
) -> Vec<Range<usize>> {
    let most = instances_per_association.map_or(usize::MAX, |count| count.get() as usize);
    let mut associations = Vec::new();
    let mut proposed = BTreeSet::new();
    let mut current = 0..0;
    for context in contexts {
        let is_full = proposed.len() == MAX_CONTEXTS && !proposed.contains(&context);
        if is_full || current.len() == most {
            associations.push(current.clone());
            proposed.clear();
            current.start = current.end;
        }
        proposed.insert(context);
        current.end += 1;
    }
    if !current.is_empty() {
        associations.push(current);
    }
    associations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(classes: &[String], most: Option<u32>) -> Vec<usize> {
        let contexts = classes.iter().map(|class| (class.as_str(), "1.2.840.10008.1.2.1"));
        let associations = divide(contexts, most.and_then(NonZeroU32::new));
        assert_eq!(associations.first().map_or(0, |first| first.start), 0);
        assert!(associations.windows(2).all(|pair| pair[0].end == pair[1].start));
        associations.into_iter().map(|range| range.len()).collect()
    }

    #[test]
    fn the_129th_context_begins_another_association() {
        let classes: Vec<_> = (0..129).map(|number| format!("1.2.3.{number}")).collect();
        assert_eq!(lengths(&classes, None), [128, 1]);
        assert_eq!(lengths(&classes[..128], None), [128]);
        // An instance of a context that was proposed already still fits.
        let mut repeated = classes[..128].to_vec();
        repeated.extend_from_slice(&classes[..5]);
        assert_eq!(lengths(&repeated, None), [133]);
    }

    #[test]
    fn an_association_has_at_most_the_requested_number_of_instances() {
        let classes = vec!["1.2.3".to_owned(); 5];
        assert_eq!(lengths(&classes, Some(2)), [2, 2, 1]);
        assert_eq!(lengths(&classes, Some(5)), [5]);
        assert_eq!(lengths(&[], Some(2)), [0; 0]);
    }
}
