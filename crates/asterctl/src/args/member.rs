//! `ID=HOST:PORT`

use std::str::FromStr;

/// A replica of a cluster to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberArg {
    pub node: u64,
    pub address: String,
}

impl FromStr for MemberArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || format!("`{text}` is not a member: expected ID=HOST:PORT, as 1=10.0.0.1:7400");
        let (node, address) = text.split_once('=').ok_or_else(error)?;
        let node = node.parse().map_err(|_| error())?;
        let (host, port) = address.rsplit_once(':').ok_or_else(error)?;
        match port.parse::<u16>() {
            Ok(1..) if !host.is_empty() => Ok(Self { node, address: address.to_owned() }),
            Ok(_) | Err(_) => Err(error()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_a_number_and_an_address() {
        let member = "3=[fd00::1]:7400".parse::<MemberArg>().unwrap();
        assert_eq!(member, MemberArg { node: 3, address: "[fd00::1]:7400".into() });
        for bad in ["10.0.0.1:7400", "x=10.0.0.1:7400", "1=10.0.0.1", "1=:7400", "1=a:0", "1=a:99999"] {
            assert!(bad.parse::<MemberArg>().unwrap_err().contains("ID=HOST:PORT"), "{bad}");
        }
    }
}
