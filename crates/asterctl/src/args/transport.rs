//! `NAME=ADDRESS[,mtu=BYTES]`

use std::{collections::BTreeMap, str::FromStr};

use anyhow::Result;
use asterism_model::{Transport, TransportName};

use crate::exit::usage;

/// What an Ethernet carries unless told otherwise, in bytes.
const ETHERNET_MTU: u16 = 1500;

/// A transport of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportArg {
    name: TransportName,
    transport: Transport,
}

impl FromStr for TransportArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = |what: &str| {
            format!("`{text}`: {what}; expected NAME=ADDRESS[,mtu=BYTES], as storage=10.20.1.1,mtu=9000")
        };
        let (name, rest) = text.split_once('=').ok_or_else(|| error("there is no `=`"))?;
        let name = name.parse().map_err(|problem| error(&format!("{problem}")))?;
        let (address, options) = match rest.split_once(',') {
            Some((address, options)) => (address, Some(options)),
            None => (rest, None),
        };
        let address = address.parse().map_err(|_| error(&format!("`{address}` is not an IP address")))?;
        let mtu = match options.map(|options| options.split_once('=')) {
            None => ETHERNET_MTU,
            Some(Some(("mtu", bytes))) => bytes
                .parse()
                .map_err(|_| error(&format!("`{bytes}` is not a number of bytes up to 65535")))?,
            Some(_) => return Err(error("the only option is `mtu`")),
        };
        Ok(Self { name, transport: Transport { address, mtu } })
    }
}

/// All transports of one host.
pub fn transports(args: &[TransportArg]) -> Result<BTreeMap<TransportName, Transport>> {
    let mut transports = BTreeMap::new();
    for TransportArg { name, transport } in args {
        if transports.insert(name.clone(), *transport).is_some() {
            return Err(usage(format!("--transport: `{name}` is given twice; expected each name once")));
        }
    }
    Ok(transports)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, u16), String> {
        text.parse::<TransportArg>()
            .map(|arg| (format!("{}={}", arg.name, arg.transport.address), arg.transport.mtu))
    }

    #[test]
    fn the_mtu_may_be_left_out() {
        assert_eq!(read("storage=10.20.1.1"), Ok(("storage=10.20.1.1".into(), 1500)));
        assert_eq!(read("storage=fd00::1,mtu=9000"), Ok(("storage=fd00::1".into(), 9000)));
    }

    #[test]
    fn an_error_says_what_is_wrong_and_what_would_be_valid() {
        for (bad, what) in [
            ("storage", "no `=`"),
            ("a b=10.0.0.1", "is not a name"),
            ("storage=10.0.0", "is not an IP address"),
            ("storage=10.0.0.1,mtu=x", "is not a number"),
            ("storage=10.0.0.1,mtu=70000", "up to 65535"),
            ("storage=10.0.0.1,speed=1", "the only option"),
        ] {
            let error = read(bad).unwrap_err();
            assert!(error.contains(what) && error.contains("NAME=ADDRESS"), "{error}");
        }
    }

    #[test]
    fn a_transport_given_twice_is_wrong_usage() {
        let twice = ["storage=10.0.0.1".parse().unwrap(), "storage=10.0.0.2".parse().unwrap()];
        assert!(transports(&twice).unwrap_err().to_string().contains("given twice"));
    }
}
