//! What is claimed of the protocol simulation itself, and some seeds of it.

use asterism_chaos::protocol::{Breakage, Options, run};

#[test]
fn these_seeds_of_the_protocol_keep_every_promise() {
    let mut crashes = 0;
    for seed in 1..=4 {
        let report = run(seed, &Options::default());
        assert_eq!(
            report.violation, None,
            "`asterism-chaos protocol --seed {seed}` shows it again, and shrinks it"
        );
        assert!(report.writes > 50 && report.reads > 50, "seed {seed} did nearly nothing: {report:?}");
        crashes += report.crashes;
    }
    assert!(crashes > 0);
}

#[test]
fn a_seed_of_the_protocol_gives_one_trace() {
    let digest = || run(5, &Options::default()).digest;
    assert_eq!(digest(), digest());
}

#[test]
fn whatever_is_broken_of_the_protocol_is_noticed() {
    for broken in Breakage::ALL {
        let options = Options { broken: Some(*broken), ..Options::default() };
        let caught = (1..=10).find_map(|seed| run(seed, &options).violation);
        assert!(caught.is_some(), "{broken} goes unnoticed in ten seeds");
    }
}
