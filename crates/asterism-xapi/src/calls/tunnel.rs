//! `tunnel` and its access PIF: what makes a network's bridge on one host.

use std::collections::BTreeMap;

use asterism_model::{Encapsulation, ObjectRef};
use serde_json::{Value, json};

use crate::{
    calls::{Caller, NotDone, wrong},
    error::CallError,
    failure::{FailureKind, XapiFailure},
    records::{Fields, PifRecord, Record},
};

impl Caller {
    /// Makes the host's tunnel and plugs it. XAPI allows one for each host and network: where there is one already, or
    /// was left by a creation that failed at plugging, that one is plugged.
    pub(super) async fn create_tunnel(
        &self,
        network: &ObjectRef,
        transport: &ObjectRef,
        protocol: Encapsulation,
    ) -> Result<(), NotDone> {
        let protocol = match protocol {
            Encapsulation::Vxlan => "vxlan",
            Encapsulation::Gre => "gre",
            Encapsulation::Geneve => {
                return Err(NotDone::Because("XAPI knows no geneve: expected vxlan or gre".to_owned()));
            }
        };
        match self.tunnel_create(network, transport, protocol).await? {
            Ok(_tunnel) => Ok(()),
            Err(failure) if failure.is("NETWORK_ALREADY_CONNECTED") => {
                let there = failure.params.get(1).map(|pif| ObjectRef(pif.clone()));
                let there = there.ok_or_else(|| wrong("tunnel.create", "the PIF that is there"))?;
                self.plug(&there).await
            }
            Err(failure) => Err(CallError::Failed(failure).into()),
        }
    }

    /// Versions before 8.2's take no protocol, and mean GRE.
    async fn tunnel_create(
        &self,
        network: &ObjectRef,
        transport: &ObjectRef,
        protocol: &str,
    ) -> Result<Result<Value, XapiFailure>, NotDone> {
        let method = "tunnel.create";
        let mut params = vec![json!(transport.0), json!(network.0), json!(protocol)];
        let mut done = self.act(method, params.clone()).await;
        if let Err(CallError::Failed(failure)) = &done
            && failure.kind() == FailureKind::ParameterCount
        {
            if protocol != "gre" {
                let reason = format!("this version of XAPI has no {protocol} tunnels: expected gre");
                return Err(NotDone::Because(reason));
            }
            params.truncate(2);
            done = self.act(method, params).await;
        }
        match done {
            Ok(tunnel) => Ok(Ok(tunnel)),
            Err(CallError::Failed(failure)) => Ok(Err(failure)),
            Err(error) => Err(error.into()),
        }
    }

    /// Plugs an access PIF, unless it is: plugging configures the transport's bridge again, and the host works for it.
    pub(super) async fn plug(&self, pif: &ObjectRef) -> Result<(), NotDone> {
        let method = "PIF.get_record";
        if let Some(record) = self.session.record(method, pif, self.deadlines.call).await?
            && PifRecord::read(&Fields::of(&record)).is_attached
        {
            return Ok(());
        }
        Ok(self.act("PIF.plug", vec![json!(pif.0)]).await.map(drop)?)
    }

    pub(super) async fn set_status(
        &self,
        tunnel: &ObjectRef,
        status: &BTreeMap<String, String>,
    ) -> Result<(), NotDone> {
        Ok(self.call("tunnel.set_status", vec![json!(tunnel.0), json!(status)]).await.map(drop)?)
    }
}
