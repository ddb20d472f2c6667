//! Reads a scenario file. Pure: text to [`Scenario`], or a sentence that names the line and what would be valid.
//!
//! One statement a line; what follows `#` is a comment. Indented lines are the event of the `measure` above them, and
//! `promise` lines after it belong to it:
//!
//! ```text
//! # A star-center dies; no controller runs.
//! lab pools=3 hosts=3 controllers=3
//! network blue pools=1,2,3 resilience=dual encapsulation=vxlan
//! vms
//! stop controllers
//! measure "star-center dies"
//!   kill center
//! promise gap < 500ms
//! promise broadcasts once
//! ```

use std::time::Duration;

use super::cursor::Cursor;
use super::words::{
    Cable, CableOf, HostVerb, LabSize, Measure, NetworkWords, Place, PoolWord, Power, Promise, Scenario,
    Step, Verb, Who,
};

type Parsed<T> = Result<T, String>;

const STATEMENTS: &str = "network, vms, let, kill, revive, reboot, freeze, thaw, cut, mend, stop, start, drain, \
                          undrain, move-center, move-pool-center, set, grow, steer, sleep, wait, measure, promise, bench";

/// Reads the text of a file named `name`.
///
/// # Errors
/// A sentence that begins with `name:line:`.
pub fn parse(name: &str, text: &str) -> Result<Scenario, String> {
    let mut reader = Reader::default();
    for (line, content) in (1..).zip(text.lines()) {
        reader.line(line, content).map_err(|problem| format!("{name}:{line}: {problem}"))?;
    }
    let size = reader.size.ok_or_else(|| format!("{name}: no `lab` line; expected `lab pools=3 hosts=3`"))?;
    let about = about(text);
    Ok(Scenario {
        name: name.to_owned(),
        about,
        is_bench_only: reader.is_bench_only,
        size,
        steps: reader.steps,
    })
}

/// The comment that the file begins with.
fn about(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix('#'));
    lines.map(str::trim).collect::<Vec<_>>().join(" ")
}

#[derive(Default)]
struct Reader {
    size: Option<LabSize>,
    is_bench_only: bool,
    steps: Vec<Step>,
}

impl Reader {
    fn line(&mut self, line: usize, content: &str) -> Parsed<()> {
        let is_indented = content.starts_with([' ', '\t']);
        let mut words = Cursor::new(content)?;
        if words.is_empty() {
            return Ok(());
        }
        match words.peek() {
            Some("lab") => self.size = Some(lab(words.after())?),
            Some("bench") => {
                words.after().expect("only")?;
                self.is_bench_only = true;
            }
            Some("promise") => {
                let promise = promise(words.after())?;
                let measure = self.measure().ok_or("a promise without a `measure` above it")?;
                if matches!(promise, Promise::Settled { .. }) && !measure.waits() {
                    return Err("`settled within` needs a `wait settled` in the event above".to_owned());
                }
                measure.promises.push(promise);
            }
            Some(_) | None => {
                let verb = verb(&mut words)?;
                let step = Step { line, verb };
                if is_indented {
                    let measure = self.measure().ok_or("indented without a `measure` above it")?;
                    measure.steps.push(step);
                } else {
                    self.steps.push(step);
                }
            }
        }
        words.end()
    }

    /// The measure that the last statement began.
    fn measure(&mut self) -> Option<&mut Measure> {
        match self.steps.last_mut().map(|step| &mut step.verb) {
            Some(Verb::Measure(measure)) => Some(measure),
            Some(_) | None => None,
        }
    }
}

fn lab(words: &mut Cursor<'_>) -> Parsed<LabSize> {
    let mut size = LabSize { pools: 1, hosts: 2, controllers: 3 };
    while let Some((key, value)) = words.option()? {
        match key.as_str() {
            "pools" => size.pools = number(&value)?,
            "hosts" => size.hosts = number(&value)?,
            "controllers" => size.controllers = number(&value)?,
            _ => return Err(format!("`{key}`: expected pools, hosts or controllers")),
        }
    }
    Ok(size)
}

fn verb(words: &mut Cursor<'_>) -> Parsed<Verb> {
    let verb = words.next("a statement")?;
    Ok(match verb.as_str() {
        "network" => network(words)?,
        "vms" => Verb::Vms { in_all: words.take("all") },
        "let" => {
            let name = words.next("a name")?;
            words.expect("=")?;
            Verb::Let { name, who: who(words)? }
        }
        "kill" => Verb::Host(HostVerb::Kill, who(words)?),
        "revive" => Verb::Host(HostVerb::Revive, who(words)?),
        "reboot" => Verb::Host(HostVerb::Reboot, who(words)?),
        "freeze" => Verb::Host(HostVerb::Freeze, who(words)?),
        "thaw" => Verb::Host(HostVerb::Thaw, who(words)?),
        "cut" => cable(Cable::Cut, words)?,
        "mend" => cable(Cable::Mend, words)?,
        "stop" => controllers(Power::Stop, words)?,
        "start" => controllers(Power::Start, words)?,
        "drain" => Verb::Drain(who(words)?),
        "undrain" => Verb::Undrain(who(words)?),
        "move-center" => Verb::MoveCenter(who(words)?),
        "move-pool-center" => Verb::MovePoolCenter(pool(&words.next("a pool")?)?),
        "set" => Verb::Set(options(words, &["resilience", "detection", "mtu"])?),
        "grow" => grow(words)?,
        "steer" => Verb::Steer,
        "sleep" => sleep(words)?,
        "wait" => {
            words.expect("settled")?;
            Verb::WaitSettled
        }
        "measure" => measure(words)?,
        _ => return Err(format!("`{verb}`: expected one of {STATEMENTS}")),
    })
}

fn network(words: &mut Cursor<'_>) -> Parsed<Verb> {
    let name = words.next("a name for the network")?;
    let known = ["pools", "count", "resilience", "encapsulation", "detection", "mtu"];
    let (mut pools, mut count, mut rest) = (Vec::new(), 1, Vec::new());
    for (key, value) in options(words, &known)? {
        match key.as_str() {
            "pools" => pools = value.split(',').map(number).collect::<Parsed<_>>()?,
            "count" => count = number(&value)?,
            _ => rest.push((key, value)),
        }
    }
    if pools.is_empty() || count == 0 {
        return Err("a network wants pools, as in `pools=1,2`, and a `count` of 1 at least".to_owned());
    }
    Ok(Verb::Network(NetworkWords { name, pools, count, options: rest }))
}

fn options(words: &mut Cursor<'_>, known: &[&str]) -> Parsed<Vec<(String, String)>> {
    let mut found = Vec::new();
    while let Some((key, value)) = words.option()? {
        if !known.contains(&key.as_str()) {
            return Err(format!("`{key}`: expected one of {}", known.join(", ")));
        }
        found.push((key, value));
    }
    Ok(found)
}

fn cable(what: Cable, words: &mut Cursor<'_>) -> Parsed<Verb> {
    match words.next("path, management or transport")?.as_str() {
        "path" => Ok(Verb::Path(what, who(words)?, who(words)?)),
        "management" => Ok(Verb::Cable(what, CableOf::Management, who(words)?)),
        "transport" => Ok(Verb::Cable(what, CableOf::Transport, who(words)?)),
        other => Err(format!("`{other}`: expected path, management or transport")),
    }
}

fn controllers(power: Power, words: &mut Cursor<'_>) -> Parsed<Verb> {
    words.expect("controllers")?;
    Ok(Verb::Controllers(power))
}

fn grow(words: &mut Cursor<'_>) -> Parsed<Verb> {
    let pool = match pool(&words.next("a pool")?)? {
        PoolWord::Number(pool) => pool,
        PoolWord::Outer | PoolWord::Inner => return Err("a pool grows by its name: p1".to_owned()),
    };
    words.expect("to")?;
    Ok(Verb::Grow { pool, hosts: number(&words.next("a number of hosts")?)? })
}

fn sleep(words: &mut Cursor<'_>) -> Parsed<Verb> {
    let text = words.next("a time, such as 10s, or two, as in 10s|60s")?;
    let (short, long) = text.split_once('|').unwrap_or((&text, &text));
    Ok(Verb::Sleep { short: time(short)?, long: time(long)? })
}

fn measure(words: &mut Cursor<'_>) -> Parsed<Verb> {
    let title = words.next("a title in quotes")?;
    let at = if words.take("at") { Some(number(&words.next("a number")?)?) } else { None };
    Ok(Verb::Measure(Measure { title, at, steps: Vec::new(), promises: Vec::new() }))
}

fn promise(words: &mut Cursor<'_>) -> Parsed<Promise> {
    match words.next("a promise")?.as_str() {
        "gap" => {
            words.expect("<")?;
            Ok(Promise::Gap { below: time(&words.next("a time")?)? })
        }
        "lost" => {
            words.expect("<=")?;
            Ok(Promise::Lost { at_most: number(&words.next("a number of probes")?)? })
        }
        "rows" if words.take("only") => Ok(Promise::RowsOnlyOf(places(words)?)),
        "rows" => {
            words.expect("0")?;
            Ok(Promise::NoRows)
        }
        "broadcasts" => {
            words.expect("once")?;
            Ok(Promise::BroadcastsOnce)
        }
        "settled" => {
            words.expect("within")?;
            Ok(Promise::Settled { within: time(&words.next("a time")?)? })
        }
        other => Err(format!("`{other}`: expected gap, lost, rows, broadcasts or settled")),
    }
}

/// Pools and hosts: `outer root root-standby`.
fn places(words: &mut Cursor<'_>) -> Parsed<Vec<Place>> {
    let mut places = Vec::new();
    while let Some(word) = words.peek() {
        let place = match pool(word) {
            Ok(pool) => {
                words.after();
                Place::Pool(pool)
            }
            Err(_) => Place::Host(who(words)?),
        };
        places.push(place);
    }
    if places.is_empty() { Err("expected pools or hosts after `rows only`".to_owned()) } else { Ok(places) }
}

fn who(words: &mut Cursor<'_>) -> Parsed<Who> {
    let word = words.next("a host")?;
    let role: fn(PoolWord) -> Who = match word.as_str() {
        "root" => return Ok(Who::Root),
        "root-standby" => return Ok(Who::RootStandby),
        "center" => Who::Center,
        "standby" => Who::Standby,
        "leaf" => Who::Leaf,
        word if word.contains('/') => {
            return word.parse().map(Who::Host).map_err(|error: crate::LabError| error.to_string());
        }
        _ => return Ok(Who::Named(word)),
    };
    let of = words.peek().and_then(|word| pool(word).ok());
    if of.is_some() {
        words.after();
    }
    Ok(role(of.unwrap_or(PoolWord::Outer)))
}

fn pool(word: &str) -> Parsed<PoolWord> {
    match word {
        "outer" => Ok(PoolWord::Outer),
        "inner" => Ok(PoolWord::Inner),
        _ => {
            let digits = word.strip_prefix('p').and_then(|digits| digits.parse().ok());
            digits
                .map(PoolWord::Number)
                .ok_or_else(|| format!("`{word}`: expected a pool: p1, outer or inner"))
        }
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Parsed<T> {
    text.parse().map_err(|_| format!("`{text}`: expected a number that fits"))
}

/// `500ms`, `10s` or `2m`.
fn time(text: &str) -> Parsed<Duration> {
    let wrong = || format!("`{text}`: expected a time, such as 500ms, 10s or 2m");
    let digits = text.find(|byte: char| !byte.is_ascii_digit()).ok_or_else(wrong)?;
    let (count, unit) = text.split_at(digits);
    let count: u64 = count.parse().map_err(|_| wrong())?;
    match unit {
        "ms" => Ok(Duration::from_millis(count)),
        "s" => Ok(Duration::from_secs(count)),
        "m" => Ok(Duration::from_secs(60 * count)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "\
# A star-center dies;
# no controller runs.
lab pools=3 hosts=2
network blue pools=1,2,3 resilience=dual
vms
let old = center p2
stop controllers       # all of them
measure \"a star-center dies\" at 4
  kill old
  sleep 1s|1m
  wait settled
promise gap < 500ms
promise rows only p2 root root-standby leaf p1
promise settled within 10s
";

    #[test]
    fn a_file_is_read_as_it_is_meant() {
        let scenario = parse("example", EXAMPLE).unwrap();
        assert_eq!(scenario.about, "A star-center dies; no controller runs.");
        assert_eq!(scenario.size, LabSize { pools: 3, hosts: 2, controllers: 3 });
        assert!(!scenario.is_bench_only);
        let verbs: Vec<&Verb> = scenario.steps.iter().map(|step| &step.verb).collect();
        assert_eq!(verbs.len(), 5);
        assert_eq!(verbs[2], &Verb::Let { name: "old".into(), who: Who::Center(PoolWord::Number(2)) });
        let Verb::Measure(measure) = verbs[4] else { panic!("{verbs:?}") };
        assert_eq!((measure.title.as_str(), measure.at), ("a star-center dies", Some(4)));
        assert_eq!(measure.steps[0].verb, Verb::Host(HostVerb::Kill, Who::Named("old".into())));
        assert_eq!(
            measure.steps[1].verb,
            Verb::Sleep { short: Duration::from_secs(1), long: Duration::from_secs(60) }
        );
        assert_eq!(measure.promises[0], Promise::Gap { below: Duration::from_millis(500) });
        let places = vec![
            Place::Pool(PoolWord::Number(2)),
            Place::Host(Who::Root),
            Place::Host(Who::RootStandby),
            Place::Host(Who::Leaf(PoolWord::Number(1))),
        ];
        assert_eq!(measure.promises[1], Promise::RowsOnlyOf(places));
    }

    #[test]
    fn a_line_that_means_nothing_is_named_with_what_would_be_valid() {
        let problem = |line: &str| parse("f", &format!("lab pools=1\n{line}\n")).unwrap_err();
        assert!(problem("explode p1/h1").starts_with("f:2: `explode`: expected one of network, vms"));
        assert_eq!(problem("kill"), "f:2: expected a host");
        assert_eq!(problem("kill p1/h2 now"), "f:2: `now` is too much");
        assert!(problem("kill p1/h0").contains("such as p1/h2"));
        assert_eq!(problem("sleep soon"), "f:2: `soon`: expected a time, such as 500ms, 10s or 2m");
        assert_eq!(problem("promise gap < 1s"), "f:2: a promise without a `measure` above it");
        assert_eq!(problem("  kill root"), "f:2: indented without a `measure` above it");
        assert_eq!(problem("measure \"open"), "f:2: a quote is not closed");
        assert_eq!(problem("network blue pools=1 colour=blue").split(": ").nth(1), Some("`colour`"));
        assert_eq!(parse("f", "vms\n").unwrap_err(), "f: no `lab` line; expected `lab pools=3 hosts=3`");
    }

    #[test]
    fn a_promise_to_settle_wants_a_wait() {
        let text = "lab pools=1\nmeasure \"x\"\n  kill root\npromise settled within 10s\n";
        assert_eq!(
            parse("f", text).unwrap_err(),
            "f:4: `settled within` needs a `wait settled` in the event above"
        );
    }
}
