//! Why things are as they are: statements, and the statements that they rest on.

mod host;
mod mtu;
mod network;

use asterism_api::{ApiError, FieldError, convert, v1};
use asterism_model::{HostId, NetworkId, NetworkState};
use asterism_raft::View;

use super::{AdminService, live};
use crate::leader::LeadingView;

impl AdminService {
    pub(super) fn explanation(
        &self,
        view: &View,
        request: &v1::ExplainRequest,
    ) -> Result<v1::Explanation, ApiError> {
        let findings = match &request.subject {
            Some(v1::explain_request::Subject::Network(name)) => {
                let network = convert::find_network(&view.state, &convert::parse_name("network", name)?)?;
                self.explain_network(&view.state, network)
            }
            Some(v1::explain_request::Subject::Host(label)) => {
                let host = convert::find_host(&view.state, &convert::parse_host("host", label)?)?;
                self.explain_host(&view.state, host)
            }
            None => {
                return Err(FieldError::new("subject", "there is none: expected a network or a host").into());
            }
        };
        Ok(v1::Explanation { mark: Some(self.mark(view)), findings })
    }
}

pub(super) fn finding(rule: &str, text: String, because: Vec<v1::Finding>) -> v1::Finding {
    v1::Finding { rule: rule.to_owned(), text, because }
}

fn statement(rule: &str, text: impl Into<String>) -> v1::Finding {
    finding(rule, text.into(), Vec::new())
}

/// `uplink to p1/a, then p1/b`, which of them is in use, and BFD's interval; each as far as it is known.
fn way_up(
    state: &NetworkState,
    leading: Option<&LeadingView>,
    network: NetworkId,
    host: HostId,
    uplinks: &[HostId],
) -> Vec<String> {
    let Some(first) = uplinks.first() else { return Vec::new() };
    let names: Vec<String> = uplinks.iter().map(|uplink| state.host_label(*uplink)).collect();
    let mut words = vec![format!("uplink to {}", names.join(", then "))];
    let Some(leading) = leading else { return words };
    let ends: Vec<(HostId, live::End<'_>)> = uplinks
        .iter()
        .filter_map(|uplink| Some((*uplink, live::end(leading, network, host, *uplink)?)))
        .collect();
    words.push(match ends.iter().find(|(_, end)| end.is_active() == Some(true)) {
        Some((uplink, end)) if !live::is_up(end.state()) => {
            format!("the one to {} is not up", state.host_label(*uplink))
        }
        Some((uplink, _)) if uplink == first => "it uses the first".to_owned(),
        Some((uplink, _)) => format!("it uses the one to {}", state.host_label(*uplink)),
        None if ends.is_empty() => "not seen".to_owned(),
        None => "its switch does not say which one it uses".to_owned(),
    });
    let interval = ends.iter().map(|(_, end)| end.interval_ms()).max().filter(|interval| *interval > 0);
    words.extend(interval.map(|interval| format!("BFD every {interval} ms")));
    words
}
