//! Finds the pool's master among all addresses that may lead to it.
//!
//! The address that served last has a head start; then all others are asked at once, and each may point at the master.
//! The first that is the master of the expected pool wins. A pool has one master only, but old masters, ejected hosts
//! and strangers at a member's old address answer too, so whoever answers is believed after [`Session::open`] only.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use asterism_model::XapiAddress;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use crate::{config::XapiConfig, error::XapiError, http::HttpError, session::Session};

/// What one attempt gave.
type Attempt = (XapiAddress, Result<Session, XapiError>);

/// Addresses to be left alone until then, since they refused our password.
pub(crate) type LeftAlone = BTreeMap<XapiAddress, Instant>;

/// Asks `first` with a head start, then `others` too. An address in `left_alone` is not asked before its time; those that
/// refuse our password are added to it.
pub(crate) async fn find_master(
    config: &XapiConfig,
    first: Option<&XapiAddress>,
    others: &BTreeSet<XapiAddress>,
    left_alone: &mut LeftAlone,
) -> Result<Session, XapiError> {
    left_alone.retain(|_, until| *until > Instant::now());
    let mut search = Search {
        config: Arc::new(config.clone()),
        running: JoinSet::new(),
        asked: BTreeMap::new(),
        errors: vec![],
    };
    if let Some(first) = first {
        search.ask(first.clone(), 0, left_alone);
        let head_start = search.run(left_alone);
        if let Ok(Ok(session)) = timeout(config.deadlines.head_start, head_start).await {
            return Ok(session);
        }
    }
    for address in others {
        search.ask(address.clone(), 0, left_alone);
    }
    match search.run(left_alone).await {
        Ok(session) => Ok(session),
        Err(NoneLeft) => Err(search.failed()),
    }
}

struct Search {
    config: Arc<XapiConfig>,
    running: JoinSet<Attempt>,
    /// With the number of hints that led there.
    asked: BTreeMap<XapiAddress, usize>,
    errors: Vec<XapiError>,
}

/// All attempts have failed.
struct NoneLeft;

impl Search {
    fn ask(&mut self, address: XapiAddress, hints: usize, left_alone: &LeftAlone) {
        if self.asked.contains_key(&address) {
            return;
        }
        self.asked.insert(address.clone(), hints);
        if left_alone.contains_key(&address) {
            let user = self.config.user.clone();
            self.errors.push(XapiError::LeftAlone { address, user });
            return;
        }
        let config = Arc::clone(&self.config);
        self.running.spawn(async move {
            let deadline = config.deadlines.login;
            let opened = timeout(deadline, Session::open(&config, &address)).await;
            let session = opened.unwrap_or_else(|_| {
                let source = HttpError::TimedOut { address: address.clone(), after: deadline };
                Err(XapiError::Unreachable { address: address.clone(), source })
            });
            (address, session)
        });
    }

    /// Takes in attempts until one wins. May be dropped and called again.
    async fn run(&mut self, left_alone: &mut LeftAlone) -> Result<Session, NoneLeft> {
        while let Some(attempt) = self.running.join_next().await {
            // An attempt that was aborted or panicked is none.
            let Ok((address, result)) = attempt else { continue };
            match result {
                Ok(session) => return Ok(session),
                Err(error) => self.learn(&address, error, left_alone),
            }
        }
        Err(NoneLeft)
    }

    fn learn(&mut self, address: &XapiAddress, error: XapiError, left_alone: &mut LeftAlone) {
        let hints = self.asked.get(address).copied().unwrap_or_default();
        if let XapiError::Slave { master, .. } = &error
            && hints < self.config.limits.hints
        {
            self.ask(master.clone(), hints + 1, left_alone);
        }
        if let XapiError::Authentication { .. } = &error {
            left_alone.insert(address.clone(), Instant::now() + self.config.deadlines.refused_password);
        }
        self.errors.push(error);
    }

    fn failed(&mut self) -> XapiError {
        let mut errors = std::mem::take(&mut self.errors);
        match errors.pop() {
            None => XapiError::NoAddress,
            Some(only) if errors.is_empty() => only,
            Some(last) => {
                errors.push(last);
                XapiError::NoMaster { attempts: errors }
            }
        }
    }
}
