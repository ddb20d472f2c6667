//! `POOL:TRANSPORT[,prefer=HOST]`, or `POOL:network=NETWORK[,prefer=HOST]` by what a pool's XAPI calls the transport.

use std::{collections::BTreeMap, str::FromStr};

use anyhow::Result;
use asterism_api::{Class, Client, Failure, v1};
use asterism_model::{Name, PoolAttachmentSpec, TransportName};

use crate::{context::only, exit::usage, output::table::names};

/// A pool of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentArg {
    pool: Name,
    transport: TransportArg,
    preferred_host: Option<Name>,
}

/// A transport as operators write it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum TransportArg {
    Name(TransportName),
    /// A network of the pool's XAPI, by its label, its bridge or its uuid.
    Network(String),
}

impl FromStr for AttachmentArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = |what: &str| {
            format!("`{text}`: {what}; expected POOL:TRANSPORT[,prefer=HOST], as p1:storage,prefer=a")
        };
        let (pool, rest) = text.split_once(':').ok_or_else(|| error("there is no `:`"))?;
        // A label may hold commas: there the option is what comes last.
        let split = match rest.strip_prefix("network=") {
            Some(network) => network.rsplit_once(",prefer=").map(|(_, host)| ("prefer=", host)),
            None => rest.split_once(',').map(|(_, options)| ("", options)),
        };
        let transport = match split {
            Some((key, options)) => &rest[..rest.len() - key.len() - options.len() - 1],
            None => rest,
        };
        let preferred_host = match split.map(|(key, options)| (key, options.split_once('='))) {
            None => None,
            Some(("prefer=", _)) => split.map(|(_, host)| host),
            Some((_, Some(("prefer", host)))) => Some(host),
            Some(_) => return Err(error("the only option is `prefer`")),
        };
        let preferred_host = preferred_host.map(str::parse).transpose();
        Ok(Self {
            pool: pool.parse().map_err(|problem| error(&format!("{problem}")))?,
            transport: match transport.strip_prefix("network=") {
                Some("") => return Err(error("`network=` names none")),
                Some(network) => TransportArg::Network(network.to_owned()),
                None => {
                    TransportArg::Name(transport.parse().map_err(|problem| error(&format!("{problem}")))?)
                }
            },
            preferred_host: preferred_host.map_err(|problem| error(&format!("{problem}")))?,
        })
    }
}

/// All pools of one network, with the transports' names.
///
/// # Errors
/// A pool is given twice, or has no such network, or several.
pub async fn attachments(
    client: &mut Client,
    args: &[AttachmentArg],
) -> Result<BTreeMap<Name, PoolAttachmentSpec>> {
    let mut attachments = BTreeMap::new();
    for AttachmentArg { pool, transport, preferred_host } in args {
        if attachments.contains_key(pool) {
            return Err(usage(format!("--pool: `{pool}` is given twice; expected each pool once")));
        }
        let transport = match transport {
            TransportArg::Name(name) => name.clone(),
            TransportArg::Network(network) => transport_of(client, pool, network).await?,
        };
        let attachment = PoolAttachmentSpec { transport, preferred_host: preferred_host.clone() };
        attachments.insert(pool.clone(), attachment);
    }
    Ok(attachments)
}

async fn transport_of(client: &mut Client, pool: &Name, network: &str) -> Result<TransportName> {
    let request = v1::ListPoolsRequest { pool: Some(pool.to_string()), ..Default::default() };
    let found = only(client.call(request).await?.pools)?;
    let Some(xapi) = found.xapi else {
        return Err(usage(format!(
            "--pool: `{pool}` is a static one; expected {pool}:TRANSPORT, without `network=`"
        )));
    };
    let name = choose(pool, &xapi.transports, network)?;
    name.parse().map_err(|error| Failure::local(Class::Internal, format_args!("{name}: {error}")).into())
}

/// The transport that a network's label, bridge or uuid stands for.
fn choose<'a>(pool: &Name, transports: &'a [v1::PoolTransport], network: &str) -> Result<&'a str, Failure> {
    let by_name = transports.iter().find(|transport| transport.name == network || transport.uuid == network);
    if let Some(transport) = by_name {
        return Ok(&transport.name);
    }
    let labelled: Vec<&v1::PoolTransport> =
        transports.iter().filter(|transport| transport.label == network).collect();
    match labelled.as_slice() {
        [transport] => Ok(&transport.name),
        [] if !transports.is_empty() && transports.iter().all(|transport| transport.label.is_empty()) => {
            let what = format_args!(
                "the labels of pool `{pool}`'s networks are not known while its XAPI does not answer; name the bridge: {}",
                listed(transports.iter())
            );
            Err(Failure::local(Class::Unavailable, what))
        }
        [] => {
            let what = format_args!(
                "no network `{network}` of pool `{pool}` can carry tunnels; those that can: {}",
                listed(transports.iter())
            );
            Err(Failure::local(Class::NotFound, what))
        }
        several => {
            let what = format_args!(
                "several networks of pool `{pool}` are called `{network}`; name the bridge or the uuid: {}",
                listed(several.iter().copied())
            );
            Err(Failure::local(Class::Refused, what))
        }
    }
}

fn listed<'a>(transports: impl Iterator<Item = &'a v1::PoolTransport>) -> String {
    let shown: Vec<String> = transports
        .map(|transport| {
            let known = [&transport.label, &transport.uuid];
            let known: Vec<&String> = known.into_iter().filter(|text| !text.is_empty()).collect();
            if known.is_empty() {
                transport.name.clone()
            } else {
                format!("{} ({})", transport.name, names(&known))
            }
        })
        .collect();
    if shown.is_empty() {
        "none, since no host of it has an address on any".to_owned()
    } else {
        shown.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Option<Name> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn the_preferred_host_may_be_left_out() {
        let plain = "p1:storage".parse::<AttachmentArg>().unwrap();
        assert_eq!(plain.preferred_host, None);
        let preferring = "p1:storage,prefer=a".parse::<AttachmentArg>().unwrap();
        assert_eq!(preferring.preferred_host, name("a"));
        assert_eq!(preferring.transport, TransportArg::Name("storage".parse().unwrap()));
    }

    #[test]
    fn a_network_is_taken_as_it_is_called() {
        for (text, network, preferred) in [
            ("x:network=xenbr0", "xenbr0", None),
            ("x:network=Storage, fast,prefer=a", "Storage, fast", name("a")),
            ("x:network=a=b:c", "a=b:c", None),
        ] {
            let arg = text.parse::<AttachmentArg>().unwrap();
            assert_eq!(arg.transport, TransportArg::Network(network.to_owned()), "{text}");
            assert_eq!(arg.preferred_host, preferred, "{text}");
        }
    }

    #[test]
    fn an_error_says_what_is_wrong_and_what_would_be_valid() {
        for (bad, what) in [
            ("p1", "no `:`"),
            ("p1:", "is not a name"),
            (":storage", "is not a name"),
            ("p1:storage,prefer=", "is not a name"),
            ("p1:storage,mtu=9", "the only option"),
            ("p1:network=", "names none"),
            ("p1:network=x,prefer=", "is not a name"),
        ] {
            let error = bad.parse::<AttachmentArg>().unwrap_err();
            assert!(error.contains(what) && error.contains("POOL:TRANSPORT"), "{error}");
        }
    }

    #[test]
    fn a_label_stands_for_one_transport_or_none() {
        let transport = |name: &str, label: &str, uuid: &str| v1::PoolTransport {
            name: name.into(),
            label: label.into(),
            uuid: uuid.into(),
            hosts: 2,
        };
        let transports = [
            transport("xenbr0", "mgmt", "u0"),
            transport("xenbr1", "fast", "u1"),
            transport("xapi3", "fast", "u3"),
        ];
        let pool = "x".parse().unwrap();
        for (network, found) in [("mgmt", "xenbr0"), ("xenbr1", "xenbr1"), ("u3", "xapi3")] {
            assert_eq!(choose(&pool, &transports, network).unwrap(), found);
        }
        let several = choose(&pool, &transports, "fast").unwrap_err();
        assert_eq!(several.class, Class::Refused);
        assert!(several.message.contains("xenbr1 (fast, u1); xapi3 (fast, u3)"), "{several}");
        assert_eq!(choose(&pool, &transports, "slow").unwrap_err().class, Class::NotFound);
        let unlabelled = [transport("xenbr0", "", "")];
        let unknown = choose(&pool, &unlabelled, "mgmt").unwrap_err();
        assert!(unknown.class == Class::Unavailable && unknown.message.contains("xenbr0"), "{unknown}");
    }
}
