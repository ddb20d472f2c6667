//! Calls about the whole pool: certificates, the deprecated way to an SDN controller, VLANs on all hosts, mastership.

use super::{Call, certificate, sdn_controller, vlan, void};
use crate::{
    failure::{Answer, Failure},
    pool::Pool,
    simulator::mastership,
    value::Value,
};

pub(super) fn perform(call: &Call<'_>, name: &str) -> Option<Answer> {
    Some(match name {
        "certificate_install" | "install_ca_certificate" => certificate::install(call),
        "certificate_uninstall" | "uninstall_ca_certificate" => certificate::uninstall(call),
        "certificate_list" => Ok(certificate::list(call.pool)),
        "certificate_sync" => {
            certificate::sync(call.pool);
            void()
        }
        "crl_list" => Ok(Value::Set(Vec::new())),
        "set_vswitch_controller" => set_vswitch_controller(call),
        "create_VLAN_from_PIF" => create_vlan(call),
        "sync_database" => {
            call.pool.change(|state| state.backup = Some(state.database.clone()));
            void()
        }
        "designate_new_master" => call.object("host", 0).and_then(|host| {
            call.pool.host(&host)?;
            mastership::hand_over(call.pool, &host);
            void()
        }),
        "emergency_transition_to_master" => {
            mastership::seize(call.pool, call.host);
            void()
        }
        "emergency_reset_master" => {
            mastership::point_to(call.pool, call.host, call.text(0));
            void()
        }
        "recover_slaves" => Ok(Value::texts(mastership::recover_slaves(call.pool))),
        _ => return None,
    })
}

/// Deprecated: an address introduces an active controller, nothing forgets it.
fn set_vswitch_controller(call: &Call<'_>) -> Answer {
    let address = call.text(0);
    for controller in call.pool.read(|database| database.refs("SDN_controller")) {
        sdn_controller::forget(call.pool, &controller);
    }
    if !address.is_empty() {
        sdn_controller::introduce(call.pool, "ssl", address, 0)?;
    }
    call.pool.write(|database| {
        let pool = database.pool();
        database.set("pool", &pool, "vswitch_controller", Value::text(address));
    });
    void()
}

/// A VLAN on the PIF of the same network on each host.
fn create_vlan(call: &Call<'_>) -> Answer {
    let pif = call.object("PIF", 0)?;
    let network = call.object("network", 1)?;
    let tag = call.argument(2).as_int();
    let pifs = like_pifs(call.pool, &pif);
    let is_bonded = |pif: &&String| {
        call.pool.read(|database| !super::pif::is_null(database.text("PIF", pif, "bond_slave_of")))
    };
    if let Some(bonded) = pifs.iter().find(is_bonded) {
        return Err(Failure::new("CANNOT_ADD_VLAN_TO_BOND_SLAVE", [bonded]));
    }
    let made: Result<Vec<_>, _> =
        pifs.iter().map(|pif| vlan::create(call.pool, pif, tag, &network)).collect();
    Ok(Value::texts(made?.into_iter().map(|(_, untagged)| untagged)))
}

fn like_pifs(pool: &Pool, pif: &str) -> Vec<String> {
    pool.read(|database| database.texts("network", database.text("PIF", pif, "network"), "PIFs"))
}
