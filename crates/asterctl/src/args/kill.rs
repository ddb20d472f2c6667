//! `host:p1/a`, `pool:p1`, `link:p1/a,p1/b` or `controller:2`: what dies.

use std::str::FromStr;

use asterism_api::v1::{self, kill::What};
use asterism_model::{HostRef, Name};

const EXPECTED: &str = "expected host:POOL/HOST, pool:POOL, link:POOL/HOST,POOL/HOST or controller:ID";

#[derive(Debug, Clone, PartialEq)]
pub struct KillArg(pub v1::Kill);

impl FromStr for KillArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = text.split_once(':').ok_or_else(|| format!("`{text}`: {EXPECTED}"))?;
        let host = |text: &str| text.parse::<HostRef>().map(|host| host.to_string());
        let what = match kind {
            "host" => What::Host(host(name)?),
            "pool" => What::Pool(name.parse::<Name>().map_err(|error| error.to_string())?.to_string()),
            "link" => {
                let (one, other) = name
                    .split_once(',')
                    .ok_or_else(|| format!("`{name}` is not a link: expected POOL/HOST,POOL/HOST"))?;
                let (one, other) = (host(one)?, host(other)?);
                if one == other {
                    return Err(format!("`{name}` is not a link: expected two hosts"));
                }
                What::Link(v1::LinkKill { one, other })
            }
            "controller" => What::Controller(
                name.parse().map_err(|_| format!("`{name}` is not a node id: expected a number"))?,
            ),
            _ => return Err(format!("`{kind}`: {EXPECTED}")),
        };
        Ok(Self(v1::Kill { what: Some(what) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_can_die_has_its_spelling() {
        let read = |text: &str| text.parse::<KillArg>().map(|arg| arg.0.what.unwrap());
        assert_eq!(read("host:p1/a"), Ok(What::Host("p1/a".into())));
        assert_eq!(read("pool:p1"), Ok(What::Pool("p1".into())));
        let link = v1::LinkKill { one: "p1/a".into(), other: "p2/b".into() };
        assert_eq!(read("link:p1/a,p2/b"), Ok(What::Link(link)));
        assert_eq!(read("controller:2"), Ok(What::Controller(2)));
        for wrong in ["p1/a", "host:a", "pool:p/1", "link:p1/a", "link:p1/a,p1/a", "controller:two", "vm:x"] {
            assert!(read(wrong).unwrap_err().contains("expected"), "{wrong}");
        }
    }
}
