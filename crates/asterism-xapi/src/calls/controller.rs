//! `SDN_controller.introduce`: what makes every host listen on 6640.

use serde_json::json;

use crate::{
    calls::{Caller, NotDone},
    error::CallError,
    records::{Class, Records, SdnControllerRecord},
};

impl Caller {
    /// Has every host listen, unless they do. Never forgets a controller: that resets each host's OVSDB.
    pub(super) async fn introduce_controller(&self) -> Result<(), NotDone> {
        if let Some(there) = self.records.sdn_controllers.values().next() {
            return judge(there);
        }
        match self.act("SDN_controller.introduce", vec![json!("pssl")]).await {
            Ok(_) => Ok(()),
            // There is one already, that came meanwhile, or the version words another reason so.
            Err(CallError::Failed(failure)) if failure.is("OPERATION_NOT_ALLOWED") => {
                let all = self.call(Class::SdnController.all_records(), vec![]).await?;
                let mut records = Records::default();
                let _understood = records.replace(Class::SdnController, &all);
                match records.sdn_controllers.values().next() {
                    Some(there) => judge(there),
                    None => Err(CallError::Failed(failure).into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn judge(there: &SdnControllerRecord) -> Result<(), NotDone> {
    if there.protocol == "pssl" {
        return Ok(());
    }
    Err(NotDone::Because(format!(
        "the pool's hosts dial the SDN controller {}: expected none, or one of protocol pssl",
        crate::failure::shown(&there.address)
    )))
}
