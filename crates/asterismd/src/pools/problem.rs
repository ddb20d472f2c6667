//! Why a pool's XAPI can't be used, for the operator who asked: a reason for programs, the field that would have to be
//! another, and a sentence that says what to do.

use asterism_api::{ApiError, FieldError};
use asterism_model::chain;
use asterism_xapi::XapiError;

/// How an operator sees a host's certificate at the host.
const COMPARE: &str = "openssl x509 -in /etc/xensource/xapi-ssl.pem -noout -fingerprint -sha256";

/// Nothing can be sealed here.
pub fn no_cluster_key() -> ApiError {
    ApiError::Pool {
        reason: "no_cluster_key",
        field: "access.password",
        problem: "the leader has no key to seal a password with: set `[secrets] key` in the configuration of every replica, \
                  the same file on all (`asterctl pki init` makes it)"
            .into(),
    }
}

/// What the edge met, in the API's words.
pub fn api_error(error: &XapiError) -> ApiError {
    if let XapiError::Trust(_) = error {
        return FieldError::new("access.trust", chain(error)).into();
    }
    let told = most_telling(error);
    let (reason, field, hint) = classify(told);
    let problem = chain(error);
    ApiError::Pool {
        reason,
        field,
        problem: if hint.is_empty() { problem } else { format!("{problem}; {hint}") },
    }
}

/// Of a search at many addresses, what an operator can do something about: an address that does not answer says least.
fn most_telling(error: &XapiError) -> &XapiError {
    let XapiError::NoMaster { attempts } = error else { return error };
    let tells = |attempt: &&XapiError| {
        !matches!(attempt, XapiError::Unreachable { .. } | XapiError::LeftAlone { .. })
    };
    attempts.iter().find(tells).or(attempts.first()).map_or(error, most_telling)
}

fn classify(error: &XapiError) -> (&'static str, &'static str, String) {
    let none = String::new;
    match error {
        XapiError::Trust(_) => ("xapi_untrusted", "access.trust", none()),
        XapiError::NoAddress | XapiError::Unreachable { .. } | XapiError::NoMaster { .. } => {
            ("xapi_unreachable", "access.addresses", none())
        }
        XapiError::Fingerprint { found, .. } => (
            "xapi_fingerprint",
            "access.trust",
            format!("if `{COMPARE}` on that host shows the same, accept it with --fingerprint {found}"),
        ),
        XapiError::Untrusted { .. } => (
            "xapi_untrusted",
            "access.trust",
            "give the authority that signed it with --xapi-ca, or the certificate itself with --fingerprint"
                .into(),
        ),
        XapiError::NotXapi { .. } => ("not_xapi", "access.addresses", none()),
        XapiError::Slave { master, .. } => {
            ("xapi_slave", "access.addresses", format!("give the master's: --xapi {master}"))
        }
        XapiError::MasterUnknown { .. } => ("xapi_slave", "access.addresses", none()),
        XapiError::Authentication { .. } | XapiError::LeftAlone { .. } => {
            ("xapi_authentication", "access.password", none())
        }
        XapiError::WrongPool { .. } => ("xapi_other_pool", "access.addresses", none()),
        XapiError::Rights { .. } => ("xapi_rights", "access.user", none()),
        XapiError::Emergency { .. }
        | XapiError::Refused { .. }
        | XapiError::Expired { .. }
        | XapiError::Incomplete { .. } => ("xapi_failed", "", none()),
    }
}

#[cfg(test)]
mod tests {
    use asterism_model::{CertificateFingerprint, XapiAddress};

    use super::*;

    fn address() -> XapiAddress {
        "https://10.0.0.2".parse().unwrap()
    }

    fn told(error: &XapiError) -> (&'static str, &'static str, String) {
        let ApiError::Pool { reason, field, problem } = api_error(error) else {
            panic!("{error} is told otherwise");
        };
        (reason, field, problem)
    }

    #[test]
    fn a_slave_names_the_master_and_how_to_give_it() {
        let master = "https://10.0.0.1".parse().unwrap();
        let (reason, field, text) = told(&XapiError::Slave { address: address(), master });
        assert_eq!((reason, field), ("xapi_slave", "access.addresses"));
        assert!(text.contains("--xapi https://10.0.0.1"), "{text}");
    }

    #[test]
    fn a_wrong_fingerprint_tells_the_one_seen_and_how_to_accept_it() {
        let found = CertificateFingerprint([0xab; 32]);
        let expected = [CertificateFingerprint([1; 32])].into();
        let (reason, _, text) = told(&XapiError::Fingerprint { address: address(), found, expected });
        assert_eq!(reason, "xapi_fingerprint");
        assert!(text.contains(&format!("--fingerprint {found}")), "{text}");
    }

    #[test]
    fn of_many_attempts_the_one_that_says_most_is_told() {
        let password = XapiError::Authentication { address: address(), user: "root".into() };
        let alone = XapiError::LeftAlone { address: address(), user: "root".into() };
        let (reason, field, text) = told(&XapiError::NoMaster { attempts: vec![alone, password] });
        assert_eq!((reason, field), ("xapi_authentication", "access.password"));
        assert!(text.contains("wrong name or password"), "{text}");
        assert_eq!(told(&XapiError::NoMaster { attempts: Vec::new() }).0, "xapi_unreachable");
    }
}
