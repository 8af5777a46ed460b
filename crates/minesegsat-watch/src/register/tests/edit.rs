//! Changes by several editors.

use super::*;

fn current(register: &Register, site: &SiteId) -> String {
    revision(&register.known_site(site).unwrap(), &register.permits(site).unwrap())
}

fn renamed(name: &str) -> SiteEdit {
    SiteEdit { name: Some(name.to_owned()), ..SiteEdit::default() }
}

#[test]
fn of_two_editors_who_saw_the_same_the_second_overwrites_nothing() {
    let folder = folder();
    let register = new_register(&folder);
    register.add_site(&site("a")).unwrap();
    let seen = current(&register, &id("a"));
    assert_eq!(seen.len(), 16);
    assert!(register.edit_site(&id("a"), &seen, renamed("First")).unwrap().is_some());
    assert!(register.edit_site(&id("a"), &seen, renamed("Second")).unwrap().is_none());
    let late = permit("a", "P-1", date(2024, 1, 1), None);
    assert!(register.add_permit_to(&seen, &late).unwrap().is_none());
    assert!(register.supersede_permit_of(&seen, &late).unwrap().is_none());
    assert!(register.remove_permit_of(&id("a"), &seen, "P-1", None).unwrap().is_none());
    assert_eq!(register.known_site(&id("a")).unwrap().name, "First");
    assert!(register.permits(&id("a")).unwrap().is_empty());
    assert!(register.edit_site(&id("b"), &seen, renamed("x")).is_err());
}

#[test]
fn a_revision_follows_values_boundary_and_permits_and_no_observation() {
    let folder = folder();
    let register = new_register(&folder);
    register.add_site(&site("a")).unwrap();
    let site_id = id("a");
    let mut seen = vec![current(&register, &site_id)];
    let mut edit = |edit: SiteEdit| {
        let last = seen.last().unwrap().clone();
        assert!(register.edit_site(&site_id, &last, edit).unwrap().is_some());
        seen.push(current(&register, &site_id));
    };
    edit(SiteEdit { operator: Some(String::new()), ..SiteEdit::default() });
    edit(SiteEdit { commodity: Some("gold".to_owned()), ..SiteEdit::default() });
    edit(SiteEdit { status: Some(SiteStatus::Closed), ..SiteEdit::default() });
    edit(SiteEdit { boundary: Some(boundary_of_bbox([-121.3, 55.0, -121.1, 55.1])), ..SiteEdit::default() });
    assert_eq!(register.known_site(&site_id).unwrap().operator, None);
    let first = permit("a", "P-1", date(2022, 1, 1), None);
    assert!(register.add_permit_to(seen.last().unwrap(), &first).unwrap().is_some());
    seen.push(current(&register, &site_id));
    let second = permit("a", "P-2", date(2024, 1, 1), None);
    let (_, ended) = register.supersede_permit_of(seen.last().unwrap(), &second).unwrap().unwrap();
    assert_eq!(ended.unwrap().valid_to, Some(date(2023, 12, 31)));
    seen.push(current(&register, &site_id));
    assert!(register.remove_permit_of(&site_id, seen.last().unwrap(), "P-2", None).unwrap().is_some());
    seen.push(current(&register, &site_id));
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), all);
    let before = current(&register, &site_id);
    store(&register, &observation("a", date(2024, 7, 1)));
    assert_eq!(current(&register, &site_id), before);
}

#[test]
fn an_id_that_is_taken_gets_a_number() {
    let folder = folder();
    let register = new_register(&folder);
    assert_eq!(register.free_id("R\u{ed}o Pardo").unwrap(), id("rio-pardo"));
    register.add_site(&site("rio-pardo")).unwrap();
    register.add_site(&site("rio-pardo-2")).unwrap();
    assert_eq!(register.free_id("R\u{ed}o Pardo").unwrap(), id("rio-pardo-3"));
    assert!(register.free_id("--- ").unwrap_err().to_string().contains("a letter or a digit"));
}

#[test]
fn a_site_is_removed_by_the_revision_that_was_read_and_observations_only_if_forced() {
    let folder = folder();
    let register = new_register(&folder);
    register.add_site(&site("a")).unwrap();
    register.add_site(&site("b")).unwrap();
    register.add_permit(&permit("a", "P-1", date(2022, 1, 1), None)).unwrap();
    store(&register, &observation("a", date(2024, 5, 1)));
    let seen = current(&register, &id("a"));
    refused(register.remove_site_of(&id("a"), &seen, false), &["1 observation", "would be lost"]);
    assert_eq!(register.permits(&id("a")).unwrap().len(), 1, "nothing is removed in part");
    assert!(register.edit_site(&id("a"), &seen, renamed("Another")).unwrap().is_some());
    assert!(register.remove_site_of(&id("a"), &seen, true).unwrap().is_none());
    let seen = current(&register, &id("a"));
    let removed = register.remove_site_of(&id("a"), &seen, true).unwrap().unwrap();
    assert_eq!(removed, Removed { permits: 1, observations: 1 });
    assert_eq!(register.sites().unwrap(), [site("b")]);
    register.integrity_check().unwrap();
}
