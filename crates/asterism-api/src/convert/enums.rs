//! Enums that both sides have: variant for variant, with `UNSPECIFIED` on the wire alone.

use asterism_model::{
    Cause, Datapath, Detection, DrainExtent, Encapsulation, Mode, Rank, Resilience, Uplinks, pool::Standing,
};

use super::FieldError;
use crate::v1;

/// An enum on the wire that mirrors one of the model.
pub trait Mirror: Sized + TryFrom<i32> {
    type Model;
    /// All of the model's, for errors.
    const EXPECTED: &'static str;

    /// `None` for `UNSPECIFIED`.
    fn to_model(self) -> Option<Self::Model>;
}

/// The model's value of a field that holds an enum; `None` for `UNSPECIFIED`.
///
/// # Errors
/// The number is of no variant: a newer client's.
pub fn known<P: Mirror>(field: &str, number: i32) -> Result<Option<P::Model>, FieldError> {
    match P::try_from(number) {
        Ok(value) => Ok(value.to_model()),
        Err(_) => {
            Err(FieldError::new(field, format_args!("{number} is not known: expected {}", P::EXPECTED)))
        }
    }
}

macro_rules! mirror {
    ($name:ident { $first:ident = $first_text:literal $(, $variant:ident = $text:literal)* }) => {
        impl From<$name> for v1::$name {
            fn from(value: $name) -> Self {
                match value {
                    $name::$first => Self::$first,
                    $($name::$variant => Self::$variant,)*
                }
            }
        }

        impl Mirror for v1::$name {
            type Model = $name;
            const EXPECTED: &'static str = concat!($first_text $(, ", ", $text)*);

            fn to_model(self) -> Option<$name> {
                match self {
                    Self::Unspecified => None,
                    Self::$first => Some($name::$first),
                    $(Self::$variant => Some($name::$variant),)*
                }
            }
        }
    };
}

mirror!(Cause {
    First = "first",
    Preferred = "preferred",
    Disabled = "disabled",
    Removed = "removed",
    Dead = "dead",
    CutOff = "cut_off",
    Moved = "moved"
});
mirror!(Datapath { System = "system", Netdev = "netdev" });
mirror!(Detection { Normal = "normal", Fast = "fast" });
mirror!(DrainExtent { Announced = "announced", Standby = "standby", All = "all", Cut = "cut" });
mirror!(Encapsulation { Vxlan = "vxlan", Gre = "gre", Geneve = "geneve" });
mirror!(Mode { Active = "active", ReadOnly = "read_only" });
mirror!(Rank {
    Root = "root",
    RootStandby = "root_standby",
    NextRoot = "next_root",
    NextRootStandby = "next_root_standby",
    StarCenter = "star_center",
    Standby = "standby",
    Leaf = "leaf"
});
mirror!(Resilience { Single = "single", Dual = "dual" });
mirror!(Standing { Enabled = "enabled", Disabled = "disabled", Leaving = "leaving" });
mirror!(Uplinks { Several = "several", One = "one" });
