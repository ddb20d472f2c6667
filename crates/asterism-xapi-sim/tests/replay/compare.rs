//! Compares an answer with the recorded one, and learns names on the way.

use serde_json::Value as Json;

use super::{
    client::Answer,
    exceptions,
    names::{Kind, Names, kind},
    xml,
};

/// The comparison of one answer.
pub(super) struct Comparison<'a> {
    names: &'a mut Names,
    pub(super) differences: Vec<String>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(names: &'a mut Names) -> Comparison<'a> {
        Comparison { names, differences: Vec::new() }
    }

    /// Compares a line's answer with ours.
    pub(super) fn answers(&mut self, line: &Json, answer: &Option<Answer>) {
        let Some(answer) = answer else {
            if line.get("no_answer").is_none() {
                self.differ("we gave no answer");
            }
            return;
        };
        if line.get("no_answer").is_some() {
            self.differ("we answered");
            return;
        }
        if line["status"] != answer.status {
            self.differ(format!("status {} and ours {}", line["status"], answer.status));
        }
        self.headers(&line["headers"], answer);
        match line["response"].as_str() {
            Some(text) => {
                let (theirs, ours) = (xml::read(text), xml::read(&answer.body));
                if line.get("response_trimmed").is_some() {
                    self.listed(&theirs, &ours);
                } else {
                    let request = line["request"].as_str().unwrap();
                    let method = request.split("methodName>").nth(1).unwrap().trim_end_matches("</");
                    self.results(method, &theirs["Value"], &ours["Value"]);
                    self.values("error", &theirs["ErrorDescription"], &ours["ErrorDescription"]);
                }
            }
            None => {
                let theirs = &line["response"];
                let ours: Json = serde_json::from_str(&answer.body).unwrap();
                self.values("id", &theirs["id"], &ours["id"]);
                self.values("jsonrpc", &theirs["jsonrpc"], &ours["jsonrpc"]);
                self.values("error", &theirs["error"], &ours["error"]);
                let method = line["request"]["method"].as_str().unwrap();
                if method == "system.listMethods" {
                    self.listed(&theirs["result"], &ours["result"]);
                } else if ours.get("error").is_none_or(Json::is_null) {
                    self.results(method, &theirs["result"], &ours["result"]);
                }
            }
        }
    }

    fn headers(&mut self, theirs: &Json, answer: &Answer) {
        let mut theirs: Vec<(String, String)> = theirs
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str().unwrap().to_owned()))
            .collect();
        let mut ours = answer.headers.clone();
        for headers in [&mut theirs, &mut ours] {
            // Its value is compared where it counts: the body must have that length to be read.
            headers
                .iter_mut()
                .filter(|(name, _)| name == "content-length")
                .for_each(|(_, value)| value.clear());
            headers.sort();
        }
        if theirs != ours {
            self.differ(format!("headers {theirs:?} and ours {ours:?}"));
        }
    }

    fn results(&mut self, method: &str, theirs: &Json, ours: &Json) {
        if theirs.get("events").is_some() {
            self.events(&theirs["events"], &ours["events"]);
            self.counts(&theirs["valid_ref_counts"], &ours["valid_ref_counts"]);
            self.values("token", &theirs["token"], &ours["token"]);
        } else {
            // A record's class is the method's; a field's value has the field's name behind it.
            let place = method.to_ascii_lowercase().replace(".get_", ".");
            let place = place.trim_end_matches("all_records_where").trim_end_matches("all_records");
            self.values(place.trim_end_matches(".record").trim_end_matches('.'), theirs, ours);
        }
    }

    /// The methods that we list are those of the classes that we simulate.
    fn listed(&mut self, theirs: &Json, ours: &Json) {
        let names = |json: &Json| {
            json.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let (theirs, ours) = (names(theirs), names(ours));
        // A recording that was trimmed shows only that the form is right.
        if theirs.len() > 100 {
            let unknown: Vec<_> = ours.iter().filter(|name| !theirs.contains(name)).collect();
            if !unknown.is_empty() {
                self.differ(format!("we list {unknown:?}"));
            }
        }
        for class in ["pool", "host", "network", "PIF", "tunnel", "SDN_controller"] {
            if !ours.contains(&format!("{class}.get_all_records")) {
                self.differ(format!("we do not list {class}"));
            }
        }
    }

    fn counts(&mut self, theirs: &Json, ours: &Json) {
        let (theirs, ours) = (theirs.as_object().unwrap(), ours.as_object().unwrap());
        if theirs.keys().ne(ours.keys()) {
            self.differ("other classes are counted");
        }
        for (class, count) in
            theirs.iter().filter(|(class, _)| !exceptions::NOT_COUNTED.contains(&class.as_str()))
        {
            if ours.get(class) != Some(count) {
                self.differ(format!("{count} of {class} are counted, and we count {:?}", ours.get(class)));
            }
        }
    }

    /// The same set of (class, operation, reference), with equal snapshots.
    fn events(&mut self, theirs: &Json, ours: &Json) {
        let mut ours: Vec<Json> = ours.as_array().unwrap().clone();
        let mut rest: Vec<Json> = theirs.as_array().unwrap().clone();
        rest.retain(|event| !exceptions::is_passing_task(event, self.names));
        // First those that are known, then those that only one can be, then any that fits: PIFs before tunnels, since
        // tunnels are told apart by their PIFs.
        rest.sort_by_key(|event| event["class"].as_str().map(|class| (class == "tunnel", class.to_owned())));
        for is_strict in [true, false] {
            let mut i = 0;
            while i < rest.len() {
                let fits = self.fitting(&rest[i], &ours);
                if fits.len() == 1 || (!is_strict && !fits.is_empty()) {
                    let (theirs, ours) = (rest.remove(i), ours.remove(fits[0]));
                    self.event(&theirs, &ours);
                    if is_strict {
                        i = 0;
                    }
                } else {
                    i += 1;
                }
            }
        }
        let shown = |event: &Json| format!("{} {} {}", event["operation"], event["class"], event["ref"]);
        for event in rest {
            self.differ(format!("event missing: {}", shown(&event)));
        }
        for event in ours {
            self.differ(format!("event too much: {} {}", shown(&event), event["snapshot"]));
        }
    }

    /// Which of our events an event of theirs can be.
    fn fitting(&self, theirs: &Json, ours: &[Json]) -> Vec<usize> {
        let known = self.names.ours(theirs["ref"].as_str().unwrap());
        let fits = |event: &Json| {
            if event["class"] != theirs["class"] || event["operation"] != theirs["operation"] {
                return false;
            }
            match known {
                Some(known) => event["ref"] == known.as_str(),
                None => {
                    let mut names = self.names.clone();
                    let mut trial = Comparison::new(&mut names);
                    trial.event(theirs, event);
                    trial.differences.is_empty()
                }
            }
        };
        (0..ours.len()).filter(|index| fits(&ours[*index])).collect()
    }

    fn event(&mut self, theirs: &Json, ours: &Json) {
        self.values("ref", &theirs["ref"], &ours["ref"]);
        self.values("timestamp", &theirs["timestamp"], &ours["timestamp"]);
        let has = |event: &Json| event.get("snapshot").is_some();
        if has(theirs) != has(ours) {
            self.differ("one has a snapshot");
        }
        let class = theirs["class"].as_str().unwrap();
        self.values(class, &theirs["snapshot"], &ours["snapshot"]);
    }

    fn values(&mut self, place: &str, theirs: &Json, ours: &Json) {
        match (theirs, ours) {
            (Json::Object(theirs), Json::Object(ours))
                if theirs.keys().any(|key| kind(key) == Kind::Reference) =>
            {
                self.records(place, theirs, ours);
            }
            (Json::Object(theirs_map), Json::Object(ours_map)) => {
                if exceptions::value(place).is_some() {
                    return;
                }
                let (mut only_theirs, mut only_ours) = (Vec::new(), Vec::new());
                only_theirs.extend(theirs_map.keys().filter(|key| !ours_map.contains_key(*key)));
                only_ours.extend(ours_map.keys().filter(|key| !theirs_map.contains_key(*key)));
                if !only_theirs.is_empty() || !only_ours.is_empty() {
                    self.differ(format!("{place} lacks {only_theirs:?} and has {only_ours:?} too much"));
                }
                for (key, theirs) in theirs_map {
                    if let Some(ours) = ours_map.get(key) {
                        self.values(&format!("{place}.{key}"), theirs, ours);
                    }
                }
            }
            (Json::Array(theirs), Json::Array(ours)) => self.arrays(place, theirs, ours),
            (Json::String(theirs), Json::String(ours)) => self.texts(place, theirs, ours),
            _ => {
                let same_type = std::mem::discriminant(theirs) == std::mem::discriminant(ours);
                if theirs != ours && !(same_type && exceptions::value(place).is_some()) {
                    self.differ(format!("{place} is {theirs}, and ours {ours}"));
                }
            }
        }
    }

    /// Records by reference: known ones first, others by what fits.
    fn records(
        &mut self,
        place: &str,
        theirs: &serde_json::Map<String, Json>,
        ours: &serde_json::Map<String, Json>,
    ) {
        let mut left: Vec<&String> = ours.keys().collect();
        let mut rest: Vec<(&String, &Json)> = theirs.iter().collect();
        for is_strict in [true, false] {
            let mut i = 0;
            while i < rest.len() {
                let (name, record) = rest[i];
                let fits: Vec<&String> = left
                    .iter()
                    .copied()
                    .filter(|key| match self.names.ours(name) {
                        Some(known) => known == *key,
                        None => !self.names.is_known_of_ours(key) && self.fits(place, record, &ours[*key]),
                    })
                    .collect();
                if fits.len() == 1 || (!is_strict && !fits.is_empty()) {
                    let key = fits[0];
                    self.names.learn(name, key);
                    self.values(place, record, &ours[key]);
                    left.retain(|other| *other != key);
                    rest.remove(i);
                    if is_strict {
                        i = 0;
                    }
                } else {
                    i += 1;
                }
            }
        }
        for (name, record) in rest {
            self.differ(format!("{place} has no {name}: {record}"));
        }
        for key in left {
            self.differ(format!("{place} has {key} too much: {}", ours[key]));
        }
    }

    fn fits(&self, place: &str, theirs: &Json, ours: &Json) -> bool {
        let mut names = self.names.clone();
        let mut trial = Comparison::new(&mut names);
        trial.values(place, theirs, ours);
        trial.differences.is_empty()
    }

    /// Sets of references are compared as sets; all else in order.
    fn arrays(&mut self, place: &str, theirs: &[Json], ours: &[Json]) {
        if theirs.len() != ours.len() && exceptions::value(place).is_some() {
            return;
        }
        if theirs.len() != ours.len() {
            self.differ(format!("{place} is {theirs:?}, and ours {ours:?}"));
            return;
        }
        let is_reference = |one: &Json| one.as_str().is_some_and(|text| kind(text) == Kind::Reference);
        if !place.starts_with("error") && theirs.iter().any(is_reference) {
            let unknown = |one: &&Json| self.names.ours(one.as_str().unwrap_or_default()).is_none();
            let (fresh, known): (Vec<_>, Vec<_>) = theirs.iter().partition(unknown);
            let missing: Vec<_> = known
                .iter()
                .filter(|one| {
                    let name = self.names.ours(one.as_str().unwrap_or_default());
                    !ours.iter().any(|ours| ours.as_str() == name.map(String::as_str))
                })
                .collect();
            if !missing.is_empty() {
                self.differ(format!("{place} lacks {missing:?}: ours {ours:?}, theirs {theirs:?}"));
            }
            let left: Vec<_> = ours
                .iter()
                .filter(|one| !self.names.is_known_of_ours(one.as_str().unwrap_or_default()))
                .collect();
            if let ([theirs], [ours]) = (&fresh[..], &left[..]) {
                self.values(place, theirs, ours);
            }
            return;
        }
        if place.starts_with("error") && theirs.len() > 2 && theirs[1..].iter().all(is_reference) {
            // Whose order is arbitrary: the PIFs of a network.
            self.values(place, &theirs[0], &ours[0]);
            self.arrays("references", &theirs[1..], &ours[1..]);
            return;
        }
        for (index, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
            self.values(&format!("{place}[{index}]"), theirs, ours);
        }
    }

    fn texts(&mut self, place: &str, theirs: &str, ours: &str) {
        // The result of a task is XML within the answer.
        let inner =
            |text: &'_ str| text.strip_prefix("<value>")?.strip_suffix("</value>").map(ToOwned::to_owned);
        if let (Some(theirs), Some(ours)) = (inner(theirs), inner(ours)) {
            return self.texts(place, &theirs, &ours);
        }
        let is_same = match kind(theirs) {
            Kind::Reference | Kind::Uuid => {
                (kind(ours) == kind(theirs) && self.names.learn(theirs, ours)) || theirs == ours
            }
            Kind::Mac => ours.len() == theirs.len() && ours.matches(':').count() == 5,
            Kind::Token => self.names.learn(theirs, ours),
            Kind::Date => kind(ours) == Kind::Date,
            Kind::Plain => self.names.translate(theirs) == ours || exceptions::value(place).is_some(),
        };
        if !is_same {
            self.differ(format!("{place} is `{theirs}`, and ours `{ours}`"));
        }
    }

    fn differ(&mut self, text: impl Into<String>) {
        self.differences.push(text.into());
    }
}
