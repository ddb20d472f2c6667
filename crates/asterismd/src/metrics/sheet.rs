//! One scrape's metrics, from their definitions to OpenMetrics text.

use std::{collections::BTreeMap, sync::atomic::AtomicU64};

use prometheus_client::{
    encoding::text,
    metrics::{MetricType, TypedMetric, family::Family, gauge::Gauge},
    registry::{Metric, Registry},
};

type Labels = Vec<(&'static str, String)>;
type Value = Gauge<f64, AtomicU64>;

/// What is known of a metric whether it has a value or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Without the suffixes of counters' and histograms' samples.
    pub name: &'static str,
    pub kind: &'static str,
    pub labels: Vec<&'static str>,
    pub help: &'static str,
}

/// A scrape.
#[derive(Debug, Default)]
pub struct Sheet {
    registry: Registry,
    definitions: BTreeMap<&'static str, Definition>,
}

impl Sheet {
    /// A single value.
    pub fn gauge(&mut self, name: &'static str, help: &'static str, value: f64) {
        self.gauges(name, help, [], [([], value)]);
    }

    /// A value for each set of labels; none is in order.
    pub fn gauges<const N: usize>(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: [&'static str; N],
        rows: impl IntoIterator<Item = ([String; N], f64)>,
    ) {
        let family = Family::<Labels, Value>::default();
        for (values, value) in rows {
            if N == 0 {
                // A family would write braces with nothing between them.
                let single = Value::default();
                single.set(value);
                return self.add(name, help, "gauge", &labels, single);
            }
            let set: Labels = labels.into_iter().zip(values).collect();
            family.get_or_create(&set).set(value);
        }
        self.add(name, help, "gauge", &labels, family);
    }

    /// What is counted as it happens; `labels` are those of its family.
    pub fn kept<M: Metric + TypedMetric>(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &[&'static str],
        metric: M,
    ) {
        let kind = match M::TYPE {
            MetricType::Counter => "counter",
            MetricType::Histogram => "histogram",
            MetricType::Gauge => "gauge",
            MetricType::Info => "info",
            MetricType::Unknown => "unknown",
        };
        self.add(name, help, kind, labels, metric);
    }

    fn add(
        &mut self,
        name: &'static str,
        help: &'static str,
        kind: &'static str,
        labels: &[&'static str],
        metric: impl Metric,
    ) {
        self.registry.register(name, help, metric);
        let definition = Definition { name, kind, labels: labels.to_vec(), help };
        let twice = self.definitions.insert(name, definition);
        debug_assert!(twice.is_none(), "two metrics are called {name}");
    }

    /// By name.
    pub fn definitions(&self) -> impl Iterator<Item = &Definition> {
        self.definitions.values()
    }

    /// OpenMetrics 1.0.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        text::encode(&mut out, &self.registry).expect("writing to a string does not fail");
        out
    }
}
