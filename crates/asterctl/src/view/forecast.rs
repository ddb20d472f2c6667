//! What would come of a failure, as it is shown.

use asterism_api::v1;
use serde::Serialize;

use super::{View, word, word_of};
use crate::output::table::{indent, table};

#[derive(Debug, Serialize)]
pub struct ForecastView {
    pub networks: Vec<NetworkForecastView>,
    /// How many networks stay as they are.
    pub untouched: u32,
    pub controllers: Option<ControllersView>,
}

#[derive(Debug, Serialize)]
pub struct NetworkForecastView {
    pub network: String,
    pub killed: Vec<String>,
    pub successions: Vec<SuccessionView>,
    /// Pairs of hosts that lose frames for a while.
    pub interruptions: Vec<InterruptionView>,
    /// Pairs of living hosts that are cut for good; null where there are none.
    pub cut: Option<InterruptionView>,
    /// Pairs of living hosts in all.
    pub pairs: u64,
}

#[derive(Debug, Serialize)]
pub struct SuccessionView {
    pub subject: String,
    pub pool: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub remedy: String,
}

#[derive(Debug, Serialize)]
pub struct InterruptionView {
    pub pairs: u64,
    pub examples: Vec<[String; 2]>,
    /// Null where it lasts.
    pub heals_within_ms: Option<u32>,
    pub remedy: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct ControllersView {
    pub voters: u32,
    pub voters_left: u32,
    pub has_quorum: bool,
    pub leader_within_ms: Option<u32>,
}

impl From<v1::Forecast> for ForecastView {
    fn from(forecast: v1::Forecast) -> Self {
        let controllers = forecast.controllers.map(|controllers| ControllersView {
            voters: controllers.voters,
            voters_left: controllers.voters_left,
            has_quorum: controllers.has_quorum,
            leader_within_ms: controllers.leader_within_ms,
        });
        let networks = forecast.networks.into_iter().map(NetworkForecastView::from).collect();
        Self { networks, untouched: forecast.untouched, controllers }
    }
}

impl From<v1::NetworkForecast> for NetworkForecastView {
    fn from(network: v1::NetworkForecast) -> Self {
        Self {
            network: network.network,
            killed: network.killed,
            successions: network.successions.into_iter().map(SuccessionView::from).collect(),
            interruptions: network.interruptions.into_iter().map(InterruptionView::from).collect(),
            cut: network.cut.filter(|cut| cut.pairs > 0).map(InterruptionView::from),
            pairs: network.pairs,
        }
    }
}

impl From<v1::Succession> for SuccessionView {
    fn from(succession: v1::Succession) -> Self {
        let subject = v1::planned_choice::Subject::try_from(succession.subject).ok();
        Self {
            subject: word_of(subject.map(|subject| subject.as_str_name()), "SUBJECT_"),
            pool: succession.pool,
            from: succession.from,
            to: succession.to,
            remedy: word!(Remedy, "REMEDY_", succession.remedy),
        }
    }
}

impl From<v1::Interruption> for InterruptionView {
    fn from(interruption: v1::Interruption) -> Self {
        let examples = interruption.examples.into_iter().map(|v1::HostPair { one, other }| [one, other]);
        let remedy = interruption.heals_within_ms.map(|_| word!(Remedy, "REMEDY_", interruption.remedy));
        Self {
            pairs: interruption.pairs,
            examples: examples.collect(),
            heals_within_ms: interruption.heals_within_ms,
            remedy,
        }
    }
}

/// By what, for people.
fn remedy_text(remedy: &str) -> &'static str {
    match remedy {
        "data_plane" => "by the switches alone",
        "election" => "by an election",
        _ => "somehow",
    }
}

impl SuccessionView {
    fn cells(&self) -> Vec<String> {
        let subject = self.subject.replace('_', "-");
        vec![
            self.pool.as_ref().map_or_else(|| subject.clone(), |pool| format!("{subject} of {pool}")),
            self.from.clone().unwrap_or_default(),
            self.to.clone().unwrap_or_default(),
            remedy_text(&self.remedy).to_owned(),
        ]
    }
}

impl InterruptionView {
    /// `12 of 66 pairs`, with a few of them.
    fn pairs_text(&self, all: u64) -> String {
        let examples: Vec<String> =
            self.examples.iter().take(3).map(|[one, other]| format!("{one} - {other}")).collect();
        let more = if self.pairs > 3 { ", .." } else { "" };
        let examples =
            if examples.is_empty() { String::new() } else { format!(" ({}{more})", examples.join(", ")) };
        format!("{} of {all} pairs{examples}", self.pairs)
    }
}

impl NetworkForecastView {
    fn text(&self) -> String {
        let mut text = format!("{}:\n", self.network);
        if !self.killed.is_empty() {
            text.push_str(&indent(&format!("killed: {}", self.killed.join(", "))));
        }
        if !self.successions.is_empty() {
            let rows: Vec<Vec<String>> = self.successions.iter().map(SuccessionView::cells).collect();
            text.push_str(&indent(&table(&["OFFICE", "FROM", "TO", "HOW"], &rows)));
        }
        for interruption in &self.interruptions {
            let pairs = interruption.pairs_text(self.pairs);
            let how = interruption.remedy.as_deref().map(remedy_text).unwrap_or_default();
            let within = interruption.heals_within_ms.unwrap_or_default();
            text.push_str(&indent(&format!("interrupted for {within} ms at most, healed {how}: {pairs}")));
        }
        match &self.cut {
            Some(cut) => text.push_str(&indent(&format!("cut for good: {}", cut.pairs_text(self.pairs)))),
            None if self.interruptions.is_empty() => {
                text.push_str(&indent("no pair of living hosts loses a frame"));
            }
            None => text.push_str(&indent("no pair of living hosts is cut for good")),
        }
        text
    }
}

impl ControllersView {
    fn text(&self) -> String {
        let Self { voters, voters_left, has_quorum, leader_within_ms } = self;
        let mut text = format!("controllers: {voters_left} of {voters} voters left");
        if let Some(within) = leader_within_ms {
            text.push_str(&format!(", a new leader within {within} ms"));
        }
        if !has_quorum {
            text.push_str(
                ", no quorum: nothing can be changed and nobody elected; networks go on, and heal by the switches alone",
            );
        }
        text + "\n"
    }
}

impl View for ForecastView {
    const KIND: &'static str = "Forecast";
    const COLUMNS: &'static [&'static str] = &["NETWORKS", "UNTOUCHED"];

    fn cells(&self) -> Vec<String> {
        vec![self.networks.len().to_string(), self.untouched.to_string()]
    }

    fn text(&self) -> String {
        let mut text: String = self.networks.iter().map(NetworkForecastView::text).collect();
        text.push_str(&match (self.networks.len(), self.untouched) {
            (0, _) => "no network changes\n".to_owned(),
            (_, 0) => String::new(),
            (_, 1) => "1 network stays as it is\n".to_owned(),
            (_, untouched) => format!("{untouched} networks stay as they are\n"),
        });
        if let Some(controllers) = self.controllers.as_ref().filter(|it| it.voters != it.voters_left) {
            text.push_str(&controllers.text());
        }
        text
    }
}
