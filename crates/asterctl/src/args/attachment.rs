//! `POOL:TRANSPORT[,prefer=HOST]`

use std::{collections::BTreeMap, str::FromStr};

use anyhow::Result;
use asterism_model::{Name, PoolAttachmentSpec};

use crate::exit::usage;

/// A pool of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentArg {
    pool: Name,
    attachment: PoolAttachmentSpec,
}

impl FromStr for AttachmentArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = |what: &str| {
            format!("`{text}`: {what}; expected POOL:TRANSPORT[,prefer=HOST], as p1:storage,prefer=a")
        };
        let (pool, rest) = text.split_once(':').ok_or_else(|| error("there is no `:`"))?;
        let (transport, options) = match rest.split_once(',') {
            Some((transport, options)) => (transport, Some(options)),
            None => (rest, None),
        };
        let preferred_host = match options.map(|options| options.split_once('=')) {
            None => None,
            Some(Some(("prefer", host))) => {
                Some(host.parse().map_err(|problem| error(&format!("{problem}")))?)
            }
            Some(_) => return Err(error("the only option is `prefer`")),
        };
        Ok(Self {
            pool: pool.parse().map_err(|problem| error(&format!("{problem}")))?,
            attachment: PoolAttachmentSpec {
                transport: transport.parse().map_err(|problem| error(&format!("{problem}")))?,
                preferred_host,
            },
        })
    }
}

/// All pools of one network.
pub fn attachments(args: &[AttachmentArg]) -> Result<BTreeMap<Name, PoolAttachmentSpec>> {
    let mut attachments = BTreeMap::new();
    for AttachmentArg { pool, attachment } in args {
        if attachments.insert(pool.clone(), attachment.clone()).is_some() {
            return Err(usage(format!("--pool: `{pool}` is given twice; expected each pool once")));
        }
    }
    Ok(attachments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_host_may_be_left_out() {
        let plain = "p1:storage".parse::<AttachmentArg>().unwrap();
        assert_eq!(plain.attachment.preferred_host, None);
        let preferring = "p1:storage,prefer=a".parse::<AttachmentArg>().unwrap();
        assert_eq!(preferring.attachment.preferred_host, Some("a".parse().unwrap()));
        assert_eq!(preferring.attachment.transport.as_str(), "storage");
    }

    #[test]
    fn an_error_says_what_is_wrong_and_what_would_be_valid() {
        for (bad, what) in [
            ("p1", "no `:`"),
            ("p1:", "is not a name"),
            (":storage", "is not a name"),
            ("p1:storage,prefer=", "is not a name"),
            ("p1:storage,mtu=9", "the only option"),
        ] {
            let error = bad.parse::<AttachmentArg>().unwrap_err();
            assert!(error.contains(what) && error.contains("POOL:TRANSPORT"), "{error}");
        }
    }

    #[test]
    fn a_pool_given_twice_is_wrong_usage() {
        let twice = ["p1:storage".parse().unwrap(), "p1:vm".parse().unwrap()];
        assert!(attachments(&twice).unwrap_err().to_string().contains("given twice"));
    }
}
