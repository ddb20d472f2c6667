//! Exchanges that were recorded with a real XAPI (version 23.4). They stand with the simulator, which replays them whole.

use std::fs;

use serde_json::Value;

/// One exchange over JSON-RPC.
pub struct Exchange {
    pub step: String,
    pub request: Value,
    pub response: Value,
}

impl Exchange {
    pub fn method(&self) -> &str {
        self.request["method"].as_str().unwrap_or_default()
    }
}

/// Those of a recording that are calls over JSON-RPC with an answer.
pub fn exchanges(name: &str) -> Vec<Exchange> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../asterism-xapi-sim/tests/wire");
    let text = fs::read_to_string(format!("{directory}/{name}.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let calls = lines.filter(|line| {
        let protocol = line["protocol"].as_str().unwrap_or_default();
        protocol.starts_with("jsonrpc") && line["response"].is_object() && line["request"].is_object()
    });
    let exchanges: Vec<Exchange> = calls
        .map(|line| Exchange {
            step: line["step"].as_str().unwrap_or_default().to_owned(),
            request: line["request"].clone(),
            response: line["response"].clone(),
        })
        .collect();
    assert!(!exchanges.is_empty(), "{name} holds no calls");
    exchanges
}
