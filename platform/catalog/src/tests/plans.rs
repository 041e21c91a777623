//! Plans, and the tenants that have them.

use super::*;

fn plan(name: &str, event_retention_days: Option<u32>) -> Plan {
    Plan { name: name.parse().unwrap(), event_retention_days }
}

#[test]
fn a_plan_that_is_changed_is_changed_for_all_its_tenants() {
    let (catalog, _) = catalog();
    let (free, paid) = (plan("free", Some(30)), plan("paid", None));
    for plan in [&free, &paid] {
        catalog.set_plan(plan, &audit("plan.set")).unwrap();
    }
    let [acme, globex, initech] = ["acme", "globex", "initech"].map(|name| reserve(&catalog, name).0);
    for tenant in [acme, globex] {
        catalog.set_tenant_plan(tenant, Some(&free.name), &audit("tenant.plan")).unwrap();
    }
    assert_eq!(catalog.plans().unwrap(), [(free.clone(), 2), (paid.clone(), 0)]);
    let of = |id| catalog.tenant(id).unwrap().plan;
    assert_eq!([of(acme), of(globex), of(initech)], [Some(free.clone()), Some(free.clone()), None]);

    let longer = plan("free", Some(90));
    catalog.set_plan(&longer, &audit("plan.set")).unwrap();
    catalog.set_tenant_plan(globex, None, &audit("tenant.plan")).unwrap();
    assert_eq!([of(acme), of(globex)], [Some(longer.clone()), None]);
    assert_eq!(catalog.plans().unwrap(), [(longer, 1), (paid, 0)]);
}

#[test]
fn what_does_not_exist_is_named() {
    let (catalog, _) = catalog();
    let (acme, _) = reserve(&catalog, "acme");
    let free = plan("free", Some(30));
    assert_eq!(code(catalog.set_tenant_plan(acme, Some(&free.name), &audit("tenant.plan"))), "NO_PLAN");
    catalog.set_plan(&free, &audit("plan.set")).unwrap();
    assert_eq!(code(catalog.set_tenant_plan(TenantId::generate(), Some(&free.name), &audit("tenant.plan"))), "NO_TENANT");
    assert_eq!(catalog.verify_audit_log().unwrap(), 1, "what was refused left no entry");
}

#[test]
fn events_expire_by_the_days_of_the_plan() {
    let now = "2026-03-31T12:00:00Z".parse().unwrap();
    assert_eq!(plan("a", Some(30)).events_expire_before(now), Some("2026-03-01T12:00:00Z".parse().unwrap()));
    assert_eq!(plan("a", None).events_expire_before(now), None);
    assert_eq!(plan("a", Some(u32::MAX)).events_expire_before(now), None);
}
