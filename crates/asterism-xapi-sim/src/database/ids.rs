//! References, uuids and MACs that look random and are not.
//!
//! Pure: the same seed gives the same names in the same order, so that a test that fails can be run again.

use crate::value;

/// A generator of names.
#[derive(Clone, Debug)]
pub struct Ids(u64);

impl Ids {
    /// A generator for a seed.
    pub fn new(seed: u64) -> Ids {
        Ids(seed)
    }

    /// A fresh uuid in lower-case hexadecimal.
    pub fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        let (one, two, three) = (high >> 32, (high >> 16) & 0xffff, high & 0xffff);
        let (four, five) = (low >> 48, low & 0xffff_ffff_ffff);
        format!("{one:08x}-{two:04x}-{three:04x}-{four:04x}-{five:012x}")
    }

    /// A fresh reference.
    pub fn reference(&mut self) -> String {
        format!("{}{}", &value::NULL[.."OpaqueRef:".len()], self.uuid())
    }

    /// A fresh MAC, locally administered and of one station.
    pub fn mac(&mut self) -> String {
        let mut bytes = self.next().to_be_bytes();
        bytes[0] = (bytes[0] | 0x02) & 0xfe;
        let octets: Vec<String> = bytes[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        octets.join(":")
    }

    /// The next number of splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators").
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_names() {
        let (mut one, mut other) = (Ids::new(7), Ids::new(7));
        assert_eq!(one.reference(), other.reference());
        assert_ne!(one.reference(), one.reference());
    }

    #[test]
    fn names_have_xapis_shape() {
        let mut ids = Ids::new(1);
        let reference = ids.reference();
        assert!(reference.starts_with("OpaqueRef:") && reference.len() == "OpaqueRef:".len() + 36);
        let mac = ids.mac();
        assert_eq!(u8::from_str_radix(&mac[..2], 16).unwrap() & 0x03, 0x02, "{mac} is not a local station's");
    }
}
