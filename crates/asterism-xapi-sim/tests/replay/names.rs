//! Which of our references, uuids, MACs and tokens is which one of the recording's.

use std::collections::BTreeMap;

use asterism_xapi_sim::Database;

/// What a text of the recording is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Reference,
    Uuid,
    Mac,
    Token,
    Date,
    Plain,
}

/// The names that are known so far, the recording's first.
#[derive(Clone, Default)]
pub(super) struct Names {
    ours: BTreeMap<String, String>,
    theirs: BTreeMap<String, String>,
}

impl Names {
    /// Those of the objects that are there at the start.
    pub(super) fn of_the_start(database: &Database) -> Names {
        let mut names = Names::default();
        let mut next_uuid = 1;
        let mut add = |class: &str, tag: &str, number: usize, reference: &str| {
            names.learn(&format!("OpaqueRef:{tag}-0000-0000-0000-{number:012}"), reference);
            names.learn(
                &format!("00000000-0000-0000-0000-{next_uuid:012}"),
                database.text(class, reference, "uuid"),
            );
            next_uuid += 1;
        };
        let hosts: Vec<String> =
            ["h1", "h2", "h3"].iter().map(|name| database.find_by_name("host", name).unwrap()).collect();
        let pif = |host: &String, device: &str| {
            let pifs = database.texts("host", host, "PIFs");
            pifs.into_iter().find(|pif| database.text("PIF", pif, "device") == device).unwrap()
        };
        let pifs: Vec<String> =
            hosts.iter().flat_map(|host| ["eth0", "eth1"].map(|device| pif(host, device))).collect();
        add("pool", "pool0000", 1, &database.pool());
        let metrics = |class: &str, owner: &String| database.text(class, owner, "metrics").to_owned();
        hosts.iter().enumerate().for_each(|(index, host)| add("host", "host0000", index + 1, host));
        for (index, host) in hosts.iter().enumerate() {
            add("host_metrics", "hostmetr", index + 1, &metrics("host", host));
        }
        for (index, pif) in pifs[..2].iter().enumerate() {
            add("network", "network0", index + 1, database.text("PIF", pif, "network"));
        }
        pifs.iter().enumerate().for_each(|(index, pif)| add("PIF", "pif00000", index + 1, pif));
        for (index, pif) in pifs.iter().enumerate() {
            add("PIF_metrics", "pifmetri", index + 1, &metrics("PIF", pif));
        }
        add("VM", "vm000000", 1, database.text("host", &hosts[0], "control_domain"));
        names
    }

    /// Takes note that a name of theirs is one of ours. Answers whether that agrees with what was known.
    pub(super) fn learn(&mut self, theirs: &str, ours: &str) -> bool {
        let (known_ours, known_theirs) = (self.ours.get(theirs), self.theirs.get(ours));
        // A token may be given twice: what counts is the latest.
        if kind(theirs) != Kind::Token && (known_ours.is_some() || known_theirs.is_some()) {
            return known_ours.is_some_and(|known| known == ours);
        }
        self.ours.insert(theirs.to_owned(), ours.to_owned());
        self.theirs.insert(ours.to_owned(), theirs.to_owned());
        true
    }

    pub(super) fn ours(&self, theirs: &str) -> Option<&String> {
        self.ours.get(theirs)
    }

    pub(super) fn is_known_of_ours(&self, ours: &str) -> bool {
        self.theirs.contains_key(ours)
    }

    /// A text with all names of theirs replaced by ours. In two steps, since one of our tokens may look like one of theirs.
    pub(super) fn translate(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let mut marks = Vec::new();
        for (index, (theirs, ours)) in self.ours.iter().enumerate() {
            if text.contains(theirs.as_str()) {
                let mark = format!("\u{1}{index}\u{1}");
                text = text.replace(theirs, &mark);
                marks.push((mark, ours));
            }
        }
        marks.into_iter().fold(text, |text, (mark, ours)| text.replace(&mark, ours))
    }
}

/// What a text of the recording is, by its shape.
pub(super) fn kind(text: &str) -> Kind {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_uuid = |text: &str| text.len() == 36 && text.as_bytes()[8] == b'-' && text.as_bytes()[23] == b'-';
    if text.strip_prefix("OpaqueRef:").is_some_and(is_uuid) {
        Kind::Reference
    } else if is_uuid(text) {
        Kind::Uuid
    } else if text.len() == 17 && (text.starts_with("02:00:00:00:00:") || text.starts_with("52:54:00:00:")) {
        Kind::Mac
    } else if text.len() == 41 && text.split(',').all(|part| part.len() == 20 && digits(part)) {
        Kind::Token
    } else if text.len() == 18 && text.as_bytes()[8] == b'T' && text.ends_with('Z') && digits(&text[..8]) {
        Kind::Date
    } else {
        Kind::Plain
    }
}
